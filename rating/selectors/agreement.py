"""What people said of the same pair: counts of the log, from which `rating.algorithms.agreement` infers."""

import numpy as np
from django.db.models import Count, F, Q, QuerySet

from annotation.models import Criterion, Outcome, Pair, Purpose
from rating.algorithms.results import Integers
from rating.models import SetAside

# What can be said of a pair, whichever side its images were on.
VALUES = ("low_wins", "high_wins", "ties", "both_bad")


def judged_pairs(criterion: Criterion) -> QuerySet[Pair]:
    """The pairs that two or more people judged, each with how many said what.

    Retracted comparisons, skips, checks and the comparisons of people who are set aside do not count.
    """
    said = "assignments__comparison"
    outcome, left = f"{said}__outcome", f"{said}__left"
    without = SetAside.objects.filter(project=criterion.project_id).values("annotator")
    kept = Q(
        **{
            f"{said}__isnull": False,
            f"{said}__retracted_at": None,
            f"{said}__purpose": Purpose.RANKING,
        }
    ) & ~Q(**{f"{said}__annotator__in": without})
    low_left = Q(**{left: F("low")})
    low_won = Q(low_left, **{outcome: Outcome.LEFT}) | Q(~low_left, **{outcome: Outcome.RIGHT})
    high_won = Q(low_left, **{outcome: Outcome.RIGHT}) | Q(~low_left, **{outcome: Outcome.LEFT})
    pairs = Pair.objects.filter(criterion=criterion).annotate(
        low_wins=Count(said, filter=kept & low_won),
        high_wins=Count(said, filter=kept & high_won),
        ties=Count(said, filter=kept & Q(**{outcome: Outcome.TIE})),
        both_bad=Count(said, filter=kept & Q(**{outcome: Outcome.BOTH_BAD})),
    )
    judged = pairs.annotate(
        judgements=F("low_wins") + F("high_wins") + F("ties") + F("both_bad")
    ).filter(judgements__gte=2)
    return judged.select_related("low__prompt", "high").order_by("id")


def counts_of(pairs: QuerySet[Pair]) -> Integers:
    """Shape (pairs, 4), in the order of VALUES."""
    rows = list(pairs.values_list(*VALUES))
    return np.array(rows, dtype=np.int64).reshape(-1, len(VALUES))
