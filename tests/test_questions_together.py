"""All questions about a pair, one after another: places, sides, order, and what a broken image ends."""

from collections import Counter
from collections.abc import Callable

import pytest

from annotation.models import Assignment, Cause, Image, Outcome, Pair, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.projects import update_project
from annotation.services.queue import refill
from tests.conftest import membership
from tests.promises import assert_promises

pytestmark = pytest.mark.django_db

KEYS = ["better", "sharper", "calmer"]
AddImages = Callable[..., list[Image]]


@pytest.fixture
def project(project: Project) -> Project:
    """Three questions, asked together."""
    return update_project(
        project.id,
        criteria=[{"key": key} for key in KEYS],
        criteria_together=True,
        gold_share=0.0,
    )


def open_for(project: Project, user: User, count: int = 1) -> list[Assignment]:
    project.refresh_from_db()
    return open_assignments(membership(project, user), count).assignments


def keys(shown: list[Assignment]) -> list[str]:
    return [one.criterion.key for one in shown]


def sides(shown: list[Assignment]) -> list[tuple[object, object]]:
    return [(one.left_id, one.right_id) for one in shown]


def free(project: Project) -> bool:
    return not Pair.objects.filter(project=project).exclude(taken=0).exists()


def test_the_questions_about_a_pair_come_one_after_another_with_the_same_sides(
    project: Project, images: list[Image], bob: User
) -> None:
    two = open_for(project, bob, 2)
    assert keys(two) == KEYS * 2, "a number of pairs is asked for"
    assert len(set(sides(two))) == 2
    assert len(set(sides(two)[:3])) == len(set(sides(two)[3:])) == 1
    others = [one for one in two if one.strategy == "together"]
    assert len(others) == 4
    assert {one.probability for one in others} == {None}
    assert [one.id for one in open_for(project, bob, 2)] == [one.id for one in two], "a reload"
    record_comparison(bob, two[0].id, Outcome.LEFT)
    assert open_for(project, bob, 2) == two[1:], "two pairs are begun"
    assert_promises(project)


def test_each_pair_is_asked_once_for_each_question_with_the_queue_and_without(
    project: Project, images: list[Image], bob: User
) -> None:
    asked: list[Assignment] = []
    refill(project.id)
    while opened := open_for(project, bob):
        for one in opened:
            record_comparison(bob, one.id, Outcome.LEFT)
        assert keys(opened) == KEYS
        asked += opened
    assert set(Counter(sides(asked)).values()) == {3}
    assert len(asked) == 18
    assert_promises(project)


def test_a_question_that_has_no_place_left_is_not_asked_and_a_quota_ends_among_them(
    project: Project, add_images: AddImages, bob: User, carol: User
) -> None:
    add_images(2)
    better = project.criteria.get(key="better")
    (only,) = open_assignments(membership(project, carol), 1, better).assignments
    assert keys(open_for(project, bob)) == ["sharper", "calmer"]
    record_comparison(carol, only.id, Outcome.LEFT)
    assert open_for(project, carol) == [], "bob has the other questions"
    update_project(project.id, overlap=2, quota=2)
    assert keys(open_for(project, bob)) == ["sharper", "calmer"]
    update_project(project.id, quota=3)
    assert keys(open_for(project, carol, 5)) == ["sharper", "calmer"]
    opened = open_for(project, bob, 5)
    assert keys(opened) == KEYS
    assert len(set(sides(opened))) == 1, "the same sides, though it came later"
    assert_promises(project)


def test_what_is_asked_of_one_criterion_only_is_that_and_no_more(
    project: Project, images: list[Image], bob: User
) -> None:
    sharper = project.criteria.get(key="sharper")
    opened = open_assignments(membership(project, bob), 3, sharper).assignments
    assert keys(opened) == ["sharper"] * 3


def test_undo_reopens_one_question_and_shows_it_first(
    project: Project, images: list[Image], bob: User
) -> None:
    first, second, third, *_ = open_for(project, bob, 2)
    made = [record_comparison(bob, one.id, Outcome.LEFT)[0] for one in (first, second)]
    retract_comparison(bob, made[1].id)
    again = open_for(project, bob)
    assert (keys(again), again[0].replaces_id) == (["sharper", "calmer"], second.id)
    retract_comparison(bob, made[0].id)
    again = open_for(project, bob, 2)
    assert keys(again) == KEYS * 2
    assert [one.replaces_id for one in again[:3]] == [first.id, second.id, None]
    assert again[2].id == third.id
    assert_promises(project)


@pytest.mark.parametrize("cause", [Cause.BROKEN, Cause.UNSAFE])
def test_nothing_more_is_asked_of_broken_images(
    project: Project, add_images: AddImages, bob: User, carol: User, cause: Cause
) -> None:
    add_images(2)
    first, second, third = open_for(project, bob)
    record_comparison(bob, first.id, Outcome.LEFT)
    record_comparison(bob, second.id, Outcome.SKIP, cause=cause)
    third.refresh_from_db()
    assert third.state == "released"
    assert open_for(project, bob) == []
    assert keys(open_for(project, carol)) == ["sharper", "calmer"], "others have not said so"
    assert_promises(project)


def test_nor_are_they_shown_later_for_a_question_that_had_no_place_before(
    project: Project, add_images: AddImages, bob: User, carol: User
) -> None:
    add_images(2)
    held, *_ = open_for(project, carol)
    update_project(project.id, overlap=2)
    better = project.criteria.get(key="better")
    (mine,) = open_assignments(membership(project, bob), 1, better).assignments
    record_comparison(bob, mine.id, Outcome.SKIP, cause=Cause.BROKEN)
    assert open_for(project, bob) == []
    refill(project.id)
    assert open_for(project, bob) == [], "nor from the queue"
    for one in open_for(project, carol):
        record_comparison(carol, one.id, Outcome.SKIP)
    assert held.criterion == better
    assert free(project), "what was not shown holds no place"
    assert_promises(project)


def test_a_skip_for_another_cause_ends_nothing(
    project: Project, images: list[Image], bob: User
) -> None:
    first, *others = open_for(project, bob)
    record_comparison(bob, first.id, Outcome.SKIP, cause=Cause.UNKNOWN)
    assert open_for(project, bob) == others


def test_each_of_the_questions_may_bring_a_check(
    project: Project, images: list[Image], bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that of all that is shown the project's share is checks."""
    tossed: list[Project] = []
    monkeypatch.setattr("annotation.services.assignments.toss", tossed.append)
    assert len(open_for(project, bob)) == len(tossed) == 3


def test_several_images_are_asked_about_one_question_at_a_time(
    project: Project, images: list[Image], bob: User
) -> None:
    update_project(project.id, screen="best", screen_size=3)
    assert len(open_for(project, bob, 2)) == 2
