"""The log of comparisons: appended once, undone by a mark, guarded by the database itself."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.http import Http404
from django.utils import timezone

from annotation.errors import Conflict, Gone, Invalid
from annotation.models import (
    Assignment,
    Cause,
    Comparison,
    Image,
    Outcome,
    Pair,
    Project,
    User,
)
from annotation.services.assignments import open_assignments, release_expired
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.flags import pause_person
from annotation.services.images import update_image
from annotation.services.projects import update_project
from tests.conftest import membership
from tests.promises import assert_promises

pytestmark = pytest.mark.django_db


@pytest.fixture
def assignment(project: Project, images: list[Image], bob: User) -> Assignment:
    return open_assignments(membership(project, bob)).assignments[0]


def open_for(project: Project, user: User) -> list[Assignment]:
    return open_assignments(membership(project, user), 2).assignments


def test_a_comparison_says_what_was_shown_and_what_was_answered(
    assignment: Assignment, bob: User
) -> None:
    comparison, created = record_comparison(
        bob, assignment.id, Outcome.LEFT, duration_ms=900, strength=2, reason="sharper"
    )
    assert created
    comparison.refresh_from_db()
    assert (comparison.left_id, comparison.right_id) == (assignment.left_id, assignment.right_id)
    assert (comparison.annotator, comparison.outcome) == (bob, "left")
    assert (comparison.duration_ms, comparison.strength, comparison.reason) == (900, 2, "sharper")


def test_the_same_answer_again_is_the_same_comparison(assignment: Assignment, bob: User) -> None:
    first, _ = record_comparison(bob, assignment.id, Outcome.LEFT)
    again, created = record_comparison(bob, assignment.id, Outcome.LEFT)
    assert (again.id, created) == (first.id, False)
    assert Comparison.objects.count() == 1


def test_another_answer_to_an_answered_assignment_is_a_conflict(
    assignment: Assignment, bob: User
) -> None:
    record_comparison(bob, assignment.id, Outcome.LEFT)
    with pytest.raises(Conflict, match="already answered with “left”"):
        record_comparison(bob, assignment.id, Outcome.RIGHT)
    assert Comparison.objects.get().outcome == "left"


def test_nobody_answers_for_somebody_else(
    assignment: Assignment, alice: User, carol: User, dave: User
) -> None:
    for other in (alice, carol, dave):
        with pytest.raises(Http404):
            record_comparison(other, assignment.id, Outcome.LEFT)
    assert not Comparison.objects.exists()


def test_an_assignment_that_never_was_is_not_found(project: Project, bob: User) -> None:
    with pytest.raises(Http404):
        record_comparison(bob, uuid.uuid4(), Outcome.LEFT)


def test_a_removed_member_answers_no_more(
    assignment: Assignment, project: Project, bob: User
) -> None:
    project.memberships.get(user=bob).delete()
    with pytest.raises(Http404):
        record_comparison(bob, assignment.id, Outcome.LEFT)


def test_an_expired_assignment_is_gone(assignment: Assignment, bob: User) -> None:
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Gone, match="expired"):
        record_comparison(bob, assignment.id, Outcome.LEFT)
    assert not Comparison.objects.exists()


def test_an_answer_that_was_acknowledged_stays_acknowledged_after_its_lease_and_the_project_end(
    assignment: Assignment, project: Project, bob: User
) -> None:
    first, _ = record_comparison(bob, assignment.id, Outcome.LEFT)
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    Project.objects.update(state=Project.State.CLOSED)
    assert record_comparison(bob, assignment.id, Outcome.LEFT) == (first, False)


def test_a_closed_project_takes_no_comparison_but_a_paused_one_takes_what_is_on_the_screen(
    assignment: Assignment, bob: User
) -> None:
    Project.objects.update(state=Project.State.CLOSED)
    with pytest.raises(Conflict, match="closed"):
        record_comparison(bob, assignment.id, Outcome.LEFT)
    Project.objects.update(state=Project.State.PAUSED)
    assert record_comparison(bob, assignment.id, Outcome.LEFT)[1]


def test_a_tie_is_refused_where_the_project_takes_none(assignment: Assignment, bob: User) -> None:
    Project.objects.update(allow_tie=False)
    with pytest.raises(Invalid, match="no ties") as refusal:
        record_comparison(bob, assignment.id, Outcome.TIE)
    assert refusal.value.field == "outcome"
    assert record_comparison(bob, assignment.id, Outcome.BOTH_BAD)[1]


def test_each_change_of_the_log_raises_the_revision_once(
    assignment: Assignment, project: Project, bob: User
) -> None:
    def revision() -> int:
        project.refresh_from_db()
        return project.revision

    before = revision()
    comparison, _ = record_comparison(bob, assignment.id, Outcome.LEFT)
    record_comparison(bob, assignment.id, Outcome.LEFT)
    assert revision() == before + 1
    retract_comparison(bob, comparison.id)
    retract_comparison(bob, comparison.id)
    assert revision() == before + 2


def test_a_skip_says_its_cause_and_an_answer_the_projects_tags(
    assignment: Assignment, project: Project, bob: User
) -> None:
    update_project(project.id, tags=["hands", "text"])
    refusals: list[tuple[Outcome, dict[str, Any], str, str]] = [
        (Outcome.LEFT, {"cause": Cause.BROKEN}, "cause", "with the outcome “skip”"),
        (Outcome.LEFT, {"tags": ["feet"]}, "tags", "no tag “feet”. It has: hands, text"),
        (Outcome.LEFT, {"tags": ["text", "text"]}, "tags", "only once"),
    ]
    for outcome, said, field, words in refusals:
        with pytest.raises(Invalid, match=words) as refusal:
            record_comparison(bob, assignment.id, outcome, **said)
        assert refusal.value.field == field
    record_comparison(bob, assignment.id, Outcome.SKIP, cause=Cause.UNKNOWN, tags=["text"])
    update_project(project.id, tags=[])
    again, created = record_comparison(
        bob, assignment.id, Outcome.SKIP, cause=Cause.UNKNOWN, tags=["text"]
    )
    assert (again.cause, again.tags, created) == ("unknown", ["text"], False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Comparison.objects.create(
            assignment=open_for(project, bob)[0],
            project=project,
            criterion=assignment.criterion,
            annotator=bob,
            left=assignment.left,
            right=assignment.right,
            outcome=Outcome.TIE,
            cause=Cause.BROKEN,
        )


# --- Late answers ----------------------------------------------------------------------------------


@pytest.fixture
def late(project: Project, images: list[Image], bob: User) -> Assignment:
    """What bob was shown of the only pair; its lease ended a second ago, and its place is given back."""
    for image in images[2:]:
        update_image(image, excluded=True)
    (shown,) = open_for(project, bob)
    ended = timezone.now() - timedelta(seconds=1)
    Assignment.objects.filter(id=shown.id).update(expires_at=ended)
    return shown


def test_an_answer_that_was_given_in_time_is_taken_late(
    late: Assignment, project: Project, bob: User
) -> None:
    with pytest.raises(Gone, match="expired"):
        record_comparison(bob, late.id, Outcome.LEFT, waited_ms=500)
    release_expired()
    assert record_comparison(bob, late.id, Outcome.LEFT, waited_ms=60_000)[1]
    assert not record_comparison(bob, late.id, Outcome.LEFT, waited_ms=90_000)[1], "sent again"
    assert_promises(project)


def test_it_is_taken_before_anybody_has_noticed_that_its_lease_is_over(
    late: Assignment, project: Project, bob: User
) -> None:
    record_comparison(bob, late.id, Outcome.LEFT, waited_ms=60_000)
    assert Pair.objects.get().taken == 1
    assert_promises(project)


@pytest.mark.parametrize("answered", [True, False])
def test_it_is_gone_when_somebody_else_has_its_place_but_a_skip_needs_none(
    late: Assignment, project: Project, bob: User, carol: User, answered: bool
) -> None:
    (theirs,) = open_for(project, carol)
    if answered:
        record_comparison(carol, theirs.id, Outcome.RIGHT)
    with pytest.raises(Gone, match="could not be had again"):
        record_comparison(bob, late.id, Outcome.LEFT, waited_ms=60_000)
    assert_promises(project)
    skipped, _ = record_comparison(bob, late.id, Outcome.SKIP, cause="broken", waited_ms=60_000)
    assert skipped.outcome == "skip"
    assert_promises(project)


def test_it_is_gone_when_an_image_is_excluded_the_person_paused_or_the_quota_full(
    late: Assignment, project: Project, images: list[Image], alice: User, bob: User
) -> None:
    release_expired()

    def refused() -> None:
        with pytest.raises(Gone):
            record_comparison(bob, late.id, Outcome.LEFT, waited_ms=60_000)

    update_image(images[0], excluded=True)
    refused()
    update_image(images[0], excluded=False)
    update_image(images[2], excluded=False)
    update_project(project.id, quota=1)
    (other,) = open_for(project, bob)
    refused()
    record_comparison(bob, other.id, Outcome.LEFT)
    refused()
    update_project(project.id, quota=2)
    pause_person(project, bob.id, alice)
    refused()
    Project.objects.update(state=Project.State.CLOSED)
    with pytest.raises(Conflict, match="closed"):
        record_comparison(bob, late.id, Outcome.LEFT, waited_ms=60_000)
    assert_promises(project)


# --- Undo ------------------------------------------------------------------------------------------


def test_undo_goes_back_as_far_as_the_project_allows_and_for_managers_all_the_way(
    project: Project, images: list[Image], alice: User, bob: User
) -> None:
    update_project(project.id, undo_steps=2)
    made = [record_comparison(bob, open_for(project, bob)[0].id, Outcome.LEFT)[0] for _ in range(3)]
    for comparison in (made[2], made[1], made[1]):
        retract_comparison(bob, comparison.id)
    with pytest.raises(Conflict, match="Only your last 2 answers"):
        retract_comparison(bob, made[0].id)
    update_project(project.id, undo_steps=0)
    again, _ = record_comparison(bob, open_for(project, bob)[0].id, Outcome.LEFT)
    with pytest.raises(Conflict, match="cannot be undone"):
        retract_comparison(bob, again.id)
    retract_comparison(alice, made[0].id)
    assert retract_comparison(bob, made[0].id).retracted_by == alice, "there is nothing left to do"
    own, _ = record_comparison(alice, open_for(project, alice)[0].id, Outcome.LEFT)
    assert retract_comparison(alice, own.id).retracted_at
    assert_promises(project)


def test_undo_is_a_mark_and_the_pair_comes_back_first_with_the_same_sides(
    project: Project, images: list[Image], bob: User
) -> None:
    first, _ = open_for(project, bob)
    comparison, _ = record_comparison(bob, first.id, Outcome.LEFT)
    retracted = retract_comparison(bob, comparison.id)
    assert (retracted.outcome, retracted.retracted_by) == ("left", bob)
    assert retracted.retracted_at is not None
    again = open_for(project, bob)[0]
    assert again.id != first.id
    assert (again.left_id, again.right_id) == (first.left_id, first.right_id)
    assert record_comparison(bob, again.id, Outcome.RIGHT)[1]
    assert_promises(project)


def test_a_late_resend_does_not_bring_an_undone_comparison_back(
    assignment: Assignment, bob: User
) -> None:
    comparison, _ = record_comparison(bob, assignment.id, Outcome.LEFT)
    retract_comparison(bob, comparison.id)
    resent, created = record_comparison(bob, assignment.id, Outcome.LEFT)
    assert not created
    assert resent.retracted_at is not None
    assert Comparison.objects.filter(retracted_at=None).count() == 0


def test_undoing_twice_goes_back_two_steps_the_latest_first(
    project: Project, images: list[Image], bob: User
) -> None:
    pairs, made = [], []
    for _ in range(2):
        assignment = open_for(project, bob)[0]
        pairs.append(assignment.pair_id)
        made.append(record_comparison(bob, assignment.id, Outcome.LEFT)[0])
    retract_comparison(bob, made[1].id)
    retract_comparison(bob, made[0].id)
    assert [a.pair_id for a in open_for(project, bob)] == pairs
    assert_promises(project)


def test_undoing_a_skip_brings_the_pair_back_only_if_nobody_else_has_it(
    project: Project, images: list[Image], bob: User, carol: User
) -> None:
    for image in images[2:]:
        image.excluded = True
        image.save()
    (only,) = open_for(project, bob)
    skipped, _ = record_comparison(bob, only.id, Outcome.SKIP)
    assert [a.pair_id for a in open_for(project, carol)] == [only.pair_id]
    retract_comparison(bob, skipped.id)
    assert open_for(project, bob) == []
    assert_promises(project)


def test_a_manager_may_retract_and_the_place_is_then_free_for_others_but_not_for_its_author(
    project: Project, images: list[Image], alice: User, bob: User, carol: User
) -> None:
    for image in images[2:]:
        image.excluded = True
        image.save()
    (only,) = open_for(project, bob)
    comparison, _ = record_comparison(bob, only.id, Outcome.LEFT)
    retract_comparison(alice, comparison.id)
    assert open_for(project, bob) == []
    assert [a.pair_id for a in open_for(project, carol)] == [only.pair_id]
    assert_promises(project)


def test_nobody_else_may_retract_and_they_do_not_learn_that_it_exists(
    assignment: Assignment, rita: User, carol: User, bob: User, dave: User
) -> None:
    comparison, _ = record_comparison(bob, assignment.id, Outcome.LEFT)
    for other in (rita, carol, dave):
        with pytest.raises((Http404, PermissionDenied)):
            retract_comparison(other, comparison.id)
    comparison.refresh_from_db()
    assert comparison.retracted_at is None


# --- The database's guard --------------------------------------------------------------------------


@pytest.fixture
def comparison(assignment: Assignment, bob: User) -> Comparison:
    return record_comparison(bob, assignment.id, Outcome.LEFT)[0]


def refused_by_the_database(sql: str) -> None:
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def test_the_database_refuses_to_change_a_comparison(comparison: Comparison) -> None:
    refused_by_the_database("UPDATE annotation_comparison SET outcome = 'right'")
    refused_by_the_database("UPDATE annotation_comparison SET duration_ms = 1")
    refused_by_the_database("UPDATE annotation_comparison SET created_at = '2020-01-01 00:00:00'")


def test_the_database_refuses_to_delete_a_comparison(comparison: Comparison) -> None:
    refused_by_the_database("DELETE FROM annotation_comparison")


def test_the_database_refuses_to_take_a_retraction_back(comparison: Comparison, bob: User) -> None:
    retract_comparison(bob, comparison.id)
    refused_by_the_database(
        "UPDATE annotation_comparison SET retracted_at = NULL, retracted_by_id = NULL"
    )


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_database_refuses_to_empty_the_log(comparison: Comparison) -> None:
    refused_by_the_database("TRUNCATE annotation_comparison CASCADE")


def test_the_database_refuses_an_outcome_that_is_none(assignment: Assignment, bob: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        record_comparison(bob, assignment.id, "better")  # type: ignore[arg-type]


def test_a_pair_has_two_images_in_their_order(project: Project, images: list[Image]) -> None:
    low, high = sorted(images[:2], key=lambda image: image.id)
    criterion = project.criteria.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Pair.objects.create(project=project, criterion=criterion, low=high, high=low)
