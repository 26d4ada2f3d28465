"""Who is shown which pair: leases, overlap, quota, prompts, and the port to pickers."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from annotation.models import (
    Assignment,
    Criterion,
    Image,
    Membership,
    Outcome,
    Pair,
    Project,
    Proposal,
    Role,
    User,
)
from annotation.services.assignments import open_assignments, release_expired
from annotation.services.comparisons import record_comparison
from annotation.services.images import update_image
from annotation.services.members import remove_member
from annotation.services.projects import update_project
from annotation.services.queue import refill
from tests.conftest import membership
from tests.promises import assert_promises

pytestmark = pytest.mark.django_db

AddImages = Callable[..., list[Image]]


def open_for(project: Project, user: User, count: int = 1) -> list[Assignment]:
    project.refresh_from_db()
    return open_assignments(membership(project, user), count).assignments


def judge_all(project: Project, user: User, outcome: Outcome = Outcome.LEFT) -> list[Assignment]:
    """Answer until nothing is left for this person."""
    answered = []
    while opened := open_for(project, user):
        record_comparison(user, opened[0].id, outcome)
        answered.append(opened[0])
    return answered


def test_asking_again_returns_the_open_assignments_and_renews_them(
    project: Project, images: list[Image], bob: User
) -> None:
    first = open_for(project, bob, 2)
    Assignment.objects.update(expires_at=timezone.now() + timedelta(seconds=5))
    again = open_for(project, bob, 2)
    assert [a.id for a in again] == [a.id for a in first]
    assert all(a.expires_at > timezone.now() + timedelta(minutes=20) for a in again)
    assert len(open_for(project, bob, 3)) == 3


def test_one_person_judges_every_pair_once(
    project: Project, images: list[Image], bob: User
) -> None:
    pairs = Counter(a.pair_id for a in judge_all(project, bob))
    assert len(pairs) == 6
    assert set(pairs.values()) == {1}
    assert_promises(project)


def test_overlap_is_shared_among_people_and_everybody_is_told_when_nothing_is_left(
    project: Project, images: list[Image], bob: User, carol: User, alice: User
) -> None:
    update_project(project.id, overlap=2)
    for user in (bob, carol):
        assert len(judge_all(project, user)) == 6
    opened = open_assignments(membership(project, alice))
    assert opened.assignments == []
    assert "no pair left for you" in opened.reason
    assert_promises(project)


def test_a_pair_that_was_begun_is_finished_before_a_new_one_is_begun(
    project: Project, images: list[Image], bob: User, carol: User
) -> None:
    update_project(project.id, overlap=2)
    (begun,) = open_for(project, bob)
    record_comparison(bob, begun.id, Outcome.LEFT)
    (next_,) = open_for(project, carol)
    assert next_.pair_id == begun.pair_id


def test_images_that_were_seen_least_come_first(
    project: Project, add_images: AddImages, bob: User
) -> None:
    add_images(20)
    seen: Counter[UUID] = Counter()
    for _ in range(10):
        (opened,) = open_for(project, bob)
        record_comparison(bob, opened.id, Outcome.LEFT)
        seen.update([opened.left_id, opened.right_id])
    assert len(seen) == 20, "ten pairs of twenty images show each image once"


def test_only_images_of_one_prompt_are_compared(
    project: Project, add_images: AddImages, bob: User
) -> None:
    add_images(3, prompt="a cat")
    add_images(3, prompt="a dog")
    answered = judge_all(project, bob)
    assert len(answered) == 6
    assert all(a.left.prompt_id == a.right.prompt_id for a in answered)


def test_sides_are_tossed(project: Project, add_images: AddImages, bob: User) -> None:
    add_images(12)
    low_on_the_left = [a.left_id < a.right_id for a in judge_all(project, bob)]
    assert 15 < sum(low_on_the_left) < 51, "66 fair tosses leave this range once in 100,000 runs"


def test_quota_counts_judgements_and_what_is_on_the_screen(
    project: Project, images: list[Image], bob: User
) -> None:
    update_project(project.id, quota=2)
    first, second = open_for(project, bob, 3)
    record_comparison(bob, first.id, Outcome.LEFT)
    assert [a.id for a in open_for(project, bob, 3)] == [second.id]
    record_comparison(bob, second.id, Outcome.SKIP)
    assert len(open_for(project, bob, 3)) == 1, "a skip is no judgement"
    assert_promises(project)


def test_a_skipped_pair_is_for_others(
    project: Project, add_images: AddImages, bob: User, carol: User
) -> None:
    add_images(2)
    (skipped,) = judge_all(project, bob, Outcome.SKIP)
    assert [a.pair_id for a in open_for(project, carol)] == [skipped.pair_id]
    assert_promises(project)


def test_an_expired_lease_gives_its_place_back(
    project: Project, add_images: AddImages, bob: User, carol: User
) -> None:
    add_images(2)
    (mine,) = open_for(project, bob)
    assert open_for(project, carol) == []
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert [a.pair_id for a in open_for(project, carol)] == [mine.pair_id]
    mine.refresh_from_db()
    assert mine.state == "released"
    assert release_expired() == 0
    assert_promises(project)


def test_an_excluded_image_leaves_every_screen_and_comes_back_when_it_is_taken_back(
    project: Project, add_images: AddImages, bob: User
) -> None:
    cat, _ = add_images(2)
    (opened,) = open_for(project, bob)
    update_image(cat, excluded=True, reason="broken")
    assert open_for(project, bob) == []
    opened.refresh_from_db()
    assert opened.state == "released"
    add_images(1)
    assert len(open_for(project, bob)) == 1
    assert_promises(project)


def test_a_removed_member_gives_all_places_back(
    project: Project, add_images: AddImages, bob: User, carol: User
) -> None:
    add_images(2)
    open_for(project, bob)
    remove_member(project, bob.id)
    assert len(open_for(project, carol)) == 1
    assert_promises(project)


@pytest.mark.parametrize("state", ["draft", "paused", "closed"])
def test_a_project_that_is_not_open_shows_nothing_and_says_why(
    project: Project, images: list[Image], bob: User, state: str
) -> None:
    update_project(project.id, state=state)
    opened = open_assignments(membership(project, bob))
    assert (opened.assignments, state in opened.reason) == ([], True)


def test_several_criteria_are_asked_in_balance_and_each_pair_once_for_each(
    project: Project, add_images: AddImages, bob: User
) -> None:
    update_project(project.id, criteria=[{"key": "better"}, {"key": "sharper"}])
    add_images(3)
    asked = [a.criterion.key for a in judge_all(project, bob)]
    assert sorted(asked) == ["better"] * 3 + ["sharper"] * 3
    assert set(asked[:2]) == {"better", "sharper"}


def test_the_probability_of_a_random_pair_is_recorded(
    project: Project, images: list[Image], bob: User
) -> None:
    (opened,) = open_for(project, bob)
    assert opened.strategy == "random"
    assert opened.probability == pytest.approx(1 / (4 * 3))


# --- Many images -----------------------------------------------------------------------------------


def test_the_last_pair_of_a_project_larger_than_the_sample_is_still_found(
    project: Project, bob: User
) -> None:
    criterion = project.criteria.get()
    rows = [
        Image(project=project, name=str(n), path=str(n), bytes=1, width=1, height=1)
        for n in range(70)
    ]
    ids = sorted(image.id for image in Image.objects.bulk_create(rows))
    pairs = [(low, high) for place, low in enumerate(ids) for high in ids[place + 1 :]]
    missing = pairs.pop(1234)
    Pair.objects.bulk_create(
        Pair(project=project, criterion=criterion, low_id=low, high_id=high, taken=1)
        for low, high in pairs
    )
    (opened,) = open_for(project, bob)
    assert (opened.pair.low_id, opened.pair.high_id) == missing


# --- The port --------------------------------------------------------------------------------------


def proposal(
    project: Project, criterion: Criterion, images: Iterable[Image], probability: float = 1.0
) -> Proposal:
    low, high = sorted(image.id for image in images)
    return Proposal(
        project=project,
        criterion=criterion,
        low_id=low,
        high_id=high,
        strategy="odd",
        probability=probability,
    )


def proposes_nothing_legal(project: Project, criterion: Criterion, count: int) -> list[Proposal]:
    """An image with itself, with one that is excluded, with one of another prompt, with one that is none."""
    image, excluded, other, *_ = project.images.order_by("name")
    stranger = Image(project=project, name="stranger")
    partners = (image, excluded, other, stranger)
    return [proposal(project, criterion, [image, partner]) for partner in partners]


def proposes_the_first_two(project: Project, criterion: Criterion, count: int) -> list[Proposal]:
    return [proposal(project, criterion, project.images.order_by("name")[:2], probability=0.25)]


def raises(project: Project, criterion: Criterion, count: int) -> list[Proposal]:
    Pair.objects.get(id=-1)
    return []


def test_a_picker_fills_the_queue_and_is_recorded(
    project: Project, images: list[Image], bob: User, settings
) -> None:
    settings.PAIR_PICKER = f"{__name__}.proposes_the_first_two"
    update_project(project.id, random_share=0.0)
    assert refill(project.id) == 1
    (opened,) = open_for(project, bob)
    assert {opened.left.name, opened.right.name} == {"0.png", "1.png"}
    assert (opened.strategy, opened.probability) == ("odd", 0.25)
    record_comparison(bob, opened.id, Outcome.LEFT)
    refill(project.id)
    (next_,) = open_for(project, bob)
    assert next_.strategy == "random", "what this person has seen is not legal any more"
    assert_promises(project)


@pytest.mark.parametrize("picker", ["raises", "proposes_nothing_legal", "is_not_there"])
def test_a_picker_that_fails_costs_random_pairs_and_never_an_error(
    project: Project, add_images: AddImages, bob: User, settings, caplog, picker: str
) -> None:
    one, two, _ = add_images(3)
    update_image(two, excluded=True)
    update_image(one, prompt="another")
    add_images(3)
    settings.PAIR_PICKER = f"{__name__}.{picker}"
    assert refill(project.id) > 0
    assert "picker" in caplog.text, "the operator is told"
    assert set(Proposal.objects.values_list("strategy", flat=True)) == {"random"}
    (opened,) = open_for(project, bob)
    assert opened.strategy == "random"
    assert_promises(project)


def test_managers_and_reviewers_may_annotate_too(
    project: Project, images: list[Image], alice: User, rita: User
) -> None:
    assert Membership.objects.get(project=project, user=alice).role == Role.MANAGER
    for user in (alice, rita):
        assert len(open_for(project, user)) == 1
