"""Pairs that nobody was shown: the least seen image of a sample, with the least seen of its new partners."""

import random
from collections import Counter
from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Greatest, Least

from annotation.models import Criterion, Image, Pair, Project, Proposal
from annotation.pairing.images import (
    Seen,
    adding,
    images_by_prompt,
    least_seen_first,
    legal_images,
    same_prompt,
    sample,
    ties,
)
from annotation.pairing.proposals import proposal_of

_random = random.SystemRandom()

# So many least seen images of the sample are tried before a partner is searched for thoroughly.
ANCHORS = 4
# So many images are searched before they are counted, which costs the same whatever is left.
STRETCH = 500

Images = tuple[UUID, ...]


def draw(
    project: Project,
    criterion: Criterion,
    *,
    without: Collection[Images] = (),
    also_seen: Counter[UUID] | None = None,
) -> Proposal | None:
    """For a batch: `without` are the pairs that are in it, `also_seen` how often each image is."""
    images = legal_images(project)
    pool = adding(sample(images, criterion), also_seen)
    for anchor in least_seen_first(pool)[:ANCHORS]:
        new = adding(sample(_new_partners(images, criterion, anchor), criterion), also_seen)
        partners = [image for image in new if _pair(anchor.id, image.id) not in without]
        if partners:
            partner = least_seen_first(partners)[0]
            chance = 1 / (ties(anchor, pool) * ties(partner, partners))
            return proposal_of(project, criterion, [anchor.id, partner.id], probability=chance)
    return None


def _pair(one: UUID, other: UUID) -> Images:
    return (one, other) if one < other else (other, one)


def _new_partners(images: QuerySet[Image], criterion: Criterion, anchor: Seen) -> QuerySet[Image]:
    met = Pair.objects.filter(
        criterion=criterion,
        low=Least(OuterRef("id"), Value(anchor.id)),
        high=Greatest(OuterRef("id"), Value(anchor.id)),
    )
    partners = same_prompt(images, anchor.prompt_id).exclude(id=anchor.id)
    return partners.filter(~Exists(met))


def search(project: Project, criterion: Criterion) -> Proposal | None:
    """The thorough search, for projects that are nearly through: any pair without a row, or None.

    The fewer pairs are left, the longer it takes: first it looks along a stretch of images, then it counts
    whether there is anything, and only then looks at all of them.
    """
    images = legal_images(project)
    start = _random.random()
    onward, before = images.filter(shuffle__gte=start), images.filter(shuffle__lt=start)
    stretch = images.filter(id__in=onward.order_by("shuffle").values("id")[:STRETCH])
    anchor = _first_with_a_partner(stretch, images, criterion)
    if anchor is None:
        if not _any_left(project, criterion):
            return None
        anchor = _first_with_a_partner(onward, images, criterion) or _first_with_a_partner(
            before, images, criterion
        )
    if anchor is None:
        return None
    partners = sample(_new_partners(images, criterion, anchor), criterion)
    if not partners:
        return None
    partner = least_seen_first(partners)[0]
    return proposal_of(project, criterion, [anchor.id, partner.id])


def _first_with_a_partner(
    some: QuerySet[Image], images: QuerySet[Image], criterion: Criterion
) -> Seen | None:
    met = Pair.objects.filter(
        criterion=criterion,
        low=Least(OuterRef("id"), OuterRef(OuterRef("id"))),
        high=Greatest(OuterRef("id"), OuterRef(OuterRef("id"))),
    )
    new = images.exclude(id=OuterRef("id")).filter(~Exists(met))
    # Said as one choice of two, so that the database looks at image after image and stops at the first.
    has_one = Q(Exists(new.filter(prompt=OuterRef("prompt")))) & Q(prompt__isnull=False)
    has_one |= Q(Exists(new.filter(prompt__isnull=True))) & Q(prompt__isnull=True)
    rows = some.filter(has_one).order_by("shuffle").values_list("id", "prompt_id")
    found = rows.first()
    return Seen(*found, times=0) if found else None


def _any_left(project: Project, criterion: Criterion) -> bool:
    possible = sum(images * (images - 1) // 2 for images in images_by_prompt(project).values())
    shown = Pair.objects.filter(criterion=criterion, low__excluded=False, high__excluded=False)
    return shown.count() < possible
