"""Lineups: what people said of several items at once, as the partial order that it is (see `lineup_ep`)."""

import math

import numpy as np
from numba import njit

from rating.algorithms.lineup_ep import MOST, judge_lineups, sweep_lineups
from rating.algorithms.results import Bools, Floats, Integers, Lineups


def check_lineups(n: int, lineups: Lineups) -> None:
    """Raise ValueError, naming the first bad lineup, unless the arrays follow the data convention."""
    start, item, level = lineups.start, lineups.item, lineups.level
    k, sizes = len(lineups), np.diff(start)
    if len(start) != k + 1 or start[0] != 0 or start[-1] != len(item) or len(level) != len(item):
        raise ValueError("start, item, level and annotator of the lineups do not fit together")
    of = np.repeat(np.arange(k), np.maximum(sizes, 0))
    _refuse((sizes < 2) | (sizes > MOST), f"not 2 to {MOST} items")
    _refuse(_any(of, (item < 0) | (item >= n), k), f"an item that is not among 0 … {n - 1}")
    order = np.lexsort((item, of))
    again = (np.diff(item[order]) == 0) & (np.diff(of[order]) == 0)
    _refuse(_any(of[order][1:], again, k), "an item twice")
    levels = np.zeros(k, dtype=np.int64)
    np.maximum.at(levels, of, level)
    _refuse(
        _any(of, level < 0, k) | (levels == 0), "no order: at least two levels from 0 are needed"
    )
    _refuse(_distinct(of, level, k) != levels + 1, "a level without items")


def _any(of: Integers, bad: Bools, k: int) -> Bools:
    found: Bools = np.bincount(of, bad, minlength=k) > 0
    return found


