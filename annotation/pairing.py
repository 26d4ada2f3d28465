"""The port between collecting and choosing: which pair an annotator is shown next.

The picker named in settings.PAIR_PICKER proposes pairs; this module alone decides whether a pair is
legal (same prompt, nobody excluded, new to this person) and claims a place of it under the pair's row
lock. A picker that raises, or proposes nothing legal, costs a random pair and never an error.
"""

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils.module_loading import import_string

from annotation.models import Assignment, Criterion, Image, Pair, Project

logger = logging.getLogger(__name__)
_random = random.SystemRandom()

# How many images or pairs are drawn to choose among; below it, the choice is among all.
SAMPLE = 64


@dataclass(frozen=True)
class Proposal:
    """What a picker proposes: two images, by which strategy, and with what probability it chose them."""

    images: tuple[UUID, UUID]
    strategy: str
    probability: float | None


@dataclass(frozen=True)
class Choice:
    """A pair of which one place is now this annotator's."""

    pair: Pair
    strategy: str
    probability: float | None


Picker = Callable[[Project, Criterion, UUID], Iterable[Proposal]]


def claim_pair(project: Project, criterion: Criterion, annotator_id: UUID) -> Choice | None:
    """A legal pair with one place claimed in the caller's transaction; None if there is none at all."""
    return (
        _claim_proposed(project, criterion, annotator_id)
        or _claim_started(project, criterion, annotator_id, skip_locked=True)
        or _claim_new(project, criterion, annotator_id)
        # Pairs that others were just claiming may have a place left: now wait for them to commit.
        or _claim_started(project, criterion, annotator_id, skip_locked=False)
    )


def claim(pair_id: int, overlap: int) -> bool:
    """Take one place of the pair, if there is one: one statement, exact under any number of clients."""
    return bool(Pair.objects.filter(id=pair_id, taken__lt=overlap).update(taken=F("taken") + 1))


@cache
def _picker(path: str) -> Picker:
    picker: Picker = import_string(path)
    return picker


def _claim_proposed(project: Project, criterion: Criterion, annotator_id: UUID) -> Choice | None:
    if not settings.PAIR_PICKER:
        return None
    try:
        with transaction.atomic():
            for proposal in _picker(settings.PAIR_PICKER)(project, criterion, annotator_id):
                pair = _legal_pair(project, criterion, annotator_id, proposal.images)
                if pair is not None and claim(pair.id, project.overlap):
                    return Choice(pair, proposal.strategy, proposal.probability)
    except Exception:
        logger.exception("The pair picker failed; the annotator gets a random pair.")
    return None


def _legal_pair(
    project: Project, criterion: Criterion, annotator_id: UUID, ids: tuple[UUID, UUID]
) -> Pair | None:
    images = list(Image.objects.filter(id__in=ids, project=project, excluded=False))
    if len(images) != 2 or images[0].prompt_id != images[1].prompt_id:
        return None
    low, high = sorted(ids)
    pair, _ = Pair.objects.get_or_create(
        project=project, criterion=criterion, low_id=low, high_id=high
    )
    seen = Assignment.objects.filter(pair=pair, annotator=annotator_id).exists()
    return None if seen else pair


def _claim_started(
    project: Project, criterion: Criterion, annotator_id: UUID, *, skip_locked: bool
) -> Choice | None:
    """A pair that others have begun, or gave back, and that still has a place: these come first,
    so that the wanted overlap is reached early and agreement can be measured."""
    started = _unseen(criterion, annotator_id).filter(
        taken__lt=project.overlap, low__excluded=False, high__excluded=False
    )
    ids = list(started.order_by("?").values_list("id", flat=True)[:SAMPLE])
    # Postgres checks the places again once it has the lock, and goes on to the next pair if need be.
    free = Pair.objects.filter(id__in=ids, taken__lt=project.overlap).order_by("?")
    pair = free.select_for_update(skip_locked=skip_locked).first() if ids else None
    if pair is None or not claim(pair.id, project.overlap):
        return None
    return Choice(pair, "random", 1 / len(ids))


def _unseen(criterion: Criterion, annotator_id: UUID) -> QuerySet[Pair]:
    seen = Assignment.objects.filter(pair=OuterRef("id"), annotator=annotator_id)
    return Pair.objects.filter(~Exists(seen), criterion=criterion)


