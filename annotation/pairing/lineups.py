"""Lineups that nobody was shown: the least seen images of a sample of one prompt.

A prompt with fewer images than the screen takes has one lineup of all it has; with two, it has a pair.
"""

import random
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import combinations
from math import comb
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from annotation.models import Assignment, Criterion, Lineup, LineupImage, Pair, Project, Proposal
from annotation.pairing.images import (
    CountOf,
    Seen,
    adding,
    images_by_prompt,
    least_seen_first,
    legal_images,
    same_prompt,
    sample,
    ties,
)
from annotation.pairing.proposals import lineup_digest, proposal_of

_random = random.SystemRandom()

# So many least seen images of the sample are tried, each with so many lineups, before all are searched.
ANCHORS = 4
DRAWS = 2

PromptID = UUID | None


def draw(
    project: Project,
    criterion: Criterion,
    annotator_id: UUID | None = None,
    *,
    without: Collection[tuple[UUID, ...]] = (),
    also_seen: Counter[UUID] | None = None,
) -> Proposal | None:
    """For a batch: `without` are those that are in it, `also_seen` how often each image is."""
    images = legal_images(project)
    pool = adding(sample(images, criterion, lineups=True), also_seen)
    for anchor in least_seen_first(pool)[:ANCHORS]:
        group = same_prompt(images, anchor.prompt_id).exclude(id=anchor.id)
        others = adding(sample(group, criterion, lineups=True), also_seen)
        more = min(project.screen_size - 1, len(others))
        for least_seen in [True, False][: DRAWS if more else 0]:
            chosen = least_seen_first(others)[:more] if least_seen else _random.sample(others, more)
            ids = tuple(sorted([anchor.id, *(image.id for image in chosen)]))
            if ids not in without and not is_used(project, criterion, ids, annotator_id):
                chance = _chance(anchor, pool, chosen, others) if least_seen else None
                return proposal_of(project, criterion, ids, probability=chance)
    return None


def _chance(anchor: Seen, pool: list[Seen], chosen: list[Seen], others: list[Seen]) -> float:
    """Chance decides only about the images that were seen as often as the last one that was chosen."""
    last = chosen[-1]
    return 1 / (ties(anchor, pool) * comb(ties(last, others), ties(last, chosen)))


def is_used(
    project: Project, criterion: Criterion, images: tuple[UUID, ...], annotator_id: UUID | None
) -> bool:
    if len(images) == 2:
        pairs = Pair.objects.filter(criterion=criterion, low=images[0], high=images[1])
        return _used(pairs, project, "pair", annotator_id).exists()
    lineups = Lineup.objects.filter(criterion=criterion, digest=lineup_digest(images))
    return _used(lineups, project, "lineup", annotator_id).exists()


def _used(
    rows: QuerySet[Any], project: Project, kind: str, annotator_id: UUID | None
) -> QuerySet[Any]:
    """Those of which this person cannot have a place."""
    seen = Assignment.objects.filter(**{kind: OuterRef("id")}, annotator=annotator_id)
    return rows.filter(Q(taken__gte=project.overlap) | Q(Exists(seen)))


# --- The thorough search -----------------------------------------------------------------------------


def search(project: Project, criterion: Criterion, annotator_id: UUID) -> Proposal | None:
    """Any at all that this person may have, for projects that are nearly through."""
    sizes = images_by_prompt(project)
    used = used_by_prompt(project, criterion, annotator_id)
    free: list[PromptID] = [
        prompt
        for prompt, images in sizes.items()
        if images >= 2 and used[prompt, size_in(project, images)] < possible_in(project, images)
    ]
    if not free:
        return None
    prompt = _random.choice(free)
    several = used[prompt, size_in(project, sizes[prompt])]
    for ids in _some_lineups(project, prompt, sizes[prompt], several):
        if not is_used(project, criterion, ids, annotator_id):
            return proposal_of(project, criterion, ids)
    return None


def size_in(project: Project, images: int) -> int:
    return min(project.screen_size, images)


def possible_in(project: Project, images: int) -> int:
    return comb(images, size_in(project, images))


def used_by_prompt(
    project: Project, criterion: Criterion, annotator_id: UUID | None = None
) -> Counter[tuple[PromptID, int]]:
    """How many pairs and lineups of legal images are used up (for this person), by prompt and size."""
    members = LineupImage.objects.filter(lineup=OuterRef("id"))
    lineups = (
        _used(Lineup.objects.filter(criterion=criterion), project, "lineup", annotator_id)
        .filter(~Exists(members.filter(image__excluded=True)))
        .annotate(
            size=CountOf(members.order_by().values("id")),
            prompt=members.order_by().values("image__prompt")[:1],
        )
        .order_by()
        .values_list("prompt", "size")
        .annotate(used=Count("id"))
    )
    pairs = (
        _used(Pair.objects.filter(criterion=criterion), project, "pair", annotator_id)
        .filter(low__excluded=False, high__excluded=False)
        .order_by()
        .values_list("low__prompt")
        .annotate(used=Count("id"))
    )
    used = Counter({(prompt, size): count for prompt, size, count in lineups})
    used.update({(prompt, 2): count for prompt, count in pairs})
    return used


def _some_lineups(
    project: Project, prompt: PromptID, images: int, used: int
) -> Iterator[tuple[UUID, ...]]:
    """More of this prompt than are used, so that one of them is free, whichever these are."""
    size = size_in(project, images)
    enough = size
    while enough < images and comb(enough, size) <= used:
        enough += 1
    group = same_prompt(legal_images(project), prompt).order_by("shuffle")
    ids = list(group.values_list("id", flat=True)[:enough])
    return combinations(sorted(ids), size)
