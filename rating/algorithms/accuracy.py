"""How far a ranking is from the truth, as far as the comparisons themselves can tell.

The truth is not known, but the joint posterior says which truths are likely. The published order is held
against draws of it: what share of pairs is in the right order, how many of the top are right. That is an
announcement with an interval, not a measurement, and it is only as good as the model behind it. What a
posterior leaves out comes from elsewhere: the doubt about what all items share (`worlds`), and what pairs
chosen at random say against the model (`random_share`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from rating.algorithms.posterior import BLOCK
from rating.algorithms.ranks import MANY, TOGETHER, draws_of
from rating.algorithms.results import Floats, Integers, Ratings
from rating.algorithms.worlds import World

# Draws from each world; weighted by the world, their quantiles are the interval.
DRAWS = 300
# Items over which many groups, or one large one, are judged.
SAMPLED = 20_000
SURENESS = 0.95


@dataclass(frozen=True)
class Measure:
    """A number that is not known: what is expected of it, and what holds it with 95 %."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Accuracy:
    """How the published order agrees with the truth, averaged over groups; 1 is perfect, 0 is chance.

    tau: Kendall's; (1 + tau)/2 is the share of pairs in the right order. spearman: of the ranks. Both
    average groups by their pairs. top: the share of the published best k of a group that belongs there,
    over the groups of more than k items; None if there is none.
    """

    tau: Measure
    spearman: Measure
    top: Measure | None
    k: int


def accuracy(
    published: Floats,
    likely: list[World],
    groups: Iterable[Integers],
    top: int = 10,
    seed: int = 0,
    draws: int = DRAWS,
) -> Accuracy:
    """How the order by `published`, within each group, agrees with the truth.

    published: shape (n,), by which items are ranked, the higher the better. likely: see `worlds`. groups:
    disjoint, each in ascending order and closed under comparisons. top: k. seed: the same seed gives
    the same bits. Groups of one item do not count.
    Cost: draws of all items of up to SAMPLED in each world, by `draw_strengths`; in groups of MANY and
    more, independent draws from the marginals, for tau and Spearman of MANY of their items.
    """
    chance = np.random.default_rng(seed)
    chosen = _some([group for group in groups if len(group) > 1], chance)
    seeds = chance.integers(0, 2**31, len(likely)).tolist()
    told = [
        _in_world(published, world.ratings, chosen, top, draws, one)
        for world, one in zip(likely, seeds, strict=True)
    ]
    weight = np.repeat([world.weight / draws for world in likely], draws)
    tau, spearman, right = (np.concatenate(column) for column in zip(*told, strict=True))
    return Accuracy(
        tau=measure(tau, weight),
        spearman=measure(spearman, weight),
        top=None if np.isnan(right).all() else measure(right, weight),
        k=top,
    )


def measure(values: Floats, weight: Floats) -> Measure:
    """The mean, and the values that leave 2.5 % on either side; all arrays of shape (d,)."""
    order = np.argsort(values, kind="stable")
    values, summed = values[order], np.cumsum(weight[order])
    summed /= summed[-1]
    tail = (1 - SURENESS) / 2
    # The outer of two values where a quantile lies between: shares of ten come in steps.
    low = int(np.searchsorted(summed, tail))
    high = min(int(np.searchsorted(summed, 1 - tail)), len(values) - 1)
    return Measure(
        float(np.sum(values * weight[order]) / weight.sum()),
        float(values[low]),
        float(values[high]),
    )


def _some(groups: list[Integers], chance: np.random.Generator) -> list[Integers]:
    """All groups, or as many, drawn at random, as have SAMPLED items together."""
    if sum(map(len, groups)) <= SAMPLED:
        return groups
    chosen: list[int] = []
    items = 0
    for k in chance.permutation(len(groups)).tolist():
        if chosen and items + len(groups[k]) > SAMPLED:
            break
        chosen.append(k)
        items += len(groups[k])
    return [groups[k] for k in sorted(chosen)]


def _in_world(
    published: Floats,
    ratings: Ratings,
    groups: list[Integers],
    top: int,
    draws: int,
    seed: int,
) -> tuple[Floats, Floats, Floats]:
    """Shape (draws,) each: tau, Spearman, the share of the top that is right; nan without such a group."""
    total = np.zeros((draws, 3))
    pairs, tops = 0.0, 0
    small = [members for members in groups if len(members) < MANY]
    large = [members for members in groups if len(members) >= MANY]
    for part in (
        _small(published, ratings, small, top, draws, seed),
        _large(published, ratings, large, top, draws, seed),
    ):
        for n, agreed in part:
            weight = n * (n - 1) / 2
            total[:, :2] += weight * agreed[:, :2]
            pairs += weight
            if n > top:
                total[:, 2] += agreed[:, 2]
                tops += 1
    nan = np.full(draws, np.nan)
    tau, spearman = total[:, 0] / max(pairs, 1.0), total[:, 1] / max(pairs, 1.0)
    return tau, spearman, total[:, 2] / tops if tops else nan


