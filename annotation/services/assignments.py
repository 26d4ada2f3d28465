"""Leases: which pair is reserved for whom, and until when.

Locks are taken in one order everywhere: membership, assignments, images, one pair or lineup, the project.
Each transaction claims one place, and waits for none, so no two clients can wait for each other.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import (
    DateTimeField,
    DurationField,
    Expression,
    ExpressionWrapper,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Now
from django.utils.translation import gettext, gettext_lazy

from annotation import pairing
from annotation.chance import chance
from annotation.checks import draw_check, toss
from annotation.models import (
    Assignment,
    Comparison,
    Criterion,
    Image,
    LineupImage,
    Membership,
    Outcome,
    Project,
    Purpose,
)

PAUSED = gettext_lazy(
    "Your work in this project is paused; the manager has been told. "
    "What you have compared is kept."
)

# So many proposals and pairs may be taken by others, or turn out illegal, while one is opened.
ATTEMPTS = 100


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
            gettext("The project is %(state)s: there is nothing to compare.")
            % {"state": project.state_in_words},
        )
    if membership.paused_at is not None:
        return Opened([], str(PAUSED))
    release_expired(project.id)
    have = _renew_own(membership, criterion)
    reason = ""
    while have < count and not reason:
        reason = _open_another(membership, criterion)
        if not reason:
            _mix_in_check(membership, criterion)
        have += 1
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
    still_open = assignments.filter(state=Assignment.State.OPEN).select_for_update(skip_locked=True)
    locked = list(still_open.values_list("id", "purpose", "pair_id", "lineup_id"))
    Assignment.objects.filter(id__in=[id for id, *_ in locked]).update(
        state=Assignment.State.RELEASED
    )
    placed = [row for row in locked if row[1] == Purpose.RANKING]
    pairing.free_places(
        pairs=[pair for _, _, pair, _ in placed if pair],
        lineups=[lineup for _, _, _, lineup in placed if lineup],
    )
    return len(locked)


def release_assignments_of(images: list[UUID]) -> None:
    """An excluded image is shown to nobody any more, not even to those who have it on their screen."""
    lineups = LineupImage.objects.filter(image__in=images).values("lineup")
    with_one = Q(left__in=images) | Q(right__in=images) | Q(lineup__in=lineups)
    release_assignments(Assignment.objects.filter(with_one))


def reopen_assignment(membership: Membership, answered: Assignment) -> Assignment | None:
    """A new lease on the pair of a retracted comparison, if there is still a place for it.

    Runs in the transaction of the retraction, which has just freed the pair's place and the author's
    quota; that of a skip was free before, and may have been taken.
    """
    project = membership.project
    paused = _lock(membership).paused_at is not None
    if paused or project.state != Project.State.OPEN or _quota_reached(membership):
        return None
    if _images_of(answered).filter(excluded=True).exists():
        return None
    if not pairing.claim_place(answered):
        return None
    return _lease(
        membership,
        criterion_id=answered.criterion_id,
        screen=answered.screen,
        purpose=answered.purpose,
        pair_id=answered.pair_id,
        lineup_id=answered.lineup_id,
        left_id=answered.left_id,
        right_id=answered.right_id,
        shown=answered.shown,
        strategy="undo",
        replaces=answered,
    )


def _lease(membership: Membership, **shown: Any) -> Assignment:
    return Assignment.objects.create(
        project=membership.project,
        annotator_id=membership.user_id,
        expires_at=_expiry(membership.project),
        **shown,
    )


def _images_of(assignment: Assignment) -> QuerySet[Image]:
    if assignment.lineup_id is not None:
        return Image.objects.filter(id__in=assignment.shown or [])
    return Image.objects.filter(id__in=[assignment.left_id, assignment.right_id])


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
    mine = mine.select_related("lineup").prefetch_related("lineup__images__prompt")
    found = list(mine.order_by("created_at", "id"))
    undone = [assignment for assignment in found if assignment.replaces_id]
    fresh = [assignment for assignment in found if not assignment.replaces_id]
    return [*reversed(undone), *fresh][:count]


def _open_another(membership: Membership, criterion: Criterion | None) -> str:
    """One more assignment for this person; else the reason why there is none."""
    for attempt in range(ATTEMPTS):
        missed = _open_one(membership, criterion, attempt)
        if not isinstance(missed, pairing.Missed):
            return missed
        if attempt >= pairing.TRIES:
            pairing.wait_for(missed)
    return gettext("The pairs that are left are just being changed. Ask again in a moment.")


@transaction.atomic
def _open_one(
    membership: Membership, criterion: Criterion | None, attempt: int
) -> str | pairing.Missed:
    """Empty if there is one more now."""
    if _lock(membership).paused_at is not None:
        return str(PAUSED)
    project = membership.project
    if _quota_reached(membership):
        return gettext("You have made all %(quota)s comparisons of your quota. Thank you!") % {
            "quota": project.quota
        }
    for wanted in [criterion] if criterion else _least_asked_first(membership):
        place = pairing.claim_next(project, wanted, membership.user_id, attempt)
        if isinstance(place, pairing.Missed):
            return place
        if place is not None:
            _show(membership, wanted, place)
            return ""
    return gettext("There is no pair left for you in this project. Thank you!")


def _show(membership: Membership, criterion: Criterion, place: pairing.Place) -> Assignment:
    proposal = place.proposal
    images = pairing.images_of(proposal)
    chance.shuffle(images)
    sides: dict[str, Any] = {"shown": [str(id) for id in images]}
    if place.pair_id is not None:
        sides = {"left_id": images[0], "right_id": images[1]}
    return _lease(
        membership,
        criterion=criterion,
        screen=proposal.screen,
        pair_id=place.pair_id,
        lineup_id=place.lineup_id,
        strategy=proposal.strategy,
        probability=proposal.probability,
        **sides,
    )


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
        _lease(
            membership,
            criterion=criterion,
            purpose=check.purpose,
            pair=check.pair,
            left_id=check.left_id,
            right_id=check.right_id,
            strategy=check.purpose,
        )


def _quota_reached(membership: Membership) -> bool:
    quota = membership.project.quota
    if quota is None:
        return False
    judged = membership.user.comparisons.filter(
        project=membership.project_id, retracted_at=None
    ).exclude(outcome=Outcome.SKIP)
    # Counted up to the quota and no further: it is asked each time.
    made = judged.order_by()[:quota].count()
    return made + _open_of(membership, None).count() >= quota


def _least_asked_first(membership: Membership) -> list[Criterion]:
    """The project's criteria, first the one that this person was asked least of late."""
    criteria = list(Criterion.objects.filter(project=membership.project_id))
    if len(criteria) < 2:
        return criteria
    answered = Comparison.objects.filter(
        project=membership.project_id, annotator=membership.user_id
    ).order_by("-created_at")
    asked = Counter(answered.values_list("criterion", flat=True)[: 4 * len(criteria)])
    asked.update(_open_of(membership, None).values_list("criterion", flat=True))
    return sorted(criteria, key=lambda criterion: asked[criterion.id])
