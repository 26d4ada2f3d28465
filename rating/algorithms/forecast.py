"""How many more comparisons a target takes: the project played on, from what is known now.

Each play draws a truth from the posterior, has pairs chosen and judged as the project does, and learns
from them, one comparison after the other, in the dense joint posterior of a sample of items. It ends when
the accuracy that would be announced reaches the target.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit

from rating.algorithms.accuracy import Measure, agreement
from rating.algorithms.ep import seeing_terms
from rating.algorithms.normal import TABLE
from rating.algorithms.posterior import DENSE
from rating.algorithms.random_share import Z95
from rating.algorithms.results import CENTRE, UNIT, Floats, Integers, Ratings
from rating.algorithms.worlds import World

PLAYS = 8
# Items that are played with; votes of all are in proportion.
ITEMS = 120
# A play that gets so far has not reached the target, in comparisons an item.
MOST_AN_ITEM = 120
# The accuracy is looked at each time when there are so many more comparisons.
GROWTH = 0.06
DRAWS = 160
# By what factor plays as a whole are off (METHODS.md); the interval is so much wider than theirs.
ASTRAY = 1.25

# Which pairs are shown next: (mean, covariance, group, chance) to (first, second), each item at most once.
Choose = Callable[
    [Floats, Floats, Integers, np.random.Generator],
    tuple[Integers, Integers],
]


@dataclass(frozen=True)
class Goal:
    """When it is enough. kind: "tau" or "top". value: what the lower end must reach. k: of the top."""

    kind: str
    value: float
    k: int = 10
    # Whether pairs are chosen for the top alone: then they are not spread over all items.
    only_top: bool = False


@dataclass(frozen=True)
class Forecast:
    """Further comparisons until the goal, and between what they lie; None: more than `most`."""

    votes: int | None
    low: int | None
    high: int | None
    most: int


def beside(
    mean: Floats, covariance: Floats, group: Integers, chance: np.random.Generator
) -> tuple[Integers, Integers]:
    """Each item with the one beside it in a draw of the strengths: near in rank, as far as is known."""
    drawn = mean + np.sqrt(np.diagonal(covariance)) * chance.standard_normal(len(mean))
    order = np.lexsort((drawn, group))[chance.integers(0, 2) :]
    first, second = order[: len(order) // 2 * 2 : 2], order[1::2]
    together = group[first] == group[second]
    return first[together], second[together]


def at_random(
    mean: Floats, covariance: Floats, group: Integers, chance: np.random.Generator
) -> tuple[Integers, Integers]:
    """Each item with any other of its group."""
    return beside(0 * mean, np.eye(len(mean)), group, chance)


def forecast(
    likely: list[World],
    groups: list[Integers],
    announced: Measure,
    made: int,
    goal: Goal,
    *,
    random_share: float = 0.1,
    choose: Choose = beside,
    seed: int = 0,
) -> Forecast:
    """Play on from `likely`, the worlds of now, until the goal.

    groups: as of `accuracy`. announced: the goal's measure as it is announced now. made: comparisons so
    far. choose: what the project's strategy asks, as far as it can be played; a random_share of the rounds
    is of random pairs.
    Cost: PLAYS times up to MOST_AN_ITEM × ITEMS comparisons of ITEMS² × 0.5 ns: 1 s, mostly much less.
    """
    chance = np.random.default_rng(seed)
    groups = [members for members in groups if len(members) > (goal.k if goal.kind == "top" else 1)]
    most = MOST_AN_ITEM * sum(map(len, groups))
    if not groups:
        return Forecast(None, None, None, most)
    sample = _sample(groups, likely[0].ratings.mu, goal, chance)
    summed = np.cumsum([world.weight for world in likely])
    at = np.minimum(np.searchsorted(summed, (np.arange(PLAYS) + 0.5) / PLAYS), len(likely) - 1)
    plays = [_Play(likely[k].ratings, sample, goal, chance) for k in at.tolist()]
    # What is announced is less than one posterior tells, by doubts that go on being there.
    told = sum(play.short_of() for play in plays) / PLAYS
    frank = max((1 - announced.low) / max(told, 1e-9), 1.0)
    if goal.kind == "top" and sample.shrink == 1.0:
        frank = 1.0  # shares of one top come in steps, between which there is nothing
    needed = [
        play.votes_until((1 - goal.value) / frank, made / sample.times, random_share, choose)
        for play in plays
    ]
    found = sorted(math.inf if votes is None else votes * sample.times for votes in needed)
    middle = (found[PLAYS // 2 - 1] + found[PLAYS // 2]) / 2
    low, high = found[0] / ASTRAY, found[-1] * ASTRAY
    return Forecast(_whole(middle), _whole(low), _whole(high), most)


def _whole(votes: float) -> int | None:
    return round(votes) if math.isfinite(votes) else None


@dataclass(frozen=True)
class _Sample:
    """members: of each group that is played with. k: of its top. times: how many votes one stands for.

    shrink: by how much the doubt about the average of all is smaller than about that of the sample.
    """

    members: list[Integers]
    whole: list[Integers]
    k: int
    times: float
    shrink: float


def _sample(groups: list[Integers], mu: Floats, goal: Goal, chance: np.random.Generator) -> _Sample:
    """Whole groups at random while there is room; of a larger one a part, for the top the best."""
    items = sum(map(len, groups))
    members: list[Integers] = []
    whole: list[Integers] = []
    k, room = goal.k, ITEMS
    for at in chance.permutation(len(groups)).tolist():
        group = groups[at]
        if len(group) <= room:
            members.append(group)
            whole.append(group)
        elif not members:
            if goal.kind == "top" and goal.k <= ITEMS // 2:
                best = np.argsort(-mu[group], kind="stable")[:ITEMS]
            else:
                best = chance.choice(len(group), ITEMS, replace=False)
                k = max(1, round(goal.k * ITEMS / len(group)))
            members.append(group[np.sort(best)])
            whole.append(group)
        room = ITEMS - sum(map(len, members))
        if room < 2:
            break
    played = sum(map(len, members))
    if goal.kind == "top":
        apart = sum(map(len, whole))
        times = items / (apart if goal.only_top else played)
        return _Sample(members, whole, k, times, math.sqrt(len(members) / len(groups)))
    return _Sample(members, whole, k, items / played, math.sqrt(played / items))


class _Play:
    """One course of things: a truth, what is known of it, and the people who are asked."""

    def __init__(
        self, ratings: Ratings, sample: _Sample, goal: Goal, chance: np.random.Generator
    ) -> None:
        self.sample, self.goal, self.chance = sample, goal, chance
        parts = [
            _normal(ratings, whole, members)
            for whole, members in zip(sample.whole, sample.members, strict=True)
        ]
        n = sum(len(mean) for mean, _ in parts)
        self.mean = np.concatenate([mean for mean, _ in parts])
        self.covariance = np.zeros((n, n))
        self.ends = np.cumsum([len(mean) for mean, _ in parts]).tolist()
        self.group = np.repeat(np.arange(len(parts)), [len(mean) for mean, _ in parts])
        for (mean, covariance), end in zip(parts, self.ends, strict=True):
            begin = end - len(mean)
            self.covariance[begin:end, begin:end] = covariance
        self.truth = self.draws(1)[0]
        self.margin = float(ratings.settings.get("draw_margin", 0.0))
        known = ratings.annotators
        self.sharpness = np.ones(1) if known is None else known.sharpness
        counts = np.ones(1) if known is None else known.comparisons.astype(np.float64)
        self.often = counts / counts.sum()

    def draws(self, count: int) -> Floats:
        noise = self.chance.standard_normal((count, len(self.mean)))
        drawn = np.empty_like(noise)
        for number, end in enumerate(self.ends):
            begin = 0 if number == 0 else self.ends[number - 1]
            block = self.covariance[begin:end, begin:end].copy()
            drawn[:, begin:end] = _correlated(block, noise[:, begin:end].copy())
        return self.mean + drawn

    def measured(self) -> tuple[float, float]:
        """What is expected of the goal's measure, and half the width of its 95 % interval."""
        drawn, total, weights = self.draws(DRAWS), np.zeros(DRAWS), 0.0
        for number, end in enumerate(self.ends):
            begin = 0 if number == 0 else self.ends[number - 1]
            order = begin + np.argsort(-self.mean[begin:end], kind="stable")
            agreed = agreement(np.ascontiguousarray(drawn[:, order]), self.sample.k)
            size = end - begin
            weight = 1.0 if self.goal.kind == "top" else size * (size - 1) / 2
            total += weight * agreed[:, 2 if self.goal.kind == "top" else 0]
            weights += weight
        values = total / weights
        middle = float(values.mean())
        if self.goal.kind == "top" and self.sample.shrink == 1.0:
            # Whole images: the interval ends at steps.
            return middle, middle - float(np.quantile(values, 0.025, method="lower"))
        return middle, Z95 * float(values.std()) * self.sample.shrink

    def short_of(self) -> float:
        """How far the lower end is from perfect."""
        middle, half = self.measured()
        return 1 - middle + half

    def votes_until(
        self, short: float, so_far: float, random_share: float, choose: Choose
    ) -> int | None:
        """Comparisons until the lower end is so short of perfect, after those made so far."""
        votes = 0
        while votes <= MOST_AN_ITEM * len(self.mean):
            if self.short_of() <= short:
                return votes
            looked = votes
            while votes - looked <= GROWTH * (so_far + votes):
                votes += self._round(random_share, choose)
        return None

    def _round(self, random_share: float, choose: Choose) -> int:
        """Each item is shown about once; how many comparisons that was."""
        rule = at_random if self.chance.random() < random_share else choose
        first, second = rule(self.mean, self.covariance, self.group, self.chance)
        who = self.chance.choice(len(self.often), len(first), p=self.often)
        sharpness = self.sharpness[who]
        seen = sharpness * (self.truth[first] - self.truth[second])
        seen += self.chance.standard_normal(len(first))
        label = np.where(seen > self.margin, 1, np.where(seen < -self.margin, -1, 0))
        _learn(self.mean, self.covariance, first, second, label, sharpness, self.margin, TABLE)
        return max(len(first), 1)


