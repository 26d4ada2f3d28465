"""The log's two verbs: a comparison is recorded once, and retracted at most once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import (
    BooleanField,
    Case,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    Value,
    When,
)
from django.db.models.functions import Now
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation import pairing, showings
from annotation.access import membership_for
from annotation.errors import Conflict, Gone, Invalid
from annotation.levels import Levels
from annotation.models import (
    AMISS,
    Assignment,
    Cause,
    Comparison,
    Membership,
    Outcome,
    Project,
    Purpose,
    Role,
    Screen,
    User,
)
from annotation.names import name_key
from annotation.services.assignments import release_same_images, reopen_assignment
from annotation.services.leases import may_take_again, membership_of
from annotation.services.revision import raise_revision

# Whether a lease is over, by the database's clock, which all web processes share.
LAPSED = Case(
    When(expires_at__lte=Now(), then=Value(True)),
    default=Value(False),
    output_field=BooleanField(),
)


@dataclass(frozen=True)
class Answer:
    """What a person says of an assignment.

    levels: what the outcome “ordered” says of several images: see annotation.levels. cause: why it was
    skipped. tags: some of the project's. waited_ms: how long it waited to be sent since it was given.
    """

    outcome: Outcome
    levels: Sequence[Sequence[UUID | str]] | None = None
    cause: str = Cause.NONE
    tags: Sequence[str] = ()
    duration_ms: int | None = None
    strength: int | None = None
    reason: str = ""
    waited_ms: int | None = None

    @property
    def amiss(self) -> bool:
        return self.cause in AMISS


def record_comparison(
    user: User, assignment_id: UUID, outcome: Outcome, **said: Any
) -> tuple[Comparison, bool]:
    """The comparison, and whether this call made it. A repeated call finds the first one's row.

    said: see Answer. One that was given in time is taken late, as long as its place is free: with the
    person's row locked first, since their quota is counted. So it is, too, where other questions are taken
    off their screen.
    """
    answer = Answer(outcome, **said)
    recorded = None if answer.amiss else _record(user, assignment_id, answer)
    return recorded or _record_alone(user, assignment_id, answer)


@transaction.atomic
def _record_alone(user: User, assignment_id: UUID, answer: Answer) -> tuple[Comparison, bool]:
    """While nothing is opened for this person."""
    alone = membership_of(user, assignment_id)
    recorded = _record(user, assignment_id, answer, alone)
    assert recorded is not None
    return recorded


@transaction.atomic
def _record(
    user: User, assignment_id: UUID, answer: Answer, alone: Membership | None = None
) -> tuple[Comparison, bool] | None:
    """None, if it is late, and can only be taken while nothing is opened for this person.

    The assignment's row lock makes a double click, a retry and a second tab wait for one another.
    """
    assignment = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("project", "criterion")
        .filter(
            id=assignment_id,
            annotator=user,
            project__deleted_at=None,
            project__memberships__user=user,
        )
        .annotate(lapsed=LAPSED, role=F("project__memberships__role"))
        .first()
    )
    if assignment is None:
        raise Http404(_("There is no such assignment of yours."))
    blind = Role(assignment.role).is_blind
    levels = _levels_of(assignment, answer.outcome, answer.levels, blind=blind)
    if assignment.state == Assignment.State.ANSWERED:
        return _same_or_conflict(assignment, answer.outcome, levels), False
    _refuse_unanswerable(assignment, answer)
    has_place = assignment.state == Assignment.State.OPEN
    if not has_place or assignment.lapsed:
        if not _given_in_time(assignment, answer):
            raise Gone(
                _("This reservation has expired. Nothing was recorded; ask for the next one.")
            )
        if alone is None:
            return None
        has_place = _take_late(alone, assignment, answer, has_place)
    comparison = Comparison.objects.create(
        assignment=assignment,
        project=assignment.project,
        criterion=assignment.criterion,
        annotator=user,
        screen=assignment.screen,
        purpose=assignment.purpose,
        left_id=assignment.left_id,
        right_id=assignment.right_id,
        levels=levels,
        outcome=answer.outcome,
        cause=answer.cause,
        tags=_tags_of(assignment.project, answer.tags),
        duration_ms=answer.duration_ms,
        strength=answer.strength,
        reason=answer.reason,
    )
    Assignment.objects.filter(id=assignment.id).update(state=Assignment.State.ANSWERED)
    if answer.amiss and assignment.pair_id is not None:
        free = release_same_images(assignment)
        if has_place and assignment.purpose == Purpose.RANKING:
            free.append(assignment.pair_id)
        pairing.free_places(pairs=free, lineups=[])
    elif answer.outcome == Outcome.SKIP and has_place:
        pairing.free_place(assignment)
    raise_revision(assignment.project_id)
    return comparison, True


def _given_in_time(assignment: Assignment, answer: Answer) -> bool:
    """Before the lease was over, by the database's clock; what is not said to have waited is given now."""
    if answer.waited_ms is None:
        return False
    waited = Value(timedelta(milliseconds=answer.waited_ms), output_field=DurationField())
    given = ExpressionWrapper(Now() - waited, output_field=DateTimeField())
    return Assignment.objects.filter(id=assignment.id, expires_at__gt=given).exists()


