"""Random pairs and lineups for the queue: what a person would get without it, many at a time."""

import random
from collections import Counter
from uuid import UUID

from annotation.models import Criterion, LineupImage, Pair, Project, Proposal
from annotation.pairing import fresh, lineups
from annotation.pairing.begun import begun_lineups, begun_pairs
from annotation.pairing.proposals import images_of, proposal_of, shows_lineups

_random = random.SystemRandom()


def draw_random(project: Project, criterion: Criterion, count: int) -> list[Proposal]:
    """First what people have begun, so that the overlap is reached early, then what nobody was shown.

    Half of it is new at least, while anything is, since those who began the others cannot have these.
    """
    several = shows_lineups(project)
    begun = _begun_lineups(project, criterion) if several else _begun_pairs(project, criterion)
    _random.shuffle(begun)
    new = _new(project, criterion, count - min(len(begun), count // 2))
    return begun[: count - len(new)] + new


def _begun_pairs(project: Project, criterion: Criterion) -> list[Proposal]:
    pairs = Pair.objects.filter(id__in=begun_pairs(project, criterion))
    return [
        proposal_of(project, criterion, images) for images in pairs.values_list("low_id", "high_id")
    ]


def _begun_lineups(project: Project, criterion: Criterion) -> list[Proposal]:
    members = LineupImage.objects.filter(lineup__in=begun_lineups(project, criterion))
    images: dict[int, list[UUID]] = {}
    for lineup, image in members.values_list("lineup_id", "image_id"):
        images.setdefault(lineup, []).append(image)
    return [proposal_of(project, criterion, ids) for ids in images.values()]


def _new(project: Project, criterion: Criterion, count: int) -> list[Proposal]:
    batch: dict[tuple[UUID, ...], Proposal] = {}
    seen: Counter[UUID] = Counter()
    draw = lineups.draw if shows_lineups(project) else fresh.draw
    while len(batch) < count:
        proposal = draw(project, criterion, without=batch.keys(), also_seen=seen)
        if proposal is None:
            break
        ids = tuple(images_of(proposal))
        batch[ids] = proposal
        seen.update(ids)
    return list(batch.values())
