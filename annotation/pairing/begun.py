"""What others have begun, or gave back, and that still has a place; pairs and lineups alike."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
)

from annotation.chance import chance
from annotation.models import Assignment, Criterion, Lineup, LineupImage, Pair, Project, Proposal
from annotation.pairing.images import SAMPLE
from annotation.pairing.proposals import proposal_of

# How many classes of pairs with equally many places taken are looked at, the fullest first.
CLASSES = 3


def draw_pair(project: Project, criterion: Criterion, annotator_id: UUID) -> Proposal | None:
    """One of those that need fewest more, from a sample: as quick among a million as among ten."""
    pairs = begun_pairs(project, criterion, annotator_id)
    if not pairs:
        return None
    images = Pair.objects.values_list("low_id", "high_id").get(id=chance.choice(pairs))
    return proposal_of(project, criterion, images, probability=1 / len(pairs))


def draw_lineup(project: Project, criterion: Criterion, annotator_id: UUID) -> Proposal | None:
    lineups = begun_lineups(project, criterion, annotator_id)
    if not lineups:
        return None
    members = LineupImage.objects.filter(lineup=chance.choice(lineups))
    images = members.values_list("image_id", flat=True)
    return proposal_of(project, criterion, images, probability=1 / len(lineups))


def begun_pairs(
    project: Project, criterion: Criterion, annotator_id: UUID | None = None
) -> list[int]:
    """The ids of up to SAMPLE legal ones with equally many places taken, new to the person that is named."""
    excluded = Q(low__excluded=True) | Q(high__excluded=True)
    pairs = Pair.objects.annotate(gone=ExpressionWrapper(excluded, output_field=BooleanField()))

    def seen(ids: list[int]) -> set[int | None]:
        mine = Assignment.objects.filter(annotator=annotator_id, pair__in=ids)
        return set(mine.values_list("pair_id", flat=True)) if annotator_id else set()

    return _sample(pairs, criterion, project.overlap, "low_id", uuid4(), seen)


def begun_lineups(
    project: Project, criterion: Criterion, annotator_id: UUID | None = None
) -> list[int]:
    """The same of lineups; they are no larger than a screen is now."""
    members = LineupImage.objects.filter(lineup=OuterRef("id"))
    larger = members.order_by("id").values("id")[project.screen_size : project.screen_size + 1]
    excluded = Q(Exists(members.filter(image__excluded=True))) | Q(Exists(larger))
    lineups = Lineup.objects.annotate(gone=ExpressionWrapper(excluded, output_field=BooleanField()))

    def seen(ids: list[int]) -> set[int | None]:
        mine = Assignment.objects.filter(annotator=annotator_id, lineup__in=ids)
        return set(mine.values_list("lineup_id", flat=True)) if annotator_id else set()

    start = f"{chance.getrandbits(256):064x}"
    return _sample(lineups, criterion, project.overlap, "digest", start, seen)


def _sample(
    rows: QuerySet[Any],
    criterion: Criterion,
    overlap: int,
    spread: str,
    start: Any,
    seen: Callable[[list[int]], set[int | None]],
) -> list[int]:
    """A stretch of an index, from a random place of `spread` on, among the rows with most places taken.

    What is gone is read and passed over, so that the database never looks further for more; and what is
    seen is asked of these few, where it would otherwise read all that the person has seen.
    """
    places: int | None = overlap
    for _ in range(CLASSES):
        # Asked first and then named, since the database plans badly for a number that it does not know.
        fullest = rows.model._default_manager.filter(criterion=criterion, taken__lt=places)
        places = fullest.order_by("-taken").values_list("taken", flat=True).first()
        if places is None:
            return []
        same = rows.filter(criterion=criterion, taken=places).order_by(spread)
        columns = ("id", "gone")
        found = list(same.filter(**{f"{spread}__gte": start}).values_list(*columns)[:SAMPLE])
        if len(found) < SAMPLE:
            rest = same.filter(**{f"{spread}__lt": start})
            found += rest.values_list(*columns)[: SAMPLE - len(found)]
        legal = [id for id, gone in found if not gone]
        if legal and (new := sorted(set(legal) - seen(legal))):
            return new
    return []


def search_pair(project: Project, criterion: Criterion, annotator_id: UUID) -> Proposal | None:
    """Any at all, for projects that are nearly through."""
    seen = Assignment.objects.filter(pair=OuterRef("id"), annotator=annotator_id)
    free = Pair.objects.filter(
        ~Exists(seen),
        criterion=criterion,
        taken__lt=project.overlap,
        low__excluded=False,
        high__excluded=False,
    )
    # Any one: an order would have the database look for the first of them.
    for images in free.order_by().values_list("low_id", "high_id")[:1]:
        return proposal_of(project, criterion, images)
    return None
