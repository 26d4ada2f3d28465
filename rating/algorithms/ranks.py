"""From ratings to ranks."""

from dataclasses import dataclass

import numpy as np

from rating.algorithms.results import Floats, Integers

# Half the width of a 95 % interval of a normal distribution, in standard deviations.
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Ranks:
    """Shape (n,), int64 each; 1 is the best. rank is by mu; rank_low ≤ rank ≤ rank_high."""

    rank: Integers
    rank_low: Integers
    rank_high: Integers


def rank_items(mu: Floats, sigma: Floats) -> Ranks:
    """Rank by mu, equal mu in the order of the items, with the ranks that 95 % intervals of mu allow.

    mu, sigma: shape (n,), float64. Item i may be as high as behind those whose whole interval lies
    above its own, and as low as before those whose whole interval lies below: wider than the interval
    of the rank in the joint posterior, since it takes the items one by one.
    Cost: O(n log n) time, O(n) memory.
    Source: the rule of Chiang et al. 2024 ("Chatbot Arena"), section 4, for both ends.
    """
    n = len(mu)
    low, high = mu - Z95 * sigma, mu + Z95 * sigma
    rank = np.empty(n, dtype=np.int64)
    rank[np.argsort(-mu, kind="stable")] = np.arange(1, n + 1)
    surely_better = n - np.searchsorted(np.sort(low), high, side="right")
    surely_worse = np.searchsorted(np.sort(high), low, side="left")
    return Ranks(rank, 1 + surely_better, n - surely_worse)
