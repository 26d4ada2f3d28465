"""What each kind of screen is worth: what it costs people, and what the ratings gain by it."""

from dataclasses import dataclass

from annotation.models import Project
from annotation.selectors import ScreenUse, screen_uses
from rating.models import RatingRun

# In a run's settings, if its method can tell: by kind of screen, by how much one more screen is expected to
# raise the accuracy of the ranking (a share of all pairs in the right order). Without it, none is shown.
GAINS = "gain_by_screen"


@dataclass(frozen=True)
class ScreenWorth:
    """gained_a_minute: accuracy, as a share, that a minute of one person's time brings; None if not known."""

    use: ScreenUse
    pairs_a_minute: float | None
    gained_a_minute: float | None

    @property
    def gained_percent(self) -> float | None:
        return None if self.gained_a_minute is None else 100 * self.gained_a_minute


def screens_of(project: Project, run: RatingRun | None) -> list[ScreenWorth]:
    gains: dict[str, float] = run.settings.get(GAINS, {}) if run else {}
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
