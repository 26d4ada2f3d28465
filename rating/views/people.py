"""How each person compared and saw, as the rows of the dashboard's table."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation import selectors
from annotation.language import number
from annotation.models import Project
from rating.models import AnnotatorReliability, RatingRun
from rating.selectors import reliabilities_of, set_aside_in
from rating.views.charts import Scale, Whisker


@dataclass(frozen=True)
class Estimate:
    """A number and its interval as they are read: `0.92`, `0.71–1.10`."""

    value: str
    interval: str


@dataclass(frozen=True)
class Seen:
    """How one person saw: sharpness drawn and in numbers, and the pull to the left.

    few: whether it is too early to say anything of them.
    """

    sharpness: Estimate
    whisker: Whisker
    side_bias: Estimate
    suspect: bool
    few: bool


def people_of(project: Project, run: RatingRun | None) -> dict[str, Any]:
    known = reliabilities_of(run) if run else {}
    aside, paused = set_aside_in(project.id), selectors.paused_in(project)
    scale = _scale(list(known.values()))
    rows = [
        person
        | {
            "left_percent": None
            if person["left_share"] is None
            else round(100 * person["left_share"]),
            "mean_seconds": None
            if person["mean_duration_ms"] is None
            else person["mean_duration_ms"] / 1000,
            "seen": _seen(known.get(person["id"]), scale),
            "set_aside": aside.get(person["id"]),
            "paused": paused.get(person["id"]),
            "compared": person["comparisons"] + person["skipped"] + person["retracted"] > 0,
        }
        for person in selectors.annotators(project)
    ]
    return {
        "people": rows,
        "seeing": bool(known),
        "random_mark": scale.place(0),
        "typical_mark": scale.place(1),
    }


def _scale(known: list[AnnotatorReliability]) -> Scale:
    """For all rows alike, with the marks at 0 and 1 always on it."""
    return Scale(
        min([0.0, *(one.sharpness_low for one in known)]),
        max([1.0, *(one.sharpness_high for one in known)]),
    )


def _seen(known: AnnotatorReliability | None, scale: Scale) -> Seen | None:
    if known is None:
        return None
    return Seen(
        _estimate(known.sharpness, known.sharpness_low, known.sharpness_high),
        scale.sharpness(known),
        _estimate(known.side_bias, known.side_bias_low, known.side_bias_high),
        known.guesses,
        not known.enough,
    )


def _estimate(value: float, low: float, high: float) -> Estimate:
    """In words where a minus would meet the dash."""
    shown, least, most = (number(f"{one:z.2f}").replace("-", "−") for one in (value, low, high))
    interval = _("%(low)s to %(high)s") if least.startswith("−") else "%(low)s–%(high)s"
    return Estimate(shown, interval % {"low": least, "high": most})