def _take_late(
    membership: Membership, assignment: Assignment, answer: Answer, has_place: bool
) -> bool:
    """Whether the assignment has a place now, which a skip needs not. Refused, if there is none for it."""
    if answer.outcome == Outcome.SKIP:
        return has_place
    if not may_take_again(membership, assignment, has_place=has_place):
        raise Gone(
            _(
                "This answer came when its reservation had expired and its place could not be had again. "
                "Nothing was recorded; ask for the next one."
            )
        )
    return True


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
        if not Role(membership.role).includes(Role.MANAGER):
            _refuse_undoing_too_far(comparison)
        Comparison.objects.filter(id=comparison.id).update(retracted_at=Now(), retracted_by=user)
        if comparison.outcome != Outcome.SKIP:
            pairing.free_place(comparison.assignment)
        if by_author:
            reopen_assignment(membership, comparison.assignment)
        raise_revision(comparison.project_id)
        comparison.refresh_from_db(fields=["retracted_at", "retracted_by"])
        return comparison


def _refuse_undoing_too_far(comparison: Comparison) -> None:
    """As far back as the project allows; what was undone was a step, too."""
    steps = comparison.project.undo_steps
    if steps is None:
        return
    if steps == 0:
        raise Conflict(_("In this project answers cannot be undone."))
    later = Comparison.objects.filter(
        Q(created_at__gt=comparison.created_at)
        | Q(created_at=comparison.created_at, id__gt=comparison.id),
        project=comparison.project_id,
        annotator=comparison.annotator_id,
    )
    if len(later.order_by().values_list("id")[:steps]) >= steps:
        raise Conflict(
            ngettext(
                "Only your last answer can be undone in this project.",
                "Only your last %(steps)s answers can be undone in this project.",
                steps,
            )
            % {"steps": steps}
        )


def _levels_of(
    assignment: Assignment,
    outcome: Outcome,
    levels: Sequence[Sequence[UUID | str]] | None,
    *,
    blind: bool,
) -> Levels | None:
    """What is said of the images of a lineup; of a pair nothing, for that is the outcome."""
    several = assignment.screen != Screen.PAIR
    if several and outcome == Outcome.ORDERED:
        return showings.own_levels(assignment, levels, blind=blind)
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
    answered.assignment = assignment
    return answered


def _refuse_unanswerable(assignment: Assignment, answer: Answer) -> None:
    project = assignment.project
    if answer.outcome == Outcome.TIE and not project.allow_tie:
        raise Invalid(_("This project takes no ties: choose left or right, or skip."), "outcome")
    if answer.cause and answer.outcome != Outcome.SKIP:
        raise Invalid(
            _("A cause says why something was skipped: send it with the outcome “skip”."), "cause"
        )
    _tags_of(project, answer.tags)
    if project.state == Project.State.CLOSED:
        raise Conflict(_("The project is closed and takes no more comparisons."))


def _tags_of(project: Project, tags: Sequence[str]) -> list[str]:
    """The project's own spelling of the tags; Invalid if one is not among them, or there twice."""
    spelled = {name_key(tag): tag for tag in reversed(project.tags)}
    spelled |= {tag: tag for tag in project.tags}
    found = [spelled.get(tag, spelled.get(name_key(tag), "")) for tag in tags]
    for tag, own in zip(tags, found, strict=True):
        if not own:
            known = ", ".join(project.tags)
            raise Invalid(
                _("The project has no tag “%(tag)s”. It has: %(known)s.")
                % {"tag": tag, "known": known}
                if known
                else _("The project has no tags."),
                "tags",
            )
    if len(set(found)) != len(found):
        raise Invalid(_("Name each tag only once."), "tags")
    return found


def _refuse_unless_manager(role: Role) -> None:
    """Reviewers see the comparisons of others, but only managers retract them."""
    if not role.includes(Role.REVIEWER):
        raise Http404(_("There is no such comparison of yours."))
    if not role.includes(Role.MANAGER):
        raise PermissionDenied(_("Only its author or a manager may undo a comparison."))
