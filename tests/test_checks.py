"""Checks of the annotators: mixed in where nobody can tell, and kept out of everything that is rated."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from annotation import checks
from annotation.errors import Invalid
from annotation.exports import comparison_batches
from annotation.models import Assignment, Comparison, Image, Outcome, Pair, Project, Purpose, User
from annotation.selectors import own_progress, progress
from annotation.services.assignments import open_assignments, release_expired
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.images import update_image
from annotation.services.projects import update_project
from rating.exports import FORMATS
from rating.exports.format import Source
from rating.exports.jobs import request_export, run_export
from rating.selectors import read_log
from rating.selectors.agreement import judged_pairs
from rating.services import recompute
from rating.services.runs import fit
from tests.api import as_user, url
from tests.conftest import membership
from tests.pages import logged_in
from tests.promises import assert_promises

pytestmark = pytest.mark.django_db

AddGold = Callable[..., list[Image]]


@pytest.fixture(autouse=True)
def _chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "chance", random.Random(5))


@pytest.fixture
def add_gold(project: Project) -> AddGold:
    """`add_gold([0, 1, 1], prompt=…)`: images of these known qualities; None is not known."""

    def add(qualities: list[float | None], prompt: Any = None) -> list[Image]:
        have = project.images.count()
        return [
            Image.objects.create(
                project=project,
                prompt=prompt,
                name=f"{have + n}.png",
                path=f"{have + n}.png",
                gold=gold,
                bytes=1,
                width=1,
                height=1,
            )
            for n, gold in enumerate(qualities)
        ]

    return add


def shares(project: Project, gold: float = 0.0, repeat: float = 0.0) -> None:
    update_project(project.id, gold_share=gold, repeat_share=repeat)
    project.refresh_from_db()


def judge(
    project: Project, user: User, count: int, outcome: Outcome = Outcome.LEFT
) -> list[Comparison]:
    made = []
    for _ in range(count):
        opened = open_assignments(membership(project, user)).assignments
        if not opened:
            break
        made.append(record_comparison(user, opened[0].id, outcome)[0])
    return made


def of_purpose(project: Project, purpose: Purpose) -> list[Assignment]:
    found = Assignment.objects.filter(project=project, purpose=purpose)
    return list(found.select_related("left", "right", "pair").order_by("created_at"))


# --- What is a check ---------------------------------------------------------------------------------


def test_the_shares_of_checks_are_kept(project: Project, add_gold: AddGold, bob: User) -> None:
    """Beside 300 pairs; five standard deviations each way."""
    add_gold([n % 2 for n in range(20)])
    judge(project, bob, 20)
    shares(project, gold=0.2, repeat=0.1)
    criterion, mine = project.criteria.get(), membership(project, bob)
    tossed = [checks.toss(project) for _ in range(300)]
    drawn = [checks.draw_check(mine, criterion, purpose) for purpose in tossed if purpose]
    assert all(drawn)
    shown = Counter(check.purpose.value for check in drawn if check)
    of_all = 300 + shown["gold"] + shown["repeat"]
    assert abs(shown["gold"] / of_all - 0.2) < 0.1
    assert abs(shown["repeat"] / of_all - 0.1) < 0.075


def test_a_gold_pair_is_of_one_prompt_clearly_different_used_and_shown_once(
    project: Project, add_gold: AddGold, bob: User
) -> None:
    cat, dog = (project.prompts.create(text=text) for text in ("a cat", "a dog"))
    add_gold([0.0, 0.1, 1.0, None, None, None], cat)
    add_gold([0.0, 1.0, None, None, None], dog)
    excluded = add_gold([1.0], cat)[0]
    update_image(excluded, excluded=True)
    shares(project, gold=0.5)
    judge(project, bob, 100)
    gold = of_purpose(project, Purpose.GOLD)
    assert len({a.pair_id for a in gold}) == len(gold) == 3, "two of the cats, and one of the dogs"
    for shown in gold:
        assert shown.left is not None
        assert shown.right is not None
        assert shown.left.prompt_id == shown.right.prompt_id
        assert abs(shown.left.gold - shown.right.gold) >= 0.25
        assert excluded.id not in (shown.left_id, shown.right_id)


def test_where_nothing_is_known_or_all_is_alike_there_are_no_gold_pairs(
    project: Project, add_gold: AddGold, bob: User
) -> None:
    add_gold([1.0, 1.0, None, None])
    shares(project, gold=0.5)
    judge(project, bob, 20)
    assert of_purpose(project, Purpose.GOLD) == []


def test_known_answers_are_found_among_more_prompts_than_a_sample_holds(
    project: Project, add_gold: AddGold, bob: User
) -> None:
    for n in range(checks.SAMPLE):
        add_gold([0.0, 1.0, None], project.prompts.create(text=str(n)))
    shares(project, gold=0.5)
    judge(project, bob, 14)
    assert len(of_purpose(project, Purpose.GOLD)) > 2


def test_a_repeat_is_a_pair_decided_a_while_ago_with_its_sides_swapped_and_once_only(
    project: Project, add_gold: AddGold, bob: User
) -> None:
    add_gold([None] * 8)
    shares(project, repeat=0.5)
    judge(project, bob, 3, Outcome.TIE)
    log = [*Comparison.objects.all(), *judge(project, bob, 30)]
    places = {comparison.assignment_id: at for at, comparison in enumerate(log)}
    repeats = of_purpose(project, Purpose.REPEAT)
    assert len({a.pair_id for a in repeats}) == len(repeats) > 2
    for again in repeats:
        first = Assignment.objects.get(pair=again.pair, purpose=Purpose.RANKING)
        assert (again.left_id, again.right_id) == (first.right_id, first.left_id)
        assert first.comparison.outcome == Outcome.LEFT, "a tie is not asked again"
        if again.id in places:
            assert places[again.id] - places[first.id] > checks.APART


def test_a_screen_of_several_images_has_no_checks(project: Project) -> None:
    shares(project, gold=0.5)
    assert any(checks.toss(project) for _ in range(20))
    project.screen = "best"
    assert not any(checks.toss(project) for _ in range(20))


def test_where_no_pair_is_left_there_is_no_check_either(
    project: Project, add_gold: AddGold, bob: User
) -> None:
    add_gold([0.0, 1.0])
    shares(project, gold=0.5)
    judge(project, bob, 10)
    before = Assignment.objects.count()
    assert before <= 2
    for _ in range(20):
        assert open_assignments(membership(project, bob)).assignments == []
    assert Assignment.objects.count() == before


def test_checks_are_at_most_half_of_all(project: Project) -> None:
    with pytest.raises(Invalid, match="half"):
        update_project(project.id, gold_share=0.4, repeat_share=0.2)


# --- Nobody can tell ---------------------------------------------------------------------------------


def test_annotators_are_shown_a_check_as_anything_else(
    project: Project, add_gold: AddGold, bob: User
) -> None:
    add_gold([n % 2 for n in range(40)])
    shares(project, gold=0.3, repeat=0.2)
    judge(project, bob, 15)
    client = as_user(bob)
    seen: dict[str, list[Any]] = {purpose: [] for purpose in Purpose.values}
    for _ in range(30):
        asked = client.post(url("assignments", project_id=project.id), {"count": 1}).json()
        (shown,) = asked["results"]
        answered = client.post(
            url("comparisons"), {"assignment": shown["id"], "outcome": "left"}
        ).json()
        purpose = Assignment.objects.get(id=shown["id"]).purpose
        seen[purpose].append((shape(asked), shape(answered)))
    assert min(len(shown) for shown in seen.values()) >= 2
    assert len({str(shown) for of_one in seen.values() for shown in of_one}) == 1
    history = client.get(url("history", project_id=project.id)).json()
    assert len({str(shape(line)) for line in history["results"]}) == 1
    page = logged_in(bob).get(reverse("compare", args=[project.id])).content.decode()
    for told in [str(history), page]:
        for word in ("gold", "repeat", "purpose", "strategy", "probability", "random"):
            assert word not in told


def shape(value: Any) -> Any:
    """What an answer looks like, whatever it says: its fields, their types, and the lengths of texts."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return len(value.split("/")) if isinstance(value, str) else type(value).__name__


