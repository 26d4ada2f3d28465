"""Which images to show together, three to nine on a screen, chosen as pairs are: by the expected gain."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from rating.algorithms.choosing import GOALS, Goal, known_alone
from rating.algorithms.gains import (
    ANYWAY,
    RANKING,
    TOP,
    certainty_gain,
    information,
    order_weight,
    top_chances,
)
from rating.algorithms.groups import NONE, Groups, check_pairs
from rating.algorithms.ranks import draws_of
from rating.algorithms.results import Floats, Integers, Ratings

DRAWS = 16
MOST_LAYERS = 50
JOINT = 5000  # members up to which draws are joint
LEAST = 3


@dataclass(frozen=True)
class ChosenLineups:
    """c lineups in the order in which they should be handed out.

    start: shape (c + 1,), int64; lineup r has the items item[start[r]] … item[start[r + 1] − 1], int64,
    ascending. value: shape (c,), float64, what it is expected to gain, comparable within one choice only.
    """

    start: Integers
    item: Integers
    value: Floats

    def __len__(self) -> int:
        return len(self.value)


def choose_lineups(
    ratings: Ratings,
    members: Integers,
    size: int,
    count: int,
    *,
    goal: Goal = "ranking",
    top: int = 10,
    ends: Integers | None = None,
    pending: tuple[Integers, Integers] = (NONE, NONE),
    seed: int = 0,
) -> ChosenLineups:
    """Up to count lineups of `size` members of one group each; of smaller groups, all their members.

    ratings, members, ends, goal, top, pending, seed: as of `choose_adaptive`. Groups of two or fewer members
    have no lineup. Candidates are neighbours in the order of DRAWS draws from the posterior: who may stand
    beside whom is drawn as often as it is likely, so that what is hardly known meets many and what is
    settled meets its neighbours. A candidate's value is the sum over its pairs of what a comparison would
    gain; the best disjoint ones make a layer, in which each item is once. What a layer is expected to tell is
    taken as known for the next.
    Raises ValueError if size is below 3.
    Cost: a layer takes DRAWS sorts of the members, and 20 ns a pair of a candidate.
    Source: METHODS.md, "Lineups"; Russo et al. 2018 for choosing by draws from a posterior.
    """
    if size < LEAST:
        raise ValueError(f"a lineup has at least {LEAST} items, not {size}")
    groups = Groups(len(ratings.mu), members, ends)
    mean, variance = known_alone(ratings, members)
    check_pairs(len(ratings.mu), *pending)
    shown = groups.pairs(*pending)
    begin = np.repeat(groups.starts, np.diff(shown.start))
    _come(shown.low + begin, shown.high + begin, mean, variance)
    chance = np.random.default_rng(seed)
    found: list[tuple[float, Integers]] = []
    for layer in range(MOST_LAYERS):
        draws = _draws(ratings, groups, mean, variance, seed + layer)
        start, item = _windows(draws, groups, size, chance)
        if not len(start) - 1:
            break
        among = _among_the_top(mean, variance, groups, top) if goal == "top" else mean
        value = _values(start, item, mean, variance, among, GOALS[goal])
        chosen = _disjoint(start, item, value, len(members), count - len(found))
        for r in chosen.tolist():
            inside_r = item[start[r] : start[r + 1]]
            found.append((float(value[r]), np.sort(members[inside_r])))
            x, y = np.triu_indices(len(inside_r), 1)
            _come(inside_r[x], inside_r[y], mean, variance)
        if len(found) >= count:
            break
    sizes = [len(items) for _, items in found]
    return ChosenLineups(
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate([NONE, *(items for _, items in found)]),
        np.array([value for value, _ in found]),
    )


def _draws(ratings: Ratings, groups: Groups, mean: Floats, variance: Floats, seed: int) -> Floats:
    if ratings.posterior is not None and len(groups.members) <= JOINT:
        return draws_of(ratings, groups.members, seed, DRAWS, groups.ends)
    noise = np.random.default_rng(seed).standard_normal((DRAWS, len(mean)))
    return mean + noise * np.sqrt(variance)


def _windows(
    draws: Floats, groups: Groups, size: int, chance: np.random.Generator
) -> tuple[Integers, Integers]:
    """(start, item): runs of `size` neighbours in the order of each draw, from a random first one."""
    sizes = np.minimum(size, groups.sizes)
    large = sizes >= LEAST
    widths, items = [], []
    for draw in draws:
        order = np.lexsort((-draw, groups.number))
        spare = np.maximum(np.minimum(sizes, groups.sizes - sizes + 1), 1)
        first = groups.starts + chance.integers(0, spare)
        runs = np.where(large, (groups.ends - first) // np.maximum(sizes, 1), 0)
        of = np.repeat(np.arange(len(groups.ends)), runs)
        nth = np.arange(len(of)) - np.repeat(np.cumsum(runs) - runs, runs)
        begin, width = first[of] + nth * sizes[of], sizes[of]
        inside = np.arange(width.sum()) - np.repeat(np.cumsum(width) - width, width)
        items.append(order[np.repeat(begin, width) + inside])
        widths.append(width)
    start = np.concatenate([[0], np.cumsum(np.concatenate(widths))])
    return start.astype(np.int64), np.concatenate([NONE, *items])


def _among_the_top(mean: Floats, variance: Floats, groups: Groups, top: int) -> Floats:
    """Shape (w,): the probability that each member is among the best `top` of its group."""
    among = np.zeros(len(mean))
    for begin, end in zip(groups.starts.tolist(), groups.ends.tolist(), strict=True):
        if end - begin > top:
            among[begin:end] = top_chances(mean[begin:end], variance[begin:end], top)
    return among


@njit(cache=True, error_model="numpy")
def _values(start, item, mean, variance, among, goal):  # type: ignore[no-untyped-def]
    value = np.zeros(len(start) - 1)
    for r in range(len(value)):
        for x in range(start[r], start[r + 1]):
            for y in range(x + 1, start[r + 1]):
                i, j = item[x], item[y]
                m, v = mean[i] - mean[j], variance[i] + variance[j]
                f = information(m, v, 1.0, 1.0)
                if goal in (RANKING, TOP):
                    gain = order_weight(m, v) * f * v * v / (1.0 + f * v)
                    if goal == TOP:
                        apart = among[i] * (1.0 - among[j]) + among[j] * (1.0 - among[i])
                        gain *= ANYWAY + apart
                else:
                    gain = certainty_gain(m, v, f)
                value[r] += gain
    return value


@njit(cache=True, error_model="numpy")
def _disjoint(start, item, value, w, most):  # type: ignore[no-untyped-def]
    """Greedily the most valuable lineups, each item at most once; their places."""
    used, chosen, count = np.zeros(w, np.bool_), np.empty(len(value), np.int64), 0
    for r in np.argsort(-value):
        if count == most:
            break
        free = True
        for x in range(start[r], start[r + 1]):
            free = free and not used[item[x]]
        if free:
            used[item[start[r] : start[r + 1]]] = True
            chosen[count] = r
            count += 1
    return chosen[:count]


@njit(cache=True, error_model="numpy")
def _come(first, second, mean, variance):  # type: ignore[no-untyped-def]
    """Lower both variances by what a comparison of the two is expected to tell, in place."""
    for e in range(len(first)):
        i, j = first[e], second[e]
        f = information(mean[i] - mean[j], variance[i] + variance[j], 1.0, 1.0)
        vi, vj = variance[i], variance[j]
        variance[i] = vi - f * vi * vi / (1.0 + f * (vi + vj))
        variance[j] = vj - f * vj * vj / (1.0 + f * (vi + vj))