def _small(
    published: Floats,
    ratings: Ratings,
    groups: list[Integers],
    top: int,
    draws: int,
    seed: int,
) -> Iterator[tuple[int, Floats]]:
    """Size and agreement, shape (draws, 3), of each group; TOGETHER items are drawn at a time."""
    begin = 0
    while begin < len(groups):
        end, items = begin, 0
        while end < len(groups) and items < TOGETHER:
            items += len(groups[end])
            end += 1
        members, ends = np.concatenate(groups[begin:end]), np.cumsum([*map(len, groups[begin:end])])
        drawn = draws_of(ratings, members, seed + begin, draws, ends)
        for group, last in zip(groups[begin:end], ends.tolist(), strict=True):
            order = np.argsort(-published[group], kind="stable")
            strengths = drawn[:, last - len(group) : last][:, order]
            yield len(group), agreement(np.ascontiguousarray(strengths), top)
        begin = end


def _large(
    published: Floats,
    ratings: Ratings,
    groups: list[Integers],
    top: int,
    draws: int,
    seed: int,
) -> Iterator[tuple[int, Floats]]:
    """The same of large groups: tau and Spearman of MANY of the items, the top of all, a block at a time."""
    for number, members in enumerate(groups):
        n, chance = len(members), np.random.default_rng([seed, number])
        order = np.argsort(-published[members], kind="stable")
        some = order[np.sort(chance.choice(n, MANY, replace=False))]
        mean, spread = _marginals(ratings, members)
        agreed = np.empty((draws, 3))
        for done in range(0, draws, BLOCK):
            block = slice(done, min(done + BLOCK, draws))
            strengths = chance.standard_normal((block.stop - done, n))
            strengths *= spread
            strengths += mean
            agreed[block] = agreement(np.ascontiguousarray(strengths[:, some]), 0)
            if n > top:
                border = np.partition(strengths, n - top, axis=1)[:, n - top]
                agreed[block, 2] = np.mean(strengths[:, order[:top]] >= border[:, None], axis=1)
        yield n, agreed


def _marginals(ratings: Ratings, members: Integers) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each, without the shift that all of them share."""
    joint = ratings.posterior
    if joint is None:
        return ratings.mu[members], ratings.sigma[members]
    return joint.mean[members], np.sqrt(joint.apart[members])


@njit(cache=True, error_model="numpy")
def agreement(strengths, k):  # type: ignore[no-untyped-def]
    """Shape (d, 3): tau, Spearman and the right share of the first k, of each row against falling order.

    Cost: O(w log w) a row; pairs in the wrong order are counted along a tree of sums (Fenwick 1994).
    """
    d, n = strengths.shape
    result = np.zeros((d, 3))
    rank = np.empty(n, np.int64)
    for row in range(d):
        order = np.argsort(-strengths[row])
        for place in range(n):
            rank[order[place]] = place
        tree = np.zeros(n + 1, np.int64)
        wrong, squares, right = 0, 0.0, 0
        for i in range(n):
            # Of the i before it, those that are truly behind it.
            node, ahead = rank[i] + 1, 0
            while node > 0:
                ahead += tree[node]
                node -= node & -node
            wrong += i - ahead
            node = rank[i] + 1
            while node <= n:
                tree[node] += 1
                node += node & -node
            squares += float((rank[i] - i) * (rank[i] - i))
            if i < k and rank[i] < k:
                right += 1
        result[row, 0] = 1.0 - 4.0 * wrong / (n * (n - 1.0))
        result[row, 1] = 1.0 - 6.0 * squares / (n * (n * n - 1.0))
        result[row, 2] = right / max(k, 1)
    return result


def shifted(measured: Measure, ratio: float) -> Measure:
    """With one end moved to `ratio` times it, and the estimate to the middle of where it was and would be.

    For a disagreement between the model and random pairs: all of it may be the order's fault, or none.
    """
    if ratio < 1:
        return replace(
            measured, low=measured.low * ratio, estimate=measured.estimate * (1 + ratio) / 2
        )
    return replace(measured, high=min(1.0, measured.high * ratio))
