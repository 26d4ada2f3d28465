"""Numbers placed for the SVG that templates draw: no script, no style, and dark mode by `currentColor`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rating.models import AnnotatorReliability, Rating

# How many days the bars show at most.
DAYS = 60


@dataclass(frozen=True)
class Whisker:
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Scale:
    """Puts the intervals of one table, an image's or a person's a row, on one line from 0 to 100."""

    low: float
    high: float

    def place(self, value: float) -> float:
        width = self.high - self.low
        return round(100 * (value - self.low) / width, 2) if width > 0 else 50.0

    def whisker(self, rating: Rating) -> Whisker:
        ends = rating.mu - 2 * rating.sigma, rating.mu + 2 * rating.sigma
        return Whisker(self.place(ends[0]), self.place(rating.mu), self.place(ends[1]))

    def sharpness(self, known: AnnotatorReliability) -> Whisker:
        ends = known.sharpness_low, known.sharpness_high
        return Whisker(self.place(ends[0]), self.place(known.sharpness), self.place(ends[1]))


@dataclass(frozen=True)
class Bar:
    """One day: where its bar starts and how high it is, in a drawing of 100 × 100."""

    day: date
    made: int
    x: float
    width: float
    height: float

    @property
    def top(self) -> float:
        return round(100 - self.height, 2)


def day_bars(made_by_day: Iterable[tuple[datetime, int]]) -> list[Bar]:
    """A bar a day from the first day to the last, days without a comparison included."""
    made = {moment.date(): count for moment, count in made_by_day}
    if not made:
        return []
    last = max(made)
    first = max(min(made), last - timedelta(days=DAYS - 1))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    # A project's first days are not one wide block.
    step = 100 / max(len(days), 14)
    most = max(made.values())
    return [
        Bar(
            day,
            made.get(day, 0),
            round(place * step, 2),
            round(step * 0.8, 2),
            round(100 * made.get(day, 0) / most, 2),
        )
        for place, day in enumerate(days)
    ]
