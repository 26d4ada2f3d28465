"""What each kind of screen is worth: what it costs people, and what the ratings gain by it."""

from dataclasses import dataclass
from statistics import mean

from annotation.models import Project
from annotation.selectors import ScreenUse, screen_uses
from rating.selectors.accuracy import announced


@dataclass(frozen=True)
class ScreenWorth:
    """gained_a_minute: what a minute of one person's time has added to the share of pairs in the right
    order, as the accuracy that is announced says; None if not known."""

    use: ScreenUse
    pairs_a_minute: float | None
    gained_a_minute: float | None

    @property
    def gained_percent(self) -> float | None:
        return None if self.gained_a_minute is None else 100 * self.gained_a_minute


def screens_of(project: Project) -> list[ScreenWorth]:
    told = announced(project)
    gains = {
        screen: mean(row.gained[screen] for row in told if screen in row.gained)
        for screen in {screen for row in told for screen in row.gained}
    }
    return [
        ScreenWorth(
            use,
            _a_minute(use.pairs, use.seconds),
            _a_minute(gains.get(use.screen), use.seconds),
        )
        for use in screen_uses(project)
    ]


def _a_minute(a_screen: float | None, seconds: float | None) -> float | None:
    return a_screen * 60 / seconds if a_screen is not None and seconds else None
