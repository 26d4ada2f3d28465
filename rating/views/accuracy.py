"""The card "How far are we": the announced accuracy in words, and its curve."""

import math
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation import selectors
from annotation.language import number
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
    return _("%(estimate)s %% (%(low)s to %(high)s)") % {
        "estimate": f"{100 * estimate:.0f}",
        "low": ends[0],
        "high": ends[1],
    }


def _target(row: RunAccuracy) -> str:
    if not row.target:
        return ""
    if row.target == Project.Target.TOP:
        wanted = _("%(share)s %% of the top %(k)s right") % {
            "share": f"{100 * row.target_value:.0f}",
            "k": row.k,
        }
        if row.of_target is None:
            return _(
                "%(wanted)s. No prompt has more than %(k)s images, so there is no top to find."
            ) % {"wanted": wanted, "k": row.k}
        now = f"{100 * (row.top_low or 0.0):.0f} %"
    else:
        wanted = _("Kendall’s tau of %(tau)s") % {"tau": number(f"{row.target_value:g}")}
        now = number(f"{row.tau_low:.2f}")
    sentence = (
        _("%(wanted)s. Reached: even the lower end of the interval is there.")
        if row.reached
        else _("%(wanted)s. The lower end of the interval has to reach it, and is at %(now)s.")
    )
    return sentence % {"wanted": wanted, "now": now}


def _still(row: RunAccuracy, left: int) -> str:
    """Comparisons and hours until the target, as forecast."""
    told = row.forecast
    if told is None:
        return ""
    low, high = (_about(told[end], told["most"]) for end in ("low", "high"))
    if told["votes"] is None:
        sentence = (
            _("More than %(most)s further comparisons. Aim lower.")
            if told["low"] is None
            else _("More than %(most)s further comparisons; at the very best %(low)s. Aim lower.")
        )
        return sentence % {"most": _about(told["most"], 0), "low": low}
    if told["votes"] < FEW:
        return _("Only a few further comparisons.")
    known = {"votes": _about(told["votes"], 0), "low": low, "high": high}
    said = _("About %(votes)s further comparisons (%(low)s to %(high)s).") % known
    if row.seconds_a_vote:
        said = _(
            "About %(votes)s further comparisons (%(low)s to %(high)s), %(time)s of people’s time "
            "at %(seconds)s seconds each."
        ) % {
            **known,
            "time": _hours(told["votes"] * row.seconds_a_vote),
            "seconds": number(f"{row.seconds_a_vote:.1f}"),
        }
    if told["votes"] > left:
        only = _(
            "The project has only %(left)s to give: a larger overlap, under Settings, makes more."
        ) % {"left": number(f"{left:,}")}
        said = f"{said} {only}"
    return said


def _about(votes: int | None, most: int) -> str:
    """Two digits: no forecast knows more."""
    if votes is None:
        return _("more than %(most)s") % {"most": _about(most, 0)}
    step = 10 ** max(len(str(votes)) - 2, 0)
    return number(f"{round(votes / step) * step:,}")


def _hours(seconds: float) -> str:
    if seconds < 90 * 60:
        minutes = max(round(seconds / 60), 1)
        return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}
    return _("%(hours)s hours") % {"hours": number(f"{seconds / 3600:.1f}")}


def _random_pairs(told: dict[str, Any] | None) -> str:
    if told is None:
        return ""
    promised, seen = round(100 * told["promised"]), round(100 * told["seen"])
    width = max(round(50 * (told["high"] - told["low"])), 1)
    if told["disagrees"]:
        return _(
            "The model promises %(promised)s %%, the random pairs show %(seen)s ± %(width)s %%."
        ) % {"promised": promised, "seen": seen, "width": width}
    return _(
        "They agree with the model: it promises that %(promised)s %% of %(votes)s answers fit the "
        "ranking, and %(seen)s ± %(width)s %% do."
    ) % {
        "promised": promised,
        "votes": number(f"{told['votes']:,}"),
        "seen": seen,
        "width": width,
    }
