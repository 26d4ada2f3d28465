"""Leases: which pair is reserved for whom, and until when.

Locks are taken in one order everywhere: membership, assignments, images, one pair or lineup, the project.
Each transaction claims one place, and waits for none, so no two clients can wait for each other.
Where a project asks all its questions about a pair together, each is an assignment of its own, opened by a
transaction of its own.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext, gettext_lazy

from annotation import pairing
from annotation.chance import chance
from annotation.checks import draw_check, toss
from annotation.models import (
    Assignment,
    Comparison,
    Criterion,
    LineupImage,
    Membership,
    Project,
    Proposal,
    Purpose,
)
from annotation.pairing.proposals import UNDO
from annotation.services.leases import (
    expiry,
    lease,
    lock,
    may_take_again,
    open_of,
    quota_reached,
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
    """Up to `count` open assignments: those the person already has, renewed, then new ones.

    Where all questions are asked together, `count` is of pairs, each with all its questions, unless one
    criterion is asked for.
    """
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
        reason, asked = _open_another(membership, criterion)
        for _ in range(asked):
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
    membership.paused_at = lock(membership).paused_at
    if membership.project.state != Project.State.OPEN or not may_take_again(membership, answered):
        return None
    return lease(
        membership,
        criterion_id=answered.criterion_id,
        screen=answered.screen,
        purpose=answered.purpose,
        pair_id=answered.pair_id,
        lineup_id=answered.lineup_id,
        left_id=answered.left_id,
        right_id=answered.right_id,
        shown=answered.shown,
        strategy=UNDO,
        replaces=answered,
        shown_as_id=answered.shown_as_id or answered.id,
    )


def release_same_images(skipped: Assignment) -> list[int]:
    """Nothing more is asked about two images that are amiss: the pairs whose places are then free.

    The caller holds the person's row, so that none is just being opened.
    """
    same = Assignment.objects.filter(
        project=skipped.project_id,
        annotator=skipped.annotator_id,
        state=Assignment.State.OPEN,
        purpose=Purpose.RANKING,
        left__in=[skipped.left_id, skipped.right_id],
        right__in=[skipped.left_id, skipped.right_id],
    ).exclude(id=skipped.id)
    locked = dict(same.select_for_update(skip_locked=True).values_list("id", "pair_id"))
    Assignment.objects.filter(id__in=locked).update(state=Assignment.State.RELEASED)
    return [pair for pair in locked.values() if pair]


@transaction.atomic
def _renew_own(membership: Membership, criterion: Criterion | None) -> int:
    """How many leases this person has, which all begin anew. The lock keeps two tabs from a deadlock."""
    mine = open_of(membership, criterion)
    if not mine.exists():
        return 0
    lock(membership)
    renewed = mine.update(expires_at=expiry(membership.project))
    if pairing.asks_together(membership.project):
        return len(pairing.by_pair(mine.select_related("criterion")))
    return renewed


def _own_open(membership: Membership, count: int, criterion: Criterion | None) -> list[Assignment]:
    """Undone pairs come first, the latest undone before the others; then the oldest lease."""
    mine = open_of(membership, criterion).select_related(
        "criterion", "left__prompt__reference", "right"
    )
    mine = mine.select_related("lineup").prefetch_related("lineup__images__prompt__reference")
    found = list(mine.order_by("created_at", "id"))
    for assignment in found:
        assignment.project = membership.project
    undone = [assignment for assignment in found if assignment.replaces_id]
    fresh = [assignment for assignment in found if not assignment.replaces_id]
    mine_in_order = [*reversed(undone), *fresh]
    if pairing.asks_together(membership.project):
        return [shown for pair in pairing.by_pair(mine_in_order)[:count] for shown in pair]
    return mine_in_order[:count]


def _open_another(membership: Membership, criterion: Criterion | None) -> tuple[str, int]:
    """One more pair or lineup for this person, with all questions if they are asked together.

    The reason why there is none, or "" and about how many questions it is.
    """
    for attempt in range(ATTEMPTS):
        opened = _open_one(membership, criterion, attempt)
        if isinstance(opened, str):
            return opened, 0
        if isinstance(opened, pairing.Place):
            return "", 1 + _open_others(membership, criterion, opened)
        if attempt >= pairing.TRIES:
            pairing.wait_for(opened)
    return gettext("The pairs that are left are just being changed. Ask again in a moment."), 0


@transaction.atomic
def _open_one(
    membership: Membership, criterion: Criterion | None, attempt: int
) -> str | pairing.Place | pairing.Missed:
    """What is open now, or why there is nothing."""
    if lock(membership).paused_at is not None:
        return str(PAUSED)
    project = membership.project
    if quota_reached(membership):
        return gettext("You have made all %(quota)s comparisons of your quota. Thank you!") % {
            "quota": project.quota
        }
    for wanted in [criterion] if criterion else _least_asked_first(membership):
        place = pairing.claim_next(project, wanted, membership.user_id, attempt)
        if isinstance(place, pairing.Missed):
            return place
        if place is not None:
            return _show(membership, wanted, place)
    return gettext("There is no pair left for you in this project. Thank you!")


def _open_others(membership: Membership, criterion: Criterion | None, first: pairing.Place) -> int:
    """The project's other questions about the same pair, where it has a place; how many there are."""
    if criterion is not None or not pairing.asks_together(membership.project):
        return 0
    others = Criterion.objects.filter(project=membership.project_id)
    others = others.exclude(id=first.proposal.criterion_id)
    return sum(_open_other(membership, other, first.proposal) for other in others)