def _normal(ratings: Ratings, whole: Integers, members: Integers) -> tuple[Floats, Floats]:
    """Mean and covariance of members of a group, in units of the noise of a comparison."""
    joint = ratings.posterior
    if joint is None:
        return (ratings.mu[members] - CENTRE) / UNIT, np.diag((ratings.sigma[members] / UNIT) ** 2)
    if len(whole) > DENSE:
        return joint.mean[members], np.diag(joint.apart[members])
    place = np.full(len(joint.mean), -1, dtype=np.int64)
    place[whole] = np.arange(len(whole))
    low, high = place[joint.low], place[joint.high]
    inside = (low >= 0) & (high >= 0)
    low, high, tau = low[inside], high[inside], joint.tau[inside]
    precision = np.eye(len(whole)) / joint.prior_variance
    for i, j, sign in ((low, low, 1), (high, high, 1), (low, high, -1), (high, low, -1)):
        np.add.at(precision, (i, j), sign * tau)
    covariance = _inverse(precision)
    at = place[members]
    return joint.mean[members], covariance[np.ix_(at, at)]


@njit(cache=True, error_model="numpy")
def _learn(mean, covariance, first, second, label, sharpness, margin, table):  # type: ignore[no-untyped-def]
    """Take in one comparison after the other, in place: assumed-density filtering (Minka 2001, ch. 3.1)."""
    n = len(mean)
    column = np.empty(n)
    for k in range(len(first)):
        i, j = first[k], second[k]
        for x in range(n):
            column[x] = covariance[x, i] - covariance[x, j]
        m, v = mean[i] - mean[j], max(column[i] - column[j], 1e-12)
        g, h, _ = seeing_terms(label[k], 1.0, m, v, margin, sharpness[k], 0.0, table)
        h = min(max(h, 0.0), 0.999 / v)
        for x in range(n):
            mean[x] += g * column[x]
            if column[x] != 0.0:
                scaled = h * column[x]
                for y in range(n):
                    covariance[x, y] -= scaled * column[y]


