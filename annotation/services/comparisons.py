"""The log's two verbs: a comparison is recorded once, and retracted at most once."""

from collections.abc import Sequence
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import BooleanField, Case, Value, When
from django.db.models.functions import Now
from django.http import Http404
from django.utils.translation import gettext as _

from annotation import pairing
from annotation.access import membership_for
from annotation.errors import Conflict, Gone, Invalid
from annotation.levels import Levels, checked_levels
from annotation.models import (
    Assignment,
    Comparison,
    Outcome,
    Project,
    Role,
    Screen,
    User,
)
from annotation.services.assignments import reopen_assignment
from annotation.services.revision import raise_revision

# Whether a lease is over, by the database's clock, which all web processes share.
LAPSED = Case(
    When(expires_at__lte=Now(), then=Value(True)),
    default=Value(False),
    output_field=BooleanField(),
)


@transaction.atomic
def record_comparison(
    user: User,
    assignment_id: UUID,
    outcome: Outcome,
    *,
    levels: Sequence[Sequence[UUID | str]] | None = None,
    duration_ms: int | None = None,
    strength: int | None = None,
    reason: str = "",
) -> tuple[Comparison, bool]:
    """The comparison, and whether this call made it. A repeated call finds the first one's row.

    levels: what the outcome “ordered” says of several images: see annotation.levels.
    The assignment's row lock makes a double click, a retry and a second tab wait for one another.
    """
    assignment = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("project", "criterion")
        .annotate(lapsed=LAPSED)
        .filter(
            id=assignment_id,
            annotator=user,
            project__deleted_at=None,
            project__memberships__user=user,
        )
        .first()
    )
    if assignment is None:
        raise Http404(_("There is no such assignment of yours."))
    said = _levels_of(assignment, outcome, levels)
    if assignment.state == Assignment.State.ANSWERED:
        return _same_or_conflict(assignment, outcome, said), False
    _refuse_unanswerable(assignment, outcome)
    comparison = Comparison.objects.create(
        assignment=assignment,
        project=assignment.project,
        criterion=assignment.criterion,
        annotator=user,
        screen=assignment.screen,
        purpose=assignment.purpose,
        left_id=assignment.left_id,
        right_id=assignment.right_id,
        levels=said,
        outcome=outcome,
        duration_ms=duration_ms,
        strength=strength,
        reason=reason,
    )
    Assignment.objects.filter(id=assignment.id).update(state=Assignment.State.ANSWERED)
    if outcome == Outcome.SKIP:
        pairing.free_place(assignment)
    raise_revision(assignment.project_id)
    return comparison, True


def retract_comparison(user: User, comparison_id: UUID) -> Comparison:
    """Undo: mark the comparison as retracted; a second call changes nothing.

    Its author is shown the same again, in the same places; retracted by a manager, its place is free.
    """
    with transaction.atomic():
        comparison = (
            Comparison.objects.select_for_update(of=("self",))
            .select_related("assignment", "project")
            .filter(id=comparison_id)
            .first()
        )
        if comparison is None:
            raise Http404(_("There is no such comparison of yours."))
        membership = membership_for(user, comparison.project_id)
        by_author = comparison.annotator_id == user.id
        if not by_author:
            _refuse_unless_manager(Role(membership.role))
        if comparison.retracted_at is not None:
            return comparison
        Comparison.objects.filter(id=comparison.id).update(retracted_at=Now(), retracted_by=user)
        if comparison.outcome != Outcome.SKIP:
            pairing.free_place(comparison.assignment)
        if by_author:
            reopen_assignment(membership, comparison.assignment)
        raise_revision(comparison.project_id)
        comparison.refresh_from_db(fields=["retracted_at", "retracted_by"])
        return comparison


def _levels_of(
    assignment: Assignment, outcome: Outcome, levels: Sequence[Sequence[UUID | str]] | None
) -> Levels | None:
    """What is said of the images of a lineup; of a pair nothing, for that is the outcome."""
    several = assignment.screen != Screen.PAIR
    if several and outcome == Outcome.ORDERED:
        return checked_levels(assignment.screen, assignment.shown or (), levels)
    if levels is not None:
        raise Invalid(_("“levels” belong to the outcome “ordered”."), "levels")
    if several and outcome != Outcome.SKIP:
        raise Invalid(
            _(
                "Several images were shown: answer “ordered” with “levels”, or skip; not "
                "“%(outcome)s”."
            )
            % {"outcome": outcome},
            "outcome",
        )
    if outcome == Outcome.ORDERED:
        raise Invalid(
            _(
                "Two images were shown: answer left, right, tie or both_bad, or skip; not "
                "“ordered”."
            ),
            "outcome",
        )
    return None


def _same_or_conflict(
    assignment: Assignment, outcome: Outcome, levels: Levels | None
) -> Comparison:
    answered = Comparison.objects.get(assignment=assignment)
    if answered.outcome != outcome or answered.levels != levels:
        said = "another order" if answered.outcome == outcome else f"“{answered.outcome}”"
        raise Conflict(
            _(
                "This assignment was already answered with %(said)s. To change an answer, "
                "undo it and judge again."
            )
            % {"said": said}
        )
    answered.criterion = assignment.criterion
    return answered


def _refuse_unanswerable(assignment: Assignment, outcome: Outcome) -> None:
    project = assignment.project
    if outcome == Outcome.TIE and not project.allow_tie:
        raise Invalid(_("This project takes no ties: choose left or right, or skip."), "outcome")
    if project.state == Project.State.CLOSED:
        raise Conflict(_("The project is closed and takes no more comparisons."))
    if assignment.state == Assignment.State.RELEASED or assignment.lapsed:  # type: ignore[attr-defined]
        raise Gone(_("This reservation has expired. Nothing was recorded; ask for the next one."))


def _refuse_unless_manager(role: Role) -> None:
    """Reviewers see the comparisons of others, but only managers retract them."""
    if not role.includes(Role.REVIEWER):
        raise Http404(_("There is no such comparison of yours."))
    if not role.includes(Role.MANAGER):
        raise PermissionDenied(_("Only its author or a manager may undo a comparison."))