def _open_other(membership: Membership, criterion: Criterion, shown: Proposal) -> bool:
    for _ in range(pairing.TRIES):
        opened = _open_same(membership, criterion, shown)
        if not isinstance(opened, pairing.Missed):
            return opened is not None
        pairing.wait_for(opened)
    return False


@transaction.atomic
def _open_same(
    membership: Membership, criterion: Criterion, shown: Proposal
) -> pairing.Place | pairing.Missed | None:
    """None, if there is no place of it for this person. Missed: somebody is just deciding about the last."""
    if lock(membership).paused_at is not None or quota_reached(membership):
        return None
    proposal = pairing.same_images(membership.project, criterion, shown, membership.user_id)
    if proposal is None:
        return None
    place = pairing.claim(membership.project, proposal)
    return _show(membership, criterion, place) if place else pairing.Missed(proposal)


def _show(
    membership: Membership, criterion: Criterion, place: pairing.Place
) -> pairing.Place | pairing.Missed:
    """Missed, if this person has told that these images are amiss: shown and taken back, it stays seen."""
    proposal = place.proposal
    images = pairing.images_of(proposal)
    chance.shuffle(images)
    known = pairing.Known()
    if pairing.asks_together(membership.project):
        known = pairing.known_of(proposal, membership.user_id)
    sides: dict[str, Any] = {"shown": [str(id) for id in images]}
    if place.pair_id is not None:
        images = list(known.sides or images)
        sides = {"left_id": images[0], "right_id": images[1], "shown_as_id": known.shown_as}
    shown = lease(
        membership,
        criterion=criterion,
        screen=proposal.screen,
        pair_id=place.pair_id,
        lineup_id=place.lineup_id,
        strategy=proposal.strategy,
        probability=proposal.probability,
        fallback=proposal.fallback,
        state=Assignment.State.RELEASED if known.amiss else Assignment.State.OPEN,
        **sides,
    )
    if known.amiss:
        pairing.free_place(shown)
        return pairing.Missed(proposal)
    return place


def _mix_in_check(membership: Membership, criterion: Criterion | None) -> None:
    """Now and then a check beside the pair that was just opened: never where there is no pair left.

    A transaction of its own, since each touches one pair.
    """
    purpose = toss(membership.project)
    if purpose is not None:
        _open_check(membership, criterion, purpose)


@transaction.atomic
def _open_check(membership: Membership, criterion: Criterion | None, purpose: Purpose) -> None:
    if lock(membership).paused_at is not None or quota_reached(membership):
        return
    criterion = criterion or _least_asked_first(membership)[0]
    check = draw_check(membership, criterion, purpose)
    if check is not None:
        lease(
            membership,
            criterion=criterion,
            purpose=check.purpose,
            pair=check.pair,
            left_id=check.left_id,
            right_id=check.right_id,
            strategy=check.purpose,
        )


def _least_asked_first(membership: Membership) -> list[Criterion]:
    """The project's criteria, first the one that this person was asked least of late."""
    criteria = list(Criterion.objects.filter(project=membership.project_id))
    if len(criteria) < 2:
        return criteria
    answered = Comparison.objects.filter(
        project=membership.project_id, annotator=membership.user_id
    ).order_by("-created_at")
    asked = Counter(answered.values_list("criterion", flat=True)[: 4 * len(criteria)])
    asked.update(open_of(membership, None).values_list("criterion", flat=True))
    return sorted(criteria, key=lambda criterion: asked[criterion.id])
