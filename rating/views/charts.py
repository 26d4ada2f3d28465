"""Numbers placed for the SVG that templates draw: no script, no style, and dark mode by `currentColor`."""

import math
from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True)
class Curve:
    """A line with its band in a drawing of 100 × 100: points as SVG has them, and what the axes end at."""

    line: str
    band: str
    target: float | None
    lowest: float
    first: int
    last: int


def curve_of(
    points: Sequence[tuple[int, float, float, float]], target: float | None
) -> Curve | None:
    """Of (comparisons, estimate, low, high) in their order; None where a line has no two ends."""
    if len({made for made, *_ in points}) < 2:
        return None
    first, last = min(made for made, *_ in points), max(made for made, *_ in points)
    lowest = min(low for _, _, low, _ in points)
    lowest = math.floor(10 * min(lowest, 0.9 if target is None else target)) / 10
    across, up = Scale(first, last), Scale(lowest, 1.0)

    def places(values: Iterable[tuple[int, float]]) -> str:
        return " ".join(
            f"{across.place(made)},{round(100 - up.place(value), 2)}" for made, value in values
        )

    upper = [(made, high) for made, _, _, high in points]
    lower = [(made, low) for made, _, low, _ in points]
    return Curve(
        line=places((made, estimate) for made, estimate, _, _ in points),
        band=places([*upper, *reversed(lower)]),
        target=None if target is None else round(100 - up.place(target), 2),
        lowest=lowest,
        first=first,
        last=last,
    )
