"""What people's time goes into: how each kind of screen was used, and how long it takes."""

from dataclasses import dataclass
from statistics import fmean, median

from django.db.models import Count

from annotation.levels import implied_count
from annotation.models import Comparison, Project, Purpose, Screen
from annotation.selectors.project import JUDGEMENTS

# Medians are of so many of the latest screens of a kind: of how it goes now, and quick to read.
RECENT = 1000


@dataclass(frozen=True)
class ScreenUse:
    """One kind of screen in one project.

    images: how many it shows. pairs: of how many pairs of images an answer says which is better. Both are
    means of the latest screens, and `seconds` is their median; None where nobody has told how long it took.
    """

    screen: Screen
    judged: int
    images: float
    pairs: float
    seconds: float | None


def screen_uses(project: Project) -> list[ScreenUse]:
    """The kinds that were used, in the order of `Screen`; skips, checks and what was undone do not count."""
    judged = Comparison.objects.filter(
        project=project,
        retracted_at=None,
        outcome__in=JUDGEMENTS,
        purpose=Purpose.RANKING,
    )
    counts = dict(judged.order_by().values_list("screen").annotate(Count("id")))
    uses = []
    for screen in Screen:
        if screen not in counts:
            continue
        latest = judged.filter(screen=screen).order_by("-created_at", "-id")
        rows = list(latest.values_list("levels", "duration_ms")[:RECENT])
        timed = [ms / 1000 for _, ms in rows if ms is not None]
        uses.append(
            ScreenUse(
                screen=screen,
                judged=counts[screen],
                images=fmean(2 if levels is None else sum(map(len, levels)) for levels, _ in rows),
                pairs=fmean(1 if levels is None else implied_count(levels) for levels, _ in rows),
                seconds=median(timed) if timed else None,
            )
        )
    return uses