def _distinct(of: Integers, level: Integers, k: int) -> Integers:
    """Shape (k,): how many different levels each lineup has."""
    pairs = np.unique(of * (MOST + 1) + np.minimum(level, MOST))
    return np.bincount(pairs // (MOST + 1), minlength=k)


def _refuse(bad: Bools, what: str) -> None:
    if bad.any():
        raise ValueError(f"lineup {int(np.flatnonzero(bad)[0])} has {what}")


def neighbouring_pairs(lineups: Lineups) -> tuple[Integers, Integers, Integers]:
    """(better, worse, lineup), shape (p,) each: each item over those of the next level, implying the rest.

    Cost: O(p).
    """
    better, worse, _, of = _constraints(lineups)
    at = lineups.start[of]
    return lineups.item[at + better], lineups.item[at + worse], of


def tallies(n: int, lineups: Lineups) -> tuple[Integers, Integers]:
    """Shape (n,) each: over how many others each item was put, and how many over it. Cost: O(w)."""
    of = np.repeat(np.arange(len(lineups)), np.diff(lineups.start))
    held = np.bincount(of * MOST + lineups.level, minlength=len(lineups) * MOST).reshape(-1, MOST)
    upto = np.cumsum(held, axis=1)[of, lineups.level]
    sizes = np.diff(lineups.start)[of]
    wins = np.bincount(lineups.item, sizes - upto, minlength=n)
    losses = np.bincount(lineups.item, upto - held[of, lineups.level], minlength=n)
    return wins.astype(np.int64), losses.astype(np.int64)


def star(lineups: Lineups) -> tuple[Integers, Integers]:
    """(low, high): edges that join each lineup's items without closing a cycle, its first with the others."""
    first = np.repeat(lineups.item[lineups.start[:-1]], np.diff(lineups.start))
    others = np.ones(len(lineups.item), dtype=bool)
    others[lineups.start[:-1]] = False
    one, other = first[others], lineups.item[others]
    return np.minimum(one, other), np.maximum(one, other)


def _constraints(lineups: Lineups) -> tuple[Integers, Integers, Integers, Integers]:
    """(better, worse: places in their lineup; start, shape (k + 1,); of, the lineup of each)."""
    packed: tuple[Integers, Integers, Integers, Integers] = _next_level(
        lineups.start, lineups.level
    )
    return packed


@njit(cache=True, error_model="numpy")
def _next_level(start, level):  # type: ignore[no-untyped-def]
    k, most = len(start) - 1, len(level) * MOST
    better, worse, of = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    begin, p = np.zeros(k + 1, np.int64), 0
    for r in range(k):
        for x in range(start[r], start[r + 1]):
            for y in range(start[r], start[r + 1]):
                if level[y] == level[x] + 1:
                    better[p], worse[p], of[p] = x - start[r], y - start[r], r
                    p += 1
        begin[r + 1] = p
    return better[:p].copy(), worse[:p].copy(), begin, of[:p].copy()


def canonical(lineups: Lineups) -> Lineups:
    """The same lineups in an order that depends on their set alone; inside, best first, then by item.

    Cost: O(k log k) and 9 numbers a lineup.
    """
    k, sizes = len(lineups), np.diff(lineups.start)
    of = np.repeat(np.arange(k), sizes)
    order = np.lexsort((lineups.item, lineups.level, of))
    item, level = lineups.item[order], lineups.level[order]
    table = np.full((k, 2 * MOST), -1, dtype=np.int64)
    place = np.arange(len(item)) - lineups.start[of]
    table[of, place], table[of, MOST + place] = item, level
    rows = np.lexsort((lineups.annotator, *table.T[::-1]))
    sizes = sizes[rows]
    start = np.concatenate([[0], np.cumsum(sizes)])
    take = np.repeat(lineups.start[rows] - start[:-1], sizes) + np.arange(len(item))
    return Lineups(start, item[take], level[take], lineups.annotator[rows])


class LineupFit:
    """The state of the lineups in one inference: k of them with w members, p constraints and e edges.

    message: shape (w, 2), what each member's item is told (precision, shift). site: (p, 2), what is
    known of each difference of performances. tau: (e,), push: (w,), the normal on the strengths. rest:
    (w, 2), mean and variance of each member's strength without the lineup.
    """

    def __init__(self, lineups: Lineups, people: Integers) -> None:
        self.start, self.item = lineups.start, lineups.item
        self.better, self.worse, self.begin, _ = _constraints(lineups)
        self.person = np.searchsorted(people, lineups.annotator).astype(np.int64)
        if not len(people):
            self.person = np.zeros(len(lineups), np.int64)
        self.edge_start, self.low, self.high = _edges(lineups.start, lineups.item)
        self.message, self.site = np.zeros((len(self.item), 2)), np.zeros((len(self.better), 2))
        self.tau, self.push = np.zeros(len(self.low)), np.zeros(len(self.item))
        self.rest = np.zeros((len(self.item), 2))
        self.guessed = -_log_answers(lineups.start, lineups.level)

    def __len__(self) -> int:
        return len(self.person)

    def sweep(
        self, precision: Floats, shift: Floats, kinds: Floats, pace: float, table: Floats
    ) -> None:
        """One pass over all lineups; precision and shift of the items are changed in place."""
        sweep_lineups(
            (self.start, self.item, self.begin, self.better, self.worse, self.edge_start),
            (self.message, self.site, self.tau, self.push, self.rest),
            self.person,
            kinds,
            precision,
            shift,
            pace,
            table,
        )

    def say_of_people(self, kinds: Floats, thorough: bool, table: Floats) -> Floats:
        """Shape (k, 3, 4), of each person and kind: log likelihood of their lineups, its slope and curvature
        by sharpness, and the sharpness where that is so. thorough: see `people.judge_people`."""
        said = np.zeros((len(kinds), 3, 4))
        if len(self):
            lineups = (self.start, self.begin, self.better, self.worse)
            judge_lineups(
                lineups, self.rest, self.guessed, self.person, kinds, thorough, said, table
            )
        return said

    def joint(
        self,
    ) -> tuple[Integers, Integers, Integers, Integers, Integers, Floats, Floats, Floats]:
        """What `ep.solve_means` needs of it."""
        return (
            self.start,
            self.item,
            self.edge_start,
            self.low,
            self.high,
            self.message,
            self.tau,
            self.push,
        )

    def rescale(self, factor: float) -> None:
        """Multiply all strengths and performances by factor."""
        for natural in (self.message, self.site):
            natural /= np.array([factor**2, factor])
        self.tau /= factor**2
        self.push /= factor
        self.rest *= np.array([factor, factor**2])


def _edges(start: Integers, item: Integers) -> tuple[Integers, Integers, Integers]:
    """(start, low, high) of the pairs of items of each lineup, in the order of their places."""
    sizes = np.diff(start)
    edge_start = np.concatenate([[0], np.cumsum(sizes * (sizes - 1) // 2)])
    low, high = np.empty(edge_start[-1], np.uint32), np.empty(edge_start[-1], np.uint32)
    for size in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == size)
        x, y = np.triu_indices(size, 1)
        members = item[start[rows][:, None] + np.arange(size)]
        at = edge_start[rows][:, None] + np.arange(len(x))
        one, two = members[:, x], members[:, y]
        low[at], high[at] = np.minimum(one, two), np.maximum(one, two)
    return edge_start, low, high


def _log_answers(start: Integers, level: Integers) -> Floats:
    """Shape (k,): the logarithm of how many answers of its kind there were to give."""
    k, of = len(start) - 1, np.repeat(np.arange(len(start) - 1), np.diff(start))
    factorials = np.array([math.lgamma(size + 1) for size in range(MOST + 1)])
    in_level = np.bincount(of * MOST + level, minlength=k * MOST)[: k * MOST].reshape(k, MOST)
    counts: Floats = factorials[np.diff(start)] - factorials[in_level].sum(axis=1)
    return counts
