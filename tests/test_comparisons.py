"""The log of comparisons: appended once, undone by a mark, guarded by the database itself."""

import uuid
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.http import Http404
from django.utils import timezone

from annotation.errors import Conflict, Gone, Invalid
from annotation.models import Assignment, Comparison, Image, Outcome, Pair, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison, retract_comparison
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


# --- Undo ------------------------------------------------------------------------------------------


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
