"""What others have begun, or gave back, and that still has a place; pairs and lineups alike."""

import random
from typing import Any
from uuid import UUID, uuid4

from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)

from annotation.models import Assignment, Criterion, Lineup, LineupImage, Pair, Project, Proposal
from annotation.pairing.images import SAMPLE
from annotation.pairing.proposals import proposal_of

_random = random.SystemRandom()

# How many classes of pairs with equally many places taken are looked at, the fullest first.
CLASSES = 3


def draw_pair(project: Project, criterion: Criterion, annotator_id: UUID) -> Proposal | None:
    """One of those that need fewest more, from a sample: as quick among a million as among ten."""
    pairs = begun_pairs(project, criterion, annotator_id)
    if not pairs:
        return None
    images = Pair.objects.values_list("low_id", "high_id").get(id=_random.choice(pairs))
    return proposal_of(project, criterion, images, probability=1 / len(pairs))


def draw_lineup(project: Project, criterion: Criterion, annotator_id: UUID) -> Proposal | None:
    lineups = begun_lineups(project, criterion, annotator_id)
    if not lineups:
        return None
    members = LineupImage.objects.filter(lineup=_random.choice(lineups))
    images = members.values_list("image_id", flat=True)
    return proposal_of(project, criterion, images, probability=1 / len(lineups))


def begun_pairs(
    project: Project, criterion: Criterion, annotator_id: UUID | None = None
) -> list[int]:
    """The ids of up to SAMPLE legal ones with equally many places taken, new to the person that is named."""
    gone = ExpressionWrapper(
        Q(low__excluded=True) | Q(high__excluded=True), output_field=BooleanField()
    )
    seen = Exists(_seen(annotator_id, pair=OuterRef("id")))
    pairs = Pair.objects.filter(criterion=criterion)
    return _sample(pairs.annotate(gone=gone, seen=seen), project.overlap, "low_id", uuid4())


def begun_lineups(
    project: Project, criterion: Criterion, annotator_id: UUID | None = None
) -> list[int]:
    """The same of lineups; they are no larger than a screen is now."""
    members = LineupImage.objects.filter(lineup=OuterRef("id"))
    larger = members.order_by("id").values("id")[project.screen_size : project.screen_size + 1]
    gone = ExpressionWrapper(
        Q(Exists(members.filter(image__excluded=True))) | Q(Exists(larger)),
        output_field=BooleanField(),
    )
    seen = Exists(_seen(annotator_id, lineup=OuterRef("id")))
    lineups = Lineup.objects.filter(criterion=criterion)
    start = f"{_random.getrandbits(256):064x}"
    return _sample(lineups.annotate(gone=gone, seen=seen), project.overlap, "digest", start)


def _sample(rows: QuerySet[Any], overlap: int, spread: str, start: Any) -> list[int]:
    """A stretch of an index, from a random place of `spread` on, among the rows with most places taken.

    What is gone or seen is read and passed over, so that the database never looks further for more.
    """
    places = overlap
    for _ in range(CLASSES):
        fullest = rows.filter(taken__lt=places).order_by("-taken").values("taken")[:1]
        same = rows.filter(taken=Subquery(fullest)).order_by(spread)
        columns = ("id", "taken", "gone", "seen")
        found = list(same.filter(**{f"{spread}__gte": start}).values_list(*columns)[:SAMPLE])
        if len(found) < SAMPLE:
            rest = same.filter(**{f"{spread}__lt": start})
            found += rest.values_list(*columns)[: SAMPLE - len(found)]
        if not found:
            return []
        if free := [id for id, _, gone, seen in found if not (gone or seen)]:
            return free
        places = found[0][1]
    return []


def _seen(annotator_id: UUID | None, **shown: Any) -> QuerySet[Assignment]:
    return Assignment.objects.filter(annotator=annotator_id, **shown)


def search_pair(project: Project, criterion: Criterion, annotator_id: UUID) -> Proposal | None:
    """Any at all, for projects that are nearly through."""
    free = Pair.objects.filter(
        ~Exists(_seen(annotator_id, pair=OuterRef("id"))),
        criterion=criterion,
        taken__lt=project.overlap,
        low__excluded=False,
        high__excluded=False,
    )
    images = free.order_by().values_list("low_id", "high_id").first()
    return proposal_of(project, criterion, images) if images else None