def test_ones_own_progress_does_not_tell_either(
    project: Project, add_gold: AddGold, bob: User
) -> None:
    add_gold([n % 2 for n in range(12)])
    shares(project, gold=0.3)
    sums = set()
    for _ in range(25):
        judge(project, bob, 1)
        own = own_progress(membership(project, bob))
        sums.add(own.judged + own.remaining)
    assert len(of_purpose(project, Purpose.GOLD)) > 3
    assert sums == {66}, "one more judged is one less left, check or not"


# --- A lease without a place -------------------------------------------------------------------------


def gold_open(project: Project, user: User) -> Assignment:
    """An open gold check of this person, drawn beside their pair."""
    for _ in range(30):
        opened = open_assignments(membership(project, user)).assignments
        gold = Assignment.objects.filter(
            annotator=user, purpose=Purpose.GOLD, state=Assignment.State.OPEN
        ).first()
        if gold is not None:
            return gold
        record_comparison(user, opened[0].id, Outcome.LEFT)
    raise AssertionError("no gold pair in 30")


def taken(check: Assignment) -> int:
    assert check.pair_id is not None
    return Pair.objects.get(id=check.pair_id).taken


def test_a_check_takes_no_place_whatever_becomes_of_it(
    project: Project, add_gold: AddGold, bob: User
) -> None:
    add_gold([n % 2 for n in range(16)])
    shares(project, gold=0.5)
    skipped = gold_open(project, bob)
    places = taken(skipped)
    record_comparison(bob, skipped.id, Outcome.SKIP)
    assert taken(skipped) == places
    expired = gold_open(project, bob)
    places = taken(expired)
    Assignment.objects.filter(id=expired.id).update(expires_at="2020-01-01T00:00:00Z")
    assert release_expired() == 1
    assert taken(expired) == places
    answered = gold_open(project, bob)
    assert answered.pair_id not in (skipped.pair_id, expired.pair_id), "what is gone is gone"
    places = taken(answered)
    record_comparison(bob, answered.id, Outcome.LEFT)
    assert taken(answered) == places
    assert_promises(project)


