"""From the log in the database to ratings: who counts, what is connected, and by which method."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from annotation.errors import Invalid
from annotation.models import Comparison, Image, Membership, Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.projects import update_project
from rating.algorithms.methods import METHODS
from rating.algorithms.posterior import order_probability
from rating.algorithms.ranks import draws_of
from rating.algorithms.results import NotConverged, Ratings
from rating.models import SetAside
from rating.selectors import read_log
from rating.services import choose_method, recompute, set_aside, take_back
from rating.services.runs import fit
from tests.api import as_user, url
from tests.conftest import membership

pytestmark = pytest.mark.django_db
AddImages = Callable[..., list[Image]]


def judge(project: Project, user: User, outcome: Callable[[Image, Image], Outcome]) -> None:
    """Every pair that is left for this person."""
    project.refresh_from_db()
    while opened := open_assignments(membership(project, user)).assignments:
        record_comparison(user, opened[0].id, outcome(opened[0].left, opened[0].right))


def number(image: Image) -> int:
    return int(image.name.split(".")[0])


def by_number(left: Image, right: Image) -> Outcome:
    return Outcome.LEFT if number(left) < number(right) else Outcome.RIGHT


def always_left(left: Image, right: Image) -> Outcome:
    return Outcome.LEFT


def rated(project: Project) -> list[Any]:
    run = recompute(project.id)
    return list(run.ratings.order_by("image").values_list("image", "mu", "sigma", "rank"))


@pytest.fixture
def judged(project: Project, add_images: AddImages, bob: User, carol: User) -> Project:
    """Six images; bob judges by number, carol always takes the left one."""
    update_project(project.id, overlap=2)
    add_images(6)
    judge(project, bob, by_number)
    judge(project, carol, always_left)
    return project


# --- From the database -------------------------------------------------------------------------------


def test_what_is_read_is_what_is_in_the_log(judged: Project, bob: User, carol: User) -> None:
    log = read_log(judged.id)
    images = [image for group in log.groups for image in group.images]
    read = {
        (images[a], images[b], label, log.people[person])
        for a, b, label, person in zip(log.first, log.second, log.label, log.annotator, strict=True)
    }
    labels = {"left": 1, "right": -1, "tie": 0}
    assert read == {
        (row.left_id, row.right_id, labels[row.outcome], row.annotator_id)
        for row in Comparison.objects.all()
    }
    assert len(log.label) == 30
    assert set(log.people) == {bob.id, carol.id}


def test_a_method_that_needs_the_order_of_the_log_gets_it(judged: Project) -> None:
    choose_method(judged.id, "trueskill_online")
    log = read_log(judged.id)
    images = [image for group in log.groups for image in group.images]
    read = [(images[a], images[b]) for a, b in zip(log.first, log.second, strict=True)]
    written = Comparison.objects.order_by("created_at", "id")
    assert read == list(written.values_list("left_id", "right_id"))


def test_an_empty_project_is_an_empty_log(project: Project) -> None:
    log = read_log(project.id)
    assert (log.n, len(log.label), log.people) == (0, 0, [])
    assert recompute(project.id).comparisons == 0


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_of_the_registry_ranks_a_project(judged: Project, method: str) -> None:
    choose_method(judged.id, method)
    run = recompute(judged.id)
    assert run.method == method
    best, worst = run.ratings.get(rank=1), run.ratings.get(rank=6)
    assert number(best.image) < number(worst.image)
    for rating in run.ratings.all():
        assert rating.rank_low <= rating.rank <= rating.rank_high


@pytest.mark.parametrize(
    "method", sorted(key for key, method in METHODS.items() if not method.needs_order)
)
def test_the_order_of_the_log_changes_no_bit(judged: Project, method: str) -> None:
    choose_method(judged.id, method)
    log = read_log(judged.id)
    order = list(range(len(log.label)))
    random.Random(3).shuffle(order)
    shuffled = replace(
        log,
        first=log.first[order],
        second=log.second[order],
        label=log.label[order],
        annotator=log.annotator[order],
    )
    one, other = fit(log), fit(shuffled)
    assert one.ratings.mu.tobytes() == other.ratings.mu.tobytes()
    assert one.ratings.sigma.tobytes() == other.ratings.sigma.tobytes()
    assert one.rank_low.tobytes() == other.rank_low.tobytes()


def test_a_method_that_is_none_is_refused(judged: Project) -> None:
    with pytest.raises(Invalid, match="There is no method “elo”"):
        choose_method(judged.id, "elo")


def test_a_method_that_does_not_converge_gives_way_to_plain_trueskill(
    judged: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: Any, **options: Any) -> Ratings:
        raise NotConverged("it swings")

    monkeypatch.setattr("rating.algorithms.annotators.trueskill_annotators", never)
    run = recompute(judged.id)
    assert run.method == "trueskill"
    assert run.ratings.count() == 6


# --- People ------------------------------------------------------------------------------------------


def test_people_are_judged_along_with_the_images(
    project: Project, add_images: AddImages, bob: User, carol: User, rita: User
) -> None:
    update_project(project.id, overlap=3)
    add_images(10)
    judge(project, bob, by_number)
    judge(project, rita, by_number)
    judge(project, carol, always_left)
    run = recompute(project.id)
    sharp, left = run.annotators.get(annotator=bob), run.annotators.get(annotator=carol)
    assert sharp.comparisons == left.comparisons == 45
    assert sharp.spammer < 0.5 < left.spammer
    assert sharp.sharpness_low > left.sharpness
    assert left.side_bias_low > 0
    assert abs(sharp.side_bias) < left.side_bias


def test_without_somebody_the_ratings_are_those_of_a_log_without_them(
    judged: Project, alice: User, bob: User, carol: User
) -> None:
    with_carol = rated(judged)
    set_aside(judged, carol.id, alice, "always left")
    without = rated(judged)
    assert without != with_carol
    assert recompute(judged.id).comparisons == 15

    log = read_log(judged.id)
    assert log.people == [bob.id]
    take_back(judged, carol.id)
    whole = read_log(judged.id)
    keep = np.array([whole.people[person] == bob.id for person in whole.annotator])
    only_bob = replace(
        whole,
        first=whole.first[keep],
        second=whole.second[keep],
        label=whole.label[keep],
        annotator=np.zeros(keep.sum(), dtype=np.int64),
        people=[bob.id],
    )
    assert fit(only_bob).ratings.mu.tobytes() == fit(log).ratings.mu.tobytes()
    assert rated(judged) == with_carol


def test_setting_aside_twice_or_taking_back_twice_is_once(
    judged: Project, alice: User, carol: User
) -> None:
    set_aside(judged, carol.id, alice)
    set_aside(judged, carol.id, alice, "again")
    assert SetAside.objects.get().reason == "again"
    take_back(judged, carol.id)
    take_back(judged, carol.id)
    assert not SetAside.objects.exists()


def test_who_compared_nothing_cannot_be_set_aside(judged: Project, alice: User, dave: User) -> None:
    with pytest.raises(Invalid, match="compared nothing"):
        set_aside(judged, dave.id, alice)


# --- Groups ------------------------------------------------------------------------------------------


def test_images_that_were_never_compared_are_said_to_be_unconnected(
    project: Project, add_images: AddImages, bob: User
) -> None:
    add_images(6)
    for _ in range(2):
        (opened,) = open_assignments(membership(project, bob)).assignments
        record_comparison(bob, opened.id, Outcome.LEFT)
    run = recompute(project.id)
    groups = sorted(run.ratings.values_list("group", flat=True))
    assert groups == [1, 1, 2, 2, 3, 4], "two pairs, and two images that nobody was shown"


def test_connected_images_are_one_group(judged: Project) -> None:
    assert set(recompute(judged.id).ratings.values_list("group", flat=True)) == {1}


# --- API ---------------------------------------------------------------------------------------------


def test_the_api_tells_how_people_see_and_sets_them_aside(
    judged: Project, alice: User, carol: User
) -> None:
    recompute(judged.id)
    manager = as_user(alice)
    where = url("annotator", project_id=judged.id, user_id=carol.id)
    changed = manager.patch(where, {"set_aside": True, "reason": "always left"}).json()
    assert changed["set_aside"]["reason"] == "always left"
    recompute(judged.id)
    people = manager.get(url("annotators", project_id=judged.id)).json()["results"]
    by_name = {person["username"]: person for person in people}
    assert by_name["carol"]["reliability"] is None, "the run knows nothing of her"
    assert by_name["bob"]["reliability"]["comparisons"] == 15
    assert manager.patch(where, {"set_aside": False}).json()["set_aside"] is None


def test_the_api_recomputes_by_a_chosen_method(judged: Project, alice: User) -> None:
    manager = as_user(alice)
    where = url("recompute", project_id=judged.id)
    assert manager.post(where, {"method": "bradley_terry"}).status_code == 202
    assert recompute(judged.id).method == "bradley_terry"
    assert manager.post(where, {"method": "elo"}).status_code == 400
    page = manager.get(url("ratings", project_id=judged.id)).json()
    assert page["run"]["method"] == "bradley_terry"
    assert {row["group"] for row in page["results"]} == {1}


def test_the_api_tells_how_probable_an_order_is(judged: Project, alice: User) -> None:
    recompute(judged.id)
    manager = as_user(alice)
    where = url("probabilities", project_id=judged.id)
    best, worst = judged.images.get(name="0.png"), judged.images.get(name="5.png")

    def better(one: Image, other: Image) -> float:
        answer = manager.get(where, {"image": str(one.id), "than": str(other.id)}).json()
        return float(answer["results"][0]["probability"])

    assert better(best, worst) > 0.9
    assert better(best, worst) + better(worst, best) == pytest.approx(1)
    top = manager.get(where, {"top": 2}).json()["results"]
    chance = {row["name"]: row["probability"] for row in top}
    assert sum(chance.values()) == pytest.approx(2)
    assert chance["0.png"] > 0.5 > chance["5.png"]
    assert manager.get(where, {"top": 0}).status_code == 400
    assert manager.get(where).status_code == 400
    foreign = {"image": str(best.id), "than": str(judged.id)}
    assert manager.get(where, foreign).status_code == 400


def test_probabilities_wait_for_the_first_run(project: Project, rita: User) -> None:
    answer = as_user(rita).get(url("probabilities", project_id=project.id), {"top": 1})
    assert answer.status_code == 409


def test_the_exact_probability_of_an_order_is_that_of_many_joint_draws(judged: Project) -> None:
    ratings = fit(read_log(judged.id)).ratings
    draws = draws_of(ratings, np.arange(6), seed=1, draws=20_000)
    for a, b in ((0, 1), (2, 5), (4, 3)):
        exact = order_probability(ratings, a, b)
        assert exact == pytest.approx(np.mean(draws[:, a] > draws[:, b]), abs=0.015)


def test_a_member_who_left_is_still_judged(judged: Project, carol: User) -> None:
    Membership.objects.filter(user=carol).delete()
    assert recompute(judged.id).annotators.filter(annotator=carol).exists()