def _claim_new(project: Project, criterion: Criterion, annotator_id: UUID) -> Choice | None:
    """A pair that nobody was shown: its least seen image with that image's least seen new partner."""
    for _attempt in range(10):
        drawn = _draw_new(project, criterion) or _search_new(project, criterion)
        if drawn is None:
            return None
        low, high = sorted((drawn.first, drawn.second))
        try:
            with transaction.atomic():
                pair = Pair.objects.create(
                    project=project, criterion=criterion, low_id=low, high_id=high, taken=1
                )
        except IntegrityError:
            continue  # Somebody else was shown this pair a moment ago.
        return Choice(pair, "random", drawn.probability)
    return None


@dataclass(frozen=True)
class _Draw:
    first: UUID
    second: UUID
    probability: float | None


def _draw_new(project: Project, criterion: Criterion) -> _Draw | None:
    images = Image.objects.filter(project=project, excluded=False)
    pool = _sample(images)
    seen = _times_seen(criterion, pool)
    for anchor in _least_seen_first(pool, seen):
        group = (
            [image for image in pool if image.prompt_id == anchor.prompt_id]
            if len(pool) < SAMPLE  # then the pool is all images
            else _sample(images.filter(prompt=anchor.prompt_id))
        )
        met = _partners(criterion, anchor.id) | {anchor.id}
        partners = [image for image in group if image.id not in met]
        if partners:
            seen |= _times_seen(criterion, [image for image in partners if image.id not in seen])
            partner = _least_seen_first(partners, seen)[0]
            chance = 1 / (_ties_with(anchor, pool, seen) * _ties_with(partner, partners, seen))
            return _Draw(anchor.id, partner.id, chance)
    return None


def _sample(images: QuerySet[Image]) -> list[Image]:
    """Up to SAMPLE images at random: a range of the `shuffle` column, read from its index."""
    images = images.only("id", "prompt_id").order_by("shuffle")
    start = _random.random()
    drawn = list(images.filter(shuffle__gte=start)[:SAMPLE])
    return drawn + list(images.filter(shuffle__lt=start)[: SAMPLE - len(drawn)])


def _times_seen(criterion: Criterion, images: list[Image]) -> dict[UUID, int]:
    """In how many pairs each of them was shown."""
    times = {image.id: 0 for image in images}
    if not times:
        return times
    low, high = (
        Pair.objects.filter(criterion=criterion, **{f"{side}__in": times})
        .values_list(side)
        .annotate(Count("id"))
        for side in ("low", "high")
    )
    for image_id, count in low.union(high, all=True):
        times[image_id] += count
    return times


def _least_seen_first(images: list[Image], seen: dict[UUID, int]) -> list[Image]:
    return sorted(images, key=lambda image: (seen[image.id], _random.random()))


def _ties_with(chosen: Image, images: list[Image], seen: dict[UUID, int]) -> int:
    return sum(seen[image.id] == seen[chosen.id] for image in images)


def _partners(criterion: Criterion, image_id: UUID) -> set[UUID]:
    pairs = Pair.objects.filter(Q(low=image_id) | Q(high=image_id), criterion=criterion)
    return {
        high if low == image_id else low for low, high in pairs.values_list("low_id", "high_id")
    }


def _search_new(project: Project, criterion: Criterion) -> _Draw | None:
    """The thorough search, for projects that are nearly through: any pair without a row, or None."""
    images = Image.objects.filter(project=project, excluded=False)
    groups = images.order_by().values_list("prompt").annotate(size=Count("id"))
    possible = sum(size * (size - 1) // 2 for _, size in groups)
    shown = Pair.objects.filter(criterion=criterion, low__excluded=False, high__excluded=False)
    if shown.count() >= possible:
        return None
    for anchor in images.only("id", "prompt_id").order_by("shuffle").iterator():
        met = _partners(criterion, anchor.id) | {anchor.id}
        rest = images.filter(prompt=anchor.prompt_id).exclude(id__in=met)
        partner = rest.values_list("id", flat=True).first()
        if partner is not None:
            return _Draw(anchor.id, partner, None)
    return None
