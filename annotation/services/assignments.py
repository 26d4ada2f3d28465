"""Leases: which pair is reserved for whom, and until when.

Locks are taken in one order everywhere: membership, assignments, one pair, the project. Each
transaction claims one pair, so no two clients can wait for each other.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import (
    Count,
    DateTimeField,
    DurationField,
    Expression,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Now

from annotation import pairing
from annotation.checks import draw_check, toss
from annotation.models import (
    Assignment,
    Criterion,
    Image,
    Membership,
    Outcome,
    Pair,
    Project,
    Purpose,
)

# Which picture is on which side must not be guessable from earlier ones.
_toss = random.SystemRandom()

PAUSED = (
    "Your work in this project is paused; the manager has been told. "
    "What you have compared is kept."
)


@dataclass(frozen=True)
class Opened:
    """This person's open assignments, first the one to show; `reason` says why there are none."""

    assignments: list[Assignment]
    reason: str = ""


def open_assignments(
    membership: Membership, count: int = 1, criterion: Criterion | None = None
) -> Opened:
    """Up to `count` open assignments: those the person already has, renewed, then new ones."""
    project = membership.project
    if project.state != Project.State.OPEN:
        return Opened(
            [],
            f"The project is {project.get_state_display().lower()}: there is nothing to compare.",
        )
    if membership.paused_at is not None:
        return Opened([], PAUSED)
    release_expired(project.id)
    have = _renew_own(membership, criterion)
    reason = ""
    for _ in range(count - have):
        opened, reason = _open_one(membership, criterion)
        if not opened:
            break
        _mix_in_check(membership, criterion)
    mine = _own_open(membership, count, criterion)
    return Opened(mine, "" if mine else reason)


def release_expired(project_id: UUID | None = None) -> int:
    """Give the places of expired leases back; the number of them. Safe to repeat and to run in parallel."""
    expired = Assignment.objects.filter(state=Assignment.State.OPEN, expires_at__lte=Now())
    if project_id is not None:
        expired = expired.filter(project_id=project_id)
    if not expired.exists():
        return 0
    return release_assignments(expired)


@transaction.atomic
def release_assignments(assignments: QuerySet[Assignment]) -> int:
    """Give back the places of those that are open; what another transaction is just answering stays."""
    still_open = assignments.filter(state=Assignment.State.OPEN)
    rows = still_open.select_for_update(skip_locked=True)
    locked = list(rows.values_list("id", "pair_id", "purpose"))
    Assignment.objects.filter(id__in=[id for id, _, _ in locked]).update(
        state=Assignment.State.RELEASED
    )
    # A check holds no place.
    for pair_id in sorted(pair for _, pair, purpose in locked if purpose == Purpose.RANKING):
        Pair.objects.filter(id=pair_id).update(taken=F("taken") - 1)
    return len(locked)


def release_assignments_of(images: list[UUID]) -> None:
    """An excluded image is shown to nobody any more, not even to those who have it on their screen."""
    release_assignments(Assignment.objects.filter(Q(left__in=images) | Q(right__in=images)))


def reopen_assignment(membership: Membership, answered: Assignment) -> Assignment | None:
    """A new lease on the pair of a retracted comparison, if there is still a place for it.

    Runs in the transaction of the retraction, which has just freed the pair's place and the author's
    quota; that of a skip was free before, and may have been taken.
    """
    project = membership.project
    if answered.pair_id is None:
        return None
    paused = _lock(membership).paused_at is not None
    if paused or project.state != Project.State.OPEN or _quota_reached(membership):
        return None
    sides = [answered.left_id, answered.right_id]
    if Image.objects.filter(id__in=filter(None, sides), excluded=True).exists():
        return None
    if answered.purpose == Purpose.RANKING and not pairing.claim(answered.pair_id, project.overlap):
        return None
    return Assignment.objects.create(
        project=project,
        criterion_id=answered.criterion_id,
        purpose=answered.purpose,
        pair_id=answered.pair_id,
        annotator_id=answered.annotator_id,
        left_id=answered.left_id,
        right_id=answered.right_id,
        strategy="undo",
        probability=None,
        expires_at=_expiry(project),
        replaces=answered,
    )


