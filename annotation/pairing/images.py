"""Drawing images: some at random, with how often each was shown, as quickly in large projects as in small."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.expressions import Combinable

from annotation.models import Criterion, Image, LineupImage, Pair, Project

_random = random.SystemRandom()

# How many images or pairs are drawn to choose among; below it, the choice is among all.
SAMPLE = 64
# Who was shown more often than this is not counted further.
COUNTED = 50


@dataclass
class Seen:
    """An image, and in how many pairs or lineups it was shown."""

    id: UUID
    prompt_id: UUID | None
    times: int


class CountOf(Subquery):
    """How many rows a subquery has; one that is cut is counted up to there."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def legal_images(project: Project) -> QuerySet[Image]:
    return Image.objects.filter(project=project, excluded=False)


def same_prompt(images: QuerySet[Image], prompt_id: UUID | None) -> QuerySet[Image]:
    """Those without a prompt are one group."""
    if prompt_id is None:
        return images.filter(prompt__isnull=True)
    return images.filter(prompt=prompt_id)


def images_by_prompt(project: Project) -> dict[UUID | None, int]:
    """How many legal images each prompt has."""
    groups = legal_images(project).order_by().values_list("prompt")
    return dict(groups.annotate(images=Count("id")))


def sample(images: QuerySet[Image], criterion: Criterion, *, lineups: bool = False) -> list[Seen]:
    """Up to SAMPLE at random: a range of the `shuffle` column, read from its index."""
    start = _random.random()
    found = _read(images.filter(shuffle__gte=start), criterion, SAMPLE, lineups)
    if len(found) < SAMPLE:
        rest = SAMPLE - len(found)
        found += _read(images.filter(shuffle__lt=start), criterion, rest, lineups)
    return found


def _read(images: QuerySet[Image], criterion: Criterion, count: int, lineups: bool) -> list[Seen]:
    shown = _in_lineups(criterion) if lineups else _in_pairs(criterion)
    rows = images.annotate(shown=shown).order_by("shuffle").values_list("id", "prompt_id", "shown")
    return [Seen(*row) for row in rows[:count]]


def _in_pairs(criterion: Criterion) -> Combinable:
    low = Pair.objects.filter(criterion=criterion, low=OuterRef("id")).order_by()
    high = Pair.objects.filter(criterion=criterion, high=OuterRef("id")).order_by()
    return CountOf(low.values("id")[:COUNTED]) + CountOf(high.values("id")[:COUNTED])


def _in_lineups(criterion: Criterion) -> Combinable:
    shown = LineupImage.objects.filter(image=OuterRef("id"), lineup__criterion=criterion)
    return CountOf(shown.order_by().values("id")[:COUNTED])


def adding(images: list[Seen], also_seen: Counter[UUID] | None) -> list[Seen]:
    """With how often each is in a batch that is being made."""
    for image in images if also_seen else ():
        image.times += also_seen[image.id]  # type: ignore[index]
    return images


def least_seen_first(images: Iterable[Seen]) -> list[Seen]:
    return sorted(images, key=lambda image: (image.times, _random.random()))


def ties(chosen: Seen, images: list[Seen]) -> int:
    """Among how many of them chance alone has decided for this one."""
    return sum(image.times == chosen.times for image in images)