# Their own loops, not a library's: the bits are then those of the log, whatever the machine's threads.


@njit(cache=True, error_model="numpy")
def _correlated(covariance, noise):  # type: ignore[no-untyped-def]
    """noise, shape (d, n), times the transposed Cholesky factor of covariance, which is overwritten."""
    d, n = noise.shape
    root = covariance
    for j in range(n):
        for k in range(j):
            factor = root[j, k]
            for i in range(j, n):
                root[i, j] -= root[i, k] * factor
        pivot = math.sqrt(max(root[j, j], 1e-12))
        for i in range(j, n):
            root[i, j] /= pivot
    out = np.zeros((d, n))
    for row in range(d):
        for i in range(n):
            total = 0.0
            for k in range(i + 1):
                total += root[i, k] * noise[row, k]
            out[row, i] = total
    return out


@njit(cache=True, error_model="numpy")
def _inverse(matrix):  # type: ignore[no-untyped-def]
    """Of a symmetric positive definite matrix, by Gauss and Jordan, in place."""
    n = len(matrix)
    for k in range(n):
        pivot = 1.0 / matrix[k, k]
        matrix[k, k] = 1.0
        for j in range(n):
            matrix[k, j] *= pivot
        for i in range(n):
            if i != k:
                factor = matrix[i, k]
                matrix[i, k] = 0.0
                for j in range(n):
                    matrix[i, j] -= factor * matrix[k, j]
    return matrix
