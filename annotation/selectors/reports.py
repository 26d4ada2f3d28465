"""Images that people reported when they skipped: broken or unsafe, they or those beside them."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation.models import AMISS, Comparison, Image, LineupImage, Project


def reports(project: Project) -> QuerySet[Comparison]:
    """Those that nobody has settled: what one excluded image is part of is not shown again."""
    excluded = LineupImage.objects.filter(
        lineup=OuterRef("assignment__lineup"), image__excluded=True
    )
    return (
        Comparison.objects.filter(project=project, cause__in=AMISS, retracted_at=None)
        .exclude(Q(left__excluded=True) | Q(right__excluded=True))
        .exclude(Exists(excluded))
    )


def reported(project: Project) -> Q:
    """For a filter of the project's images."""
    found = reports(project).order_by()
    lineups = found.filter(assignment__lineup__isnull=False).values("assignment__lineup")
    return (
        Q(id__in=found.filter(left__isnull=False).values("left"))
        | Q(id__in=found.filter(right__isnull=False).values("right"))
        | Q(id__in=LineupImage.objects.filter(lineup__in=lineups).values("image"))
    )


def report_counts(project: Project, images: Iterable[Image]) -> dict[UUID, Counter[str]]:
    """How often each was on a screen that was reported, by the cause; those that never were are left out."""
    ids = [image.id for image in images]
    counts: defaultdict[UUID, Counter[str]] = defaultdict(Counter)
    for side in ("left", "right"):
        rows = reports(project).filter(**{f"{side}__in": ids}).order_by()
        for image, cause in rows.values_list(side, "cause"):
            counts[image][cause] += 1
    lineups = reports(project).filter(assignment__lineup__members__image__in=ids).order_by()
    for image, cause in lineups.values_list("assignment__lineup__members__image", "cause"):
        if image in ids:
            counts[image][cause] += 1
    return dict(counts)
