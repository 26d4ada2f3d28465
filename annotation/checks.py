"""Checks of the annotators, mixed in invisibly: pairs whose answer is known, or that the same person gave.

A check is an assignment like any other, but for its purpose, which annotators never learn. It takes no
place of its pair, and may show again what the person has seen; what is said of it never enters the ratings.
Screens of more than two images have no checks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

from django.db.models import Max, Min, Q, QuerySet
from django.db.models.functions import Now

from annotation.chance import chance
from annotation.models import (
    Assignment,
    Comparison,
    Criterion,
    Image,
    Membership,
    Outcome,
    Pair,
    Project,
    Purpose,
    Screen,
)

# Two known qualities are clearly different if they differ by this part of the project's whole range.
CLEAR = 0.25
# So many comparisons of a person's own lie between the two times that they see the same pair.
APART = 10
# How many images, or earlier comparisons, are drawn to choose among.
SAMPLE = 64
EARLIER = 500
# With how many images a partner is looked for beyond the sample.
ANCHORS = 8

Ends = frozenset[UUID]
Sides = tuple[UUID, UUID]


@dataclass(frozen=True)
class Check:
    """What is shown to check a person: a pair, and which of its images is on which side."""

    purpose: Purpose
    pair: Pair
    left_id: UUID
    right_id: UUID


def toss(project: Project) -> Purpose | None:
    """Now and then a purpose: whether a check is to be shown beside the pair that was just opened.

    Of all that a person is shown, the project's shares are checks; less, where there is nothing to show.
    """
    if project.screen != Screen.PAIR:
        return None
    place = chance.random() * (1 - project.gold_share - project.repeat_share)
    if place < project.gold_share:
        return Purpose.GOLD
    if place < project.gold_share + project.repeat_share:
        return Purpose.REPEAT
    return None


def draw_check(membership: Membership, criterion: Criterion, purpose: Purpose) -> Check | None:
    """A check of this kind for this person, in the caller's transaction; None if there is none.

    Its images are locked, so that nobody is shown one that is just being excluded. No lock is waited for.
    """
    sides = (_gold if purpose == Purpose.GOLD else _repeat)(membership, criterion)
    if sides is None:
        return None
    images = Image.objects.filter(id__in=sides, excluded=False)
    if len(images.select_for_update(skip_locked=True, no_key=True).values_list("id")) < 2:
        return None
    low, high = sorted(sides)
    pair, _ = Pair.objects.get_or_create(
        project_id=membership.project_id, criterion=criterion, low_id=low, high_id=high
    )
    return Check(purpose, pair, *sides)


# --- Known answers -----------------------------------------------------------------------------------


def _gold(membership: Membership, criterion: Criterion) -> Sides | None:
    """Two images of a prompt with clearly different known qualities, new to this person as a check."""
    known = Image.objects.filter(project=membership.project_id, excluded=False, gold__isnull=False)
    ends = known.aggregate(low=Min("gold"), high=Max("gold"))
    if ends["low"] is None or ends["low"] == ends["high"]:
        return None
    clear = CLEAR * (ends["high"] - ends["low"])
    shown = _shown(membership, criterion, Purpose.GOLD) | _just_seen(membership)
    sample = _sample(known)
    found = [
        (one.id, two.id)
        for one, two in combinations(sample, 2)
        if _clearly_different(one, two, clear) and frozenset((one.id, two.id)) not in shown
    ]
    if not found and len(sample) == SAMPLE:
        found = next(_beyond(known, sample, clear, shown), [])
    if not found:
        return None
    one, two = chance.choice(found)
    return (one, two) if chance.random() < 0.5 else (two, one)


def _clearly_different(one: Image, two: Image, clear: float) -> bool:
    assert one.gold is not None
    assert two.gold is not None
    return one.prompt_id == two.prompt_id and abs(one.gold - two.gold) >= clear


def _sample(images: QuerySet[Image]) -> list[Image]:
    """Up to SAMPLE images at random, read from the index of their random places."""
    images = images.only("id", "prompt_id", "gold").order_by("shuffle")
    start = chance.random()
    drawn = list(images.filter(shuffle__gte=start)[:SAMPLE])
    return drawn + list(images.filter(shuffle__lt=start)[: SAMPLE - len(drawn)])


def _beyond(
    known: QuerySet[Image], sample: list[Image], clear: float, shown: set[Ends]
) -> Iterator[list[tuple[UUID, UUID]]]:
    """Partners in the whole project of some of the sample, where the prompts are too many for it."""
    for anchor in sample[:ANCHORS]:
        assert anchor.gold is not None
        unlike = Q(gold__lte=anchor.gold - clear) | Q(gold__gte=anchor.gold + clear)
        partners = _sample(known.filter(unlike, prompt=anchor.prompt_id))
        found = [
            (anchor.id, partner.id)
            for partner in partners
            if frozenset((anchor.id, partner.id)) not in shown
        ]
        if found:
            yield found


# --- Repeated pairs ----------------------------------------------------------------------------------


def _repeat(membership: Membership, criterion: Criterion) -> Sides | None:
    """A pair that this person decided a while ago, each once, with its sides swapped."""
    mine = _own(membership)
    latest = mine.order_by("-created_at", "-id")
    before = latest.values_list("created_at", flat=True)[APART - 1 : APART].first()
    if before is None:
        return None
    decided = latest.filter(
        criterion=criterion,
        purpose=Purpose.RANKING,
        outcome__in=[Outcome.LEFT, Outcome.RIGHT],
        created_at__lt=before,
        left__excluded=False,
        right__excluded=False,
    )
    again = _shown(membership, criterion, Purpose.REPEAT) | _just_seen(membership)
    found = [
        (left, right)
        for left, right in decided.values_list("left_id", "right_id")[:EARLIER]
        if frozenset((left, right)) not in again
    ]
    if not found:
        return None
    left, right = chance.choice(found)
    return right, left


def _own(membership: Membership) -> QuerySet[Comparison]:
    return Comparison.objects.filter(
        project=membership.project_id, annotator=membership.user_id, retracted_at=None
    )


# --- What this person has seen -----------------------------------------------------------------------


def _shown(membership: Membership, criterion: Criterion, purpose: Purpose) -> set[Ends]:
    """The pairs that they were shown for this purpose, answered or not."""
    checks = Assignment.objects.filter(
        # As the index of checks has it.
        ~Q(purpose=Purpose.RANKING),
        project=membership.project_id,
        annotator=membership.user_id,
        criterion=criterion,
        purpose=purpose,
    )
    return {frozenset(sides) for sides in checks.values_list("left_id", "right_id")}


def _just_seen(membership: Membership) -> set[Ends]:
    """What is on their screen or was a moment ago: seen so soon again, it would be noticed."""
    open_ = Assignment.objects.filter(
        project=membership.project_id,
        annotator=membership.user_id,
        state=Assignment.State.OPEN,
        expires_at__gt=Now(),
    )
    latest = _own(membership).order_by("-created_at", "-id")
    sides = ("left_id", "right_id")
    seen = [*open_.values_list(*sides), *latest.values_list(*sides)[:APART]]
    return {frozenset(ends) for ends in seen}
