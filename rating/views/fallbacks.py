"""What the dashboard says where random pairs were shown though the strategy should have chosen them."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Fallback, Project
from annotation.selectors import RandomInstead, random_instead
from rating.models import RatingRun


@dataclass(frozen=True)
class FallbackNotice:
    """How many pairs, why, and what to do, in sentences."""

    what: str
    why: str
    action: str
    found: RandomInstead


def told_of(project: Project, run: RatingRun | None) -> FallbackNotice | None:
    found = random_instead(project)
    if found is None:
        return None
    why, action = _reason(project, run, found.reason)
    return FallbackNotice(_what(project, found), why, action, found)


def _what(project: Project, found: RandomInstead) -> str:
    sentence = ngettext(
        "%(pairs)s of the %(shown)s pair of the last 24 hours was drawn at random instead of by the "
        "strategy “%(strategy)s”.",
        "%(pairs)s of the %(shown)s pairs of the last 24 hours were drawn at random instead of by the "
        "strategy “%(strategy)s”.",
        found.shown,
    )
    strategy = project.get_strategy_display()
    return sentence % {"pairs": found.pairs, "shown": found.shown, "strategy": strategy}


def _reason(project: Project, run: RatingRun | None, reason: Fallback) -> tuple[str, str]:
    """Return why, and what to do."""
    if reason == Fallback.FAILED:
        return (
            _("Choosing failed with an error."),
            _("The error is in the worker's log, under “The pair picker failed”."),
        )
    if reason == Fallback.TIMED_OUT:
        return (
            _("Choosing took too long."),
            _("Give the worker more time or a faster machine, or use the random strategy."),
        )
    if reason == Fallback.EMPTY:
        return (
            _("No worker had prepared pairs."),
            _("Check that a worker is running and that it reaches Redis."),
        )
    if run is None:
        return (
            _("There are no ratings yet to choose by."),
            _("Check that a worker is running; its log says why it makes no ratings."),
        )
    if project.strategy == Project.Strategy.SEQUENTIAL_ELIMINATION:
        return (
            _("The elimination is over: nothing is left to choose."),
            _("Close the project, or use another strategy in the settings."),
        )
    return (
        _("The strategy had nothing to choose from."),
        _("If this continues after the next ratings, look at the worker's log."),
    )
