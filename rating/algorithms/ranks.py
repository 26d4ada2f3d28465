"""From ratings to ranks, with the doubt that the joint posterior leaves."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from rating.algorithms.posterior import draw_strengths
from rating.algorithms.results import Floats, Integers, Ratings

# Half the width of a 95 % interval of a normal distribution, in standard deviations.
Z95 = 1.959963984540054
DRAWS = 500
QUANTILES = 8
_NODES = np.array([NormalDist().inv_cdf((k + 0.5) / QUANTILES) for k in range(QUANTILES)])
# Items from which on the intervals come from the marginals: an item's rank then depends on so many others
# that what it shares with its own few opponents no longer shows (METHODS.md has the comparison).
MANY = 1000
# Items whose draws are held in memory at a time.
TOGETHER = 5000


@dataclass(frozen=True)
class Ranks:
    """Shape (n,), int64 each; 1 is the best. rank is by mu; rank_low ≤ rank ≤ rank_high hold 95 %."""

    rank: Integers
    rank_low: Integers
    rank_high: Integers


def rank_items(ratings: Ratings, members: Integers | None = None, seed: int = 0) -> Ranks:
    """Rank by mu, equal mu in the order of the items, each rank with its 95 % interval.

    members: items that are ranked among themselves (a prompt, a component), in ascending order; None: all.
    The result is of their length and order. Fewer than MANY: quantiles of the ranks in DRAWS draws from the
    joint posterior, or where the method has none from independent normals; otherwise `marginal_ranks`.
    Cost: O(w log w) a draw for w members, plus `draw_strengths`.
    """
    if members is None:
        members = np.arange(len(ratings.mu), dtype=np.int64)
    mu, sigma = ratings.mu[members], ratings.sigma[members]
    if len(members) < MANY:
        low, high = _drawn_ranks(draws_of(ratings, members, seed))
    else:
        low, high = marginal_ranks(mu, sigma)
    return _with_intervals(mu, low, high)


def rank_groups(ratings: Ratings, groups: list[Integers], seed: int = 0) -> list[Ranks]:
    """`rank_items` for many groups of members, each ranked on its own; small ones are drawn together.

    groups: disjoint, each in ascending order and closed under comparisons, and so one after the other.
    Cost: that of the draws, once for every TOGETHER items, plus O(w log w) a draw for each group of w.
    """
    ranks: list[Ranks] = []
    batch: list[Integers] = []
    for members in groups:
        if len(members) >= MANY or sum(map(len, batch)) >= TOGETHER:
            ranks += _rank_together(ratings, batch, seed)
            batch = []
        if len(members) >= MANY:
            ranks.append(rank_items(ratings, members, seed))
        else:
            batch.append(members)
    return ranks + _rank_together(ratings, batch, seed)


def _rank_together(ratings: Ratings, groups: list[Integers], seed: int) -> list[Ranks]:
    if not groups:
        return []
    ends = np.cumsum([len(members) for members in groups])
    draws = draws_of(ratings, np.concatenate(groups), seed, ends=ends)
    return [
        _with_intervals(ratings.mu[members], *_drawn_ranks(draws[:, end - len(members) : end]))
        for members, end in zip(groups, ends, strict=True)
    ]


def _with_intervals(mu: Floats, low: Integers, high: Integers) -> Ranks:
    rank = np.empty(len(mu), dtype=np.int64)
    rank[np.argsort(-mu, kind="stable")] = np.arange(1, len(mu) + 1)
    return Ranks(rank, np.minimum(low, rank), np.maximum(high, rank))


def top_probability(draws: Floats, k: int) -> Floats:
    """Shape (n,): the share of draws, shape (d, n), in which each item is among the best k."""
    n = draws.shape[1]
    if not 0 < k < n:
        return np.full(n, 1.0 if k >= n else 0.0)
    border = np.partition(draws, n - k, axis=1)[:, n - k]
    share: Floats = np.mean(draws >= border[:, None], axis=0)
    return share


def marginal_ranks(mu: Floats, sigma: Floats) -> tuple[Integers, Integers]:
    """The 95 % interval of each rank, had all items independent normal posteriors.

    mu, sigma: shape (n,). Returns (low, high), shape (n,). With many items the rank is nearly a function
    of the item's own strength s: 1 + Σ_j P(s_j > s). Its interval is that function at both ends of the 95 %
    interval of s. Each s_j stands as QUANTILES equally likely points.
    Cost: O(n log n); no draws.
    """
    points = np.sort(mu + _NODES[:, None] * sigma, axis=None)

    def rank_at(s: Floats) -> Integers:
        above = len(points) - np.searchsorted(points, s, side="right")
        return 1 + np.rint(above / QUANTILES).astype(np.int64)

    low, high = rank_at(mu + Z95 * sigma), rank_at(mu - Z95 * sigma)
    return np.clip(low, 1, len(mu)), np.clip(high, 1, len(mu))


def _drawn_ranks(draws: Floats) -> tuple[Integers, Integers]:
    """The shortest interval of ranks that holds 95 % of draws of shape (d, n); of several, the middle one.

    Ranks are whole numbers: between quantiles an interval of few ranks would hold well above 95 %.
    """
    d, n = draws.shape
    order = np.argsort(-draws, axis=1, kind="stable")
    ranks = np.empty((d, n), dtype=np.int64)
    np.put_along_axis(ranks, order, np.arange(1, n + 1)[None, :], axis=1)
    ranks.sort(axis=0)
    held = math.ceil(0.95 * d)
    width = ranks[held - 1 :] - ranks[: d - held + 1]
    shortest = width == width.min(axis=0)
    # The middle of the shortest ones: argmax finds the first of a cumulated count that reaches half.
    middle = np.argmax(np.cumsum(shortest, axis=0) * 2 >= shortest.sum(axis=0), axis=0)
    at = np.arange(n)
    return ranks[middle, at], ranks[middle + held - 1, at]


def draws_of(
    ratings: Ratings,
    members: Integers,
    seed: int,
    draws: int = DRAWS,
    ends: Integers | None = None,
) -> Floats:
    """Shape (draws, w): strengths of the members, jointly where the method has a joint posterior.

    ends: where each of several groups ends among the members, see `draw_strengths`.
    """
    if ratings.posterior is not None:
        return draw_strengths(ratings.posterior, members, draws, seed, ends)
    noise = np.random.default_rng(seed).standard_normal((draws, len(members)))
    return ratings.mu[members] + noise * ratings.sigma[members]
