"""The random share: each legal pair or lineup is equally likely, and none is listed to draw it."""

from collections import Counter
from collections.abc import Iterable
from math import comb
from uuid import UUID

from django.db.models import Q, Window
from django.db.models.functions import RowNumber

from annotation.chance import chance
from annotation.models import Criterion, Image, Lineup, Pair, Project, Proposal
from annotation.pairing.images import images_by_prompt, legal_images
from annotation.pairing.lineups import size_in, used_by_prompt
from annotation.pairing.proposals import lineup_digest, proposal_of, shows_lineups

# What is full is drawn again, so many times; where nearly all is full, fewer are found than wanted.
ROUNDS = 5

PromptID = UUID | None
# A prompt, and the places of its images in the order of their `shuffle`, from 1.
Draw = tuple[PromptID, tuple[int, ...]]


def draw_uniform(
    project: Project, criterion: Criterion, count: int, share: float
) -> list[Proposal]:
    """Up to `count`, each another, each with the probability `share` / (how many are legal)."""
    images = images_by_prompt(project)
    ways = {prompt: _ways(project, n) for prompt, n in images.items() if n >= 2}
    legal = sum(ways.values()) - _full(project, criterion)
    if legal <= 0:
        return []
    found: dict[tuple[UUID, ...], Proposal] = {}
    prompts, weights = list(ways), [float(n) for n in ways.values()]
    for _ in range(ROUNDS):
        drawn = [
            (prompt, _places(project, images[prompt]))
            for prompt in chance.choices(prompts, weights, k=count - len(found))
        ]
        several = _images_at(project, drawn)
        full = full_among(project, criterion, several)
        for ids in several:
            if ids not in found and ids not in full:
                found[ids] = proposal_of(project, criterion, ids, probability=share / legal)
        if len(found) >= count:
            break
    return list(found.values())


def _size(project: Project, images: int) -> int:
    return size_in(project, images) if shows_lineups(project) else 2


def _ways(project: Project, images: int) -> int:
    return comb(images, _size(project, images))


def _places(project: Project, images: int) -> tuple[int, ...]:
    return tuple(chance.sample(range(1, images + 1), _size(project, images)))


def _full(project: Project, criterion: Criterion) -> int:
    """How many of legal images have no place left."""
    if shows_lineups(project):
        used: Counter[tuple[PromptID, int]] = used_by_prompt(project, criterion)
        images = images_by_prompt(project)
        return sum(
            count
            for (prompt, size), count in used.items()
            if images.get(prompt, 0) >= 2 and size == size_in(project, images[prompt])
        )
    full = Pair.objects.filter(criterion=criterion, taken__gte=project.overlap)
    if Image.objects.filter(project=project, excluded=True).exists():
        full = full.filter(low__excluded=False, high__excluded=False)
    return full.count()


def full_among(
    project: Project, criterion: Criterion, several: list[tuple[UUID, ...]]
) -> set[tuple[UUID, ...]]:
    """Which of these pairs and lineups, each as its ids in their order, have no place left."""
    ends = [ids for ids in several if len(ids) == 2]
    pairs = Pair.objects.filter(
        criterion=criterion,
        taken__gte=project.overlap,
        low__in={low for low, _ in ends},
        high__in={high for _, high in ends},
    )
    by_digest = {lineup_digest(ids): ids for ids in several if len(ids) > 2}
    lineups = Lineup.objects.filter(
        criterion=criterion, taken__gte=project.overlap, digest__in=by_digest
    )
    full: set[tuple[UUID, ...]] = set(pairs.values_list("low_id", "high_id"))
    return full | {by_digest[digest] for digest in lineups.values_list("digest", flat=True)}


def _images_at(project: Project, drawn: Iterable[Draw]) -> list[tuple[UUID, ...]]:
    """The ids of what was drawn, in one pass over the prompts that it is of."""
    drawn = list(drawn)
    prompts = {prompt for prompt, _ in drawn}
    of_these = Q(prompt__in=prompts - {None})
    if None in prompts:
        of_these |= Q(prompt__isnull=True)
    place = Window(RowNumber(), partition_by="prompt", order_by=["shuffle", "id"])
    rows = (
        legal_images(project)
        .filter(of_these)
        .annotate(place=place)
        .filter(place__in={place for _, places in drawn for place in places})
        .order_by()
        .values_list("prompt_id", "place", "id")
    )
    at: dict[tuple[PromptID, int], UUID] = {(prompt, place): id for prompt, place, id in rows}
    # An image that has gone since they were counted leaves a place empty.
    return [
        tuple(sorted(at[prompt, place] for place in places))
        for prompt, places in drawn
        if all((prompt, place) in at for place in places)
    ]