def test_an_undone_check_comes_again_as_what_it_was(
    project: Project, add_gold: AddGold, bob: User
) -> None:
    add_gold([n % 2 for n in range(16)])
    shares(project, gold=0.5)
    check = gold_open(project, bob)
    places = taken(check)
    comparison, _ = record_comparison(bob, check.id, Outcome.LEFT)
    retract_comparison(bob, comparison.id)
    (again,) = open_assignments(membership(project, bob)).assignments
    assert (again.pair_id, again.left_id, again.purpose) == (check.pair_id, check.left_id, "gold")
    assert taken(check) == places
    answered, _ = record_comparison(bob, again.id, Outcome.RIGHT)
    assert answered.purpose == "gold"
    assert_promises(project)


def test_checks_count_for_the_quota_which_is_kept(
    project: Project, add_gold: AddGold, bob: User
) -> None:
    add_gold([n % 2 for n in range(16)])
    update_project(project.id, gold_share=0.5, quota=12)
    project.refresh_from_db()
    assert len(judge(project, bob, 30)) == 12
    assert of_purpose(project, Purpose.GOLD)
    assert_promises(project)


# --- Kept out ----------------------------------------------------------------------------------------


@pytest.fixture
def checked(project: Project, add_gold: AddGold, bob: User, carol: User) -> Project:
    """A project with two people's comparisons, of which some are checks; overlap 2."""
    add_gold([n % 2 for n in range(12)])
    update_project(project.id, overlap=2, gold_share=0.3, repeat_share=0.2)
    project.refresh_from_db()
    for user in (bob, carol):
        judge(project, user, 24)
    assert of_purpose(project, Purpose.REPEAT)
    return project


def test_a_log_with_checks_rates_as_the_same_log_without(checked: Project) -> None:
    with_checks = read_log(checked.id)
    ratings = fit(with_checks).ratings
    for check in Comparison.objects.exclude(purpose=Purpose.RANKING):
        retract_comparison(check.annotator, check.id)
    without = read_log(checked.id)
    assert with_checks.digest == without.digest
    anew = fit(without).ratings
    assert (ratings.mu.tobytes(), ratings.sigma.tobytes()) == (
        anew.mu.tobytes(),
        anew.sigma.tobytes(),
    )
    ranking = Comparison.objects.filter(purpose=Purpose.RANKING)
    assert recompute(checked.id).comparisons == ranking.count() == len(with_checks.label)


def test_checks_are_in_neither_progress_nor_agreement(checked: Project) -> None:
    ranking = Comparison.objects.filter(purpose=Purpose.RANKING)
    shown = progress(checked)
    assert shown.judged == ranking.count()
    assert shown.checks == Comparison.objects.count() - ranking.count() > 0
    for pair in judged_pairs(checked.criteria.get()):
        judged = ranking.filter(assignment__pair=pair).count()
        assert pair.judgements == judged  # type: ignore[attr-defined]


def test_no_training_data_is_made_of_checks(checked: Project, alice: User) -> None:
    run = recompute(checked.id)
    ranking = Comparison.objects.filter(purpose=Purpose.RANKING)
    with_preferences = [key for key, one in FORMATS.items() if one.prefers]
    assert {"pairs", "pickapic"} <= set(with_preferences)
    options = FORMATS["pairs"].with_defaults({})
    source = Source(checked, run, options, image_url=str)
    rows = list(FORMATS["pairs"].placed_rows(source))
    assert len(rows) == ranking.count()
    checks_left_out = Comparison.objects.count() - ranking.count()
    assert source.left_out["asked as a check"] == checks_left_out
    ancestor = request_export(checked, alice, "image_ranker", {"file": "csv"})
    run_export(ancestor.id)
    ancestor.refresh_from_db()
    assert ancestor.rows == ranking.count()
    assert ancestor.left_out["asked as a check"] == checks_left_out


def test_reviewers_see_the_purpose_in_the_log_and_in_the_raw_export(
    checked: Project, rita: User
) -> None:
    log = as_user(rita).get(url("log", project_id=checked.id), {"page_size": 200}).json()["results"]
    purposes = {line["id"]: line["purpose"] for line in log}
    assert set(purposes.values()) == {"ranking", "gold", "repeat"}
    for batch in comparison_batches(checked):
        for row in batch.to_pylist():
            assert row["purpose"] == purposes[row["id"]]
            better = "left" if int(row["left_name"][:-4]) % 2 else "right"
            same = int(row["left_name"][:-4]) % 2 == int(row["right_name"][:-4]) % 2
            assert row["gold"] == (None if same else better)
            assert row["repeat"] or row["purpose"] != "repeat"
