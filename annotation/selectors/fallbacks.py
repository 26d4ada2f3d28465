"""Pairs that were drawn at random where the project's strategy should have chosen them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q
from django.db.models.functions import Now

from annotation.models import Assignment, Comparison, Fallback, Project, Purpose
from annotation.pairing import has_picker
from annotation.pairing.proposals import RANDOM, UNDO
from annotation.pairing.together import TOGETHER

WINDOW = timedelta(days=1)
# Until so long after a project's first comparison there may be no ratings yet, and so nothing to choose by.
START = timedelta(minutes=5)
# Now and then people empty a queue faster than a worker fills it. From so many pairs on, and this share of
# them all, it is told; a strategy that fails is told from the first pair on.
PASSING_MAX, PASSING_SHARE_MAX = 5, 0.1
NOT_CHOSEN = (RANDOM, TOGETHER, UNDO)
FAILURES = (Fallback.FAILED, Fallback.TIMED_OUT)


@dataclass(frozen=True)
class RandomInstead:
    """How many pairs of the last day are random ones though the strategy should have chosen, and why.

    shown: all pairs of the last day that were shown for the ranking. reason: the most frequent one.
    over: whether the strategy has chosen since.
    """

    pairs: int
    shown: int
    first_at: datetime
    last_at: datetime
    reason: Fallback
    over: bool


def random_instead(project: Project) -> RandomInstead | None:
    """None where all is as it should be: a random strategy, the random share, and a project's start."""
    if not has_picker(project):
        return None
    log = Comparison.objects.filter(project=project).order_by("created_at", "id")
    begun = log.values_list("created_at", flat=True).first()
    shown = Assignment.objects.filter(
        project=project, purpose=Purpose.RANKING, created_at__gt=Now() - WINDOW
    )
    told = Q(fallback__in=FAILURES)
    if begun is not None:
        told |= Q(created_at__gt=begun + START)
    instead = shown.exclude(fallback="").filter(told).order_by()
    by_reason = list(
        instead.values("fallback")
        .annotate(pairs=Count("id"), first=Min("created_at"), last=Max("created_at"))
        .order_by("-pairs", "fallback")
    )
    if not by_reason:
        return None
    pairs = sum(row["pairs"] for row in by_reason)
    of = shown.count()
    failed = any(row["fallback"] in FAILURES for row in by_reason)
    if not failed and (pairs < PASSING_MAX or pairs < PASSING_SHARE_MAX * of):
        return None
    last = max(row["last"] for row in by_reason)
    chosen = shown.filter(created_at__gt=last).exclude(strategy__in=NOT_CHOSEN)
    return RandomInstead(
        pairs=pairs,
        shown=of,
        first_at=min(row["first"] for row in by_reason),
        last_at=last,
        reason=Fallback(by_reason[0]["fallback"]),
        over=chosen.exists(),
    )