def _expiry(project: Project) -> Expression:
    lease = Value(timedelta(seconds=project.lease_seconds), output_field=DurationField())
    return ExpressionWrapper(Now() + lease, output_field=DateTimeField())


def _open_of(membership: Membership, criterion: Criterion | None) -> QuerySet[Assignment]:
    mine = Assignment.objects.filter(
        project=membership.project_id,
        annotator=membership.user_id,
        state=Assignment.State.OPEN,
        expires_at__gt=Now(),
    )
    return mine.filter(criterion=criterion) if criterion else mine


def _lock(membership: Membership) -> Membership:
    """As it is now. One person's tabs and devices wait here for one another, so that quotas are exact."""
    return Membership.objects.select_for_update().get(id=membership.id)


@transaction.atomic
def _renew_own(membership: Membership, criterion: Criterion | None) -> int:
    """How many leases this person has, which all begin anew. The lock keeps two tabs from a deadlock."""
    mine = _open_of(membership, criterion)
    if not mine.exists():
        return 0
    _lock(membership)
    return mine.update(expires_at=_expiry(membership.project))


def _own_open(membership: Membership, count: int, criterion: Criterion | None) -> list[Assignment]:
    """Undone pairs come first, the latest undone before the others; then the oldest lease."""
    mine = _open_of(membership, criterion).select_related("criterion", "left__prompt", "right")
    found = list(mine.order_by("created_at", "id"))
    undone = [assignment for assignment in found if assignment.replaces_id]
    fresh = [assignment for assignment in found if not assignment.replaces_id]
    return [*reversed(undone), *fresh][:count]


@transaction.atomic
def _open_one(membership: Membership, criterion: Criterion | None) -> tuple[bool, str]:
    if _lock(membership).paused_at is not None:
        return False, PAUSED
    project = membership.project
    if _quota_reached(membership):
        return False, f"You have made all {project.quota} comparisons of your quota. Thank you!"
    for wanted in [criterion] if criterion else _least_asked_first(membership):
        choice = pairing.claim_pair(project, wanted, membership.user_id)
        if choice is not None:
            sides = [choice.pair.low_id, choice.pair.high_id]
            _toss.shuffle(sides)
            Assignment.objects.create(
                project=project,
                criterion=wanted,
                pair=choice.pair,
                annotator_id=membership.user_id,
                left_id=sides[0],
                right_id=sides[1],
                strategy=choice.strategy,
                probability=choice.probability,
                expires_at=_expiry(project),
            )
            return True, ""
    return False, "There is no pair left for you in this project. Thank you!"


def _mix_in_check(membership: Membership, criterion: Criterion | None) -> None:
    """Now and then a check beside the pair that was just opened: never where there is no pair left.

    A transaction of its own, since each touches one pair.
    """
    purpose = toss(membership.project)
    if purpose is not None:
        _open_check(membership, criterion, purpose)


@transaction.atomic
def _open_check(membership: Membership, criterion: Criterion | None, purpose: Purpose) -> None:
    if _lock(membership).paused_at is not None or _quota_reached(membership):
        return
    criterion = criterion or _least_asked_first(membership)[0]
    check = draw_check(membership, criterion, purpose)
    if check is not None:
        Assignment.objects.create(
            project=membership.project,
            criterion=criterion,
            purpose=check.purpose,
            pair=check.pair,
            annotator_id=membership.user_id,
            left_id=check.left_id,
            right_id=check.right_id,
            strategy=check.purpose,
            expires_at=_expiry(membership.project),
        )


def _quota_reached(membership: Membership) -> bool:
    quota = membership.project.quota
    if quota is None:
        return False
    judged = membership.user.comparisons.filter(
        project=membership.project_id, retracted_at=None
    ).exclude(outcome=Outcome.SKIP)
    return judged.count() + _open_of(membership, None).count() >= quota


def _least_asked_first(membership: Membership) -> list[Criterion]:
    criteria = list(Criterion.objects.filter(project=membership.project_id))
    if len(criteria) < 2:
        return criteria
    asked = dict(
        Assignment.objects.filter(project=membership.project_id, annotator=membership.user_id)
        .order_by()
        .values_list("criterion")
        .annotate(Count("id"))
    )
    return sorted(criteria, key=lambda criterion: asked.get(criterion.id, 0))
