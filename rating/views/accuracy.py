"""The card "How far are we": the announced accuracy in words, and its curve."""

import math
from dataclasses import dataclass
from typing import Any

from annotation import selectors
from annotation.models import Criterion, Project
from rating.models import RunAccuracy
from rating.selectors.accuracy import announced, closed_by_itself, curve
from rating.views.charts import Curve, curve_of

# Comparisons that no forecast can tell from none.
FEW = 10


@dataclass(frozen=True)
class Panel:
    """One criterion's part of the card."""

    criterion: Criterion
    row: RunAccuracy
    right_pairs: str
    top: str
    target: str
    still: str
    curve: Curve | None


def accuracy_of(project: Project, progress: selectors.Progress) -> dict[str, Any]:
    """What the dashboard's template shows; `panels` is empty before the first judged run."""
    rows = announced(project)
    left = max(progress.wanted - progress.judged, 0)
    return {
        "panels": [_panel(project, row, left) for row in rows],
        "judged_run": rows[0].run if rows else None,
        "random_pairs": _random_pairs(rows[0].random_pairs) if rows else "",
        "disagrees": bool(rows and rows[0].random_pairs and rows[0].random_pairs["disagrees"]),
        "closed_by_itself": closed_by_itself(project),
    }


def _panel(project: Project, row: RunAccuracy, left: int) -> Panel:
    points = [
        (one.run.comparisons, *measured)
        for one in curve(project, row.criterion)
        if (measured := _as_in(one, row)) is not None
    ]
    return Panel(
        criterion=row.criterion,
        row=row,
        right_pairs=_hundred((1 + row.tau) / 2, (1 + row.tau_low) / 2, (1 + row.tau_high) / 2),
        top="" if row.top is None else _hundred(row.top, row.top_low or 0.0, row.top_high or 0.0),
        target=_target(row),
        still=_still(row, left),
        curve=curve_of(points, row.target_value if row.target else None),
    )


def _as_in(one: RunAccuracy, row: RunAccuracy) -> tuple[float, float, float] | None:
    """Of an earlier run what the later one's target is about; tau where there is none."""
    if row.target != Project.Target.TOP:
        return one.tau, one.tau_low, one.tau_high
    if one.top is None or one.k != row.k:
        return None
    return one.top, one.top_low or 0.0, one.top_high or 0.0


def _hundred(estimate: float, low: float, high: float) -> str:
    """`93 % (90 to 96)`, never more sure than it is: the ends are rounded outward."""
    ends = math.floor(100 * low + 1e-6), math.ceil(100 * high - 1e-6)
    return f"{100 * estimate:.0f} % ({ends[0]} to {ends[1]})"


def _target(row: RunAccuracy) -> str:
    if not row.target:
        return ""
    if row.target == Project.Target.TOP:
        wanted = f"{row.target_value:.0%} of the top {row.k} right".replace("%", " %")
        if row.of_target is None:
            return f"{wanted}. No prompt has more than {row.k} images, so there is no top to find."
        now = f"{row.top_low or 0.0:.0%}".replace("%", " %")
    else:
        wanted, now = f"Kendall’s tau of {row.target_value:g}", f"{row.tau_low:.2f}"
    if row.reached:
        return f"{wanted}. Reached: even the lower end of the interval is there."
    return f"{wanted}. The lower end of the interval has to reach it, and is at {now}."


def _still(row: RunAccuracy, left: int) -> str:
    """Comparisons and hours until the target, as forecast."""
    told = row.forecast
    if told is None:
        return ""
    low, high = (_about(told[end], told["most"]) for end in ("low", "high"))
    if told["votes"] is None:
        soonest = "" if told["low"] is None else f"; at the very best {low}"
        return f"More than {_about(told['most'], 0)} further comparisons{soonest}. Aim lower."
    if told["votes"] < FEW:
        return "Only a few further comparisons."
    said = f"About {_about(told['votes'], 0)} further comparisons ({low} to {high})"
    if row.seconds_a_vote:
        said += f", {_hours(told['votes'] * row.seconds_a_vote)} of people’s time"
        said += f" at {row.seconds_a_vote:.1f} seconds each"
    if told["votes"] > left:
        said += (
            f". The project has only {left:,} to give: a larger overlap, under Settings, makes more"
        )
    return said + "."


def _about(votes: int | None, most: int) -> str:
    """Two digits: no forecast knows more."""
    if votes is None:
        return f"more than {_about(most, 0)}"
    step = 10 ** max(len(str(votes)) - 2, 0)
    return f"{round(votes / step) * step:,}"


def _hours(seconds: float) -> str:
    if seconds < 90 * 60:
        minutes = max(round(seconds / 60), 1)
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{seconds / 3600:.1f} hours"


def _random_pairs(told: dict[str, Any] | None) -> str:
    if told is None:
        return ""
    promised, seen = round(100 * told["promised"]), round(100 * told["seen"])
    width = max(round(50 * (told["high"] - told["low"])), 1)
    if told["disagrees"]:
        return f"The model promises {promised} %, the random pairs show {seen} ± {width} %."
    return (
        f"They agree with the model: it promises that {promised} % of {told['votes']:,} answers fit the "
        f"ranking, and {seen} ± {width} % do."
    )
