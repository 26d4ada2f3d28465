"""Whether a person looks: shares of their comparisons, with what chance alone would do to them.

Each signal is a share with its interval, and is held against its limit by that end of the interval which
speaks for the person: few comparisons have a wide interval, and so convict nobody. The interval is
Wilson's (E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
the American Statistical Association 22, 1927), which keeps its promise at shares near 0 and 1, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Fewer observations than this say nothing, whatever they are.
FEWEST = 20
# The standard normal's 97.5 % point.
Z = 1.959963984540054
# Faster than this part of the others' median is hardly looked at.
HASTE = 0.25
# Of this many others at least, each with FEWEST timed answers, the median is known.
OTHERS = 2


@dataclass(frozen=True)
class Share:
    """`count` of `of`, as a share within low … high with 95 %. Halves are counted as halves."""

    count: float
    of: int
    share: float
    low: float
    high: float

    @property
    def enough(self) -> bool:
        return self.of >= FEWEST


def share_of(count: float, of: int) -> Share | None:
    """With Wilson's interval; None of nothing. Raises ValueError for a count that is not within 0 … of."""
    if not 0 <= count <= of:
        raise ValueError(f"{count} of {of} is no share.")
    if of == 0:
        return None
    p = count / of
    whole = 1 + Z * Z / of
    centre = (p + Z * Z / (2 * of)) / whole
    half = Z / whole * math.sqrt(p * (1 - p) / of + Z * Z / (4 * of * of))
    # At 0 and 1 the ends are exact; rounding must not lead beyond them.
    return Share(count, of, p, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)))


@dataclass(frozen=True)
class Sides:
    """How often the side that was chosen more often was chosen, and what a fair coin would do.

    side: 1 the left, −1 the right. chance: of a share as far from a half, or farther, by a fair coin.
    run: the longest row of one side; run_chance: of a row as long, or longer, in as many tosses.
    """

    share: Share
    side: int
    chance: float
    run: int
    run_chance: float


def sides_of(chosen: Sequence[int]) -> Sides | None:
    """chosen: 1 for the left, −1 for the right, in their order; None without any. O(n)."""
    n = len(chosen)
    lefts = sum(1 for side in chosen if side > 0)
    most = share_of(max(lefts, n - lefts), n)
    if most is None:
        return None
    run = longest_run(chosen)
    return Sides(most, 1 if 2 * lefts >= n else -1, coin_chance(lefts, n), run, run_chance(run, n))


def longest_run(chosen: Sequence[int]) -> int:
    longest = run = 0
    before = 0
    for side in chosen:
        run = run + 1 if side == before else 1
        before, longest = side, max(longest, run)
    return longest


def coin_chance(heads: int, n: int) -> float:
    """The two-sided binomial test against a half, exact. O(n), of whole numbers that grow with n."""
    most = max(heads, n - heads)
    if 2 * most == n:
        return 1.0
    ways = tail = math.comb(n, most)
    for k in range(most, n):
        ways = ways * (n - k) // (k + 1)
        tail += ways
    return float(2 * tail / 2**n)


def run_chance(run: int, n: int) -> float:
    """That n tosses of a fair coin hold a row of `run` or more of one side, exact. O(n).

    Tosses are as the ones before or not, with even chances: a row of `run` sides is one of run − 1 of
    those. W. Feller, "An Introduction to Probability Theory and Its Applications" I, XIII.7.
    """
    same, among = run - 1, n - 1
    if same <= 0:
        return 1.0
    if same > among:
        return 0.0
    # without[k]: that k of them hold no such row. It falls where a row ends at k, and none before it.
    without = [1.0] * same + [1 - 0.5**same]
    end = 0.5 ** (same + 1)
    for k in range(same + 1, among + 1):
        without.append(without[k - 1] - end * without[k - same - 1])
    return min(1.0, max(0.0, 1 - without[among]))


@dataclass(frozen=True)
class Haste:
    """How fast somebody answers: the median, and the share faster than `limit`, in the durations' unit."""

    median: float
    limit: float | None
    fast: Share | None


def haste_of(durations: Floats, others: Sequence[Floats]) -> Haste | None:
    """durations: of this person's answers; others: those of each other person. None without any.

    The limit is learnt from the median of the others' medians, so that neither a fast person nor a busy
    one sets it alone; it is not known where too few others have answered enough.
    """
    if not len(durations):
        return None
    medians = [float(np.median(one)) for one in others if len(one) >= FEWEST]
    median = float(np.median(durations))
    if len(medians) < OTHERS:
        return Haste(median, None, None)
    limit = HASTE * float(np.median(medians))
    return Haste(median, limit, share_of(int((durations < limit).sum()), len(durations)))


def typical(others: Sequence[Share | None]) -> float | None:
    """The median of the others' shares, of those who have enough; None where they are too few."""
    shares = [one.share for one in others if one is not None and one.enough]
    return float(np.median(shares)) if len(shares) >= OTHERS else None
