"""The strategies that bench/pairing.py compares: ours, and published ones as they were published."""

from collections.abc import Callable

import numpy as np
from numba import njit
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.special import ndtr

from bench.simulation import SETTINGS, Crowd, Strategy, View, accuracy
from bench.uniform import choose_uniform
from rating.algorithms.ancestor import sequential_elimination, smart_shuffle
from rating.algorithms.choosing import choose_adaptive
from rating.algorithms.groups import Asked
from rating.algorithms.normal import TABLE, v_ratio
from rating.algorithms.results import CENTRE, UNIT, Floats, Integers, Ratings
from rating.algorithms.trueskill import trueskill

Pairs = tuple[Integers, Integers]
SHUFFLED_AFTER = 3  # comparisons; the ancestor's auto-shuffle


def random_pairs() -> Strategy:
    def choose(ratings: Ratings, view: View, count: int, seed: int) -> Pairs:
        return choose_uniform(view.n, view.members, count, view.asked, ends=view.ends, seed=seed)[
            :2
        ]

    return choose


def adaptive(goal: str) -> Callable[[], Strategy]:
    def make() -> Strategy:
        def choose(ratings: Ratings, view: View, count: int, seed: int) -> Pairs:
            chosen = choose_adaptive(
                ratings,
                view.members,
                count,
                view.asked,
                goal=goal,  # type: ignore[arg-type]
                ends=view.ends,
                seed=seed,
            )
            return chosen.first, chosen.second

        return choose

    return make


def shuffled() -> Strategy:
    """The ancestor's smart shuffle, sorted anew after every third pair; its counts include these."""

    def choose(ratings: Ratings, view: View, count: int, seed: int) -> Pairs:
        asked, found = view.asked, []
        times = np.zeros((view.n, view.n), dtype=np.int64)
        times[np.minimum(asked.low, asked.high), np.maximum(asked.low, asked.high)] = asked.taken
        while len(found) < count:
            low, high = np.nonzero(times)
            now = Asked(low, high, times[low, high], asked.cap)
            few = min(SHUFFLED_AFTER, count - len(found))
            more = list(
                zip(*smart_shuffle(ratings, view.members, few, now, ends=view.ends), strict=True)
            )
            if not more:
                break
            for a, b in more:
                times[min(a, b), max(a, b)] += 1
            found += more
        first, second = np.array(found, dtype=np.int64).reshape(-1, 2).T
        return first, second

    return choose


class Rounds:
    """Strategies that make a whole round of pairs and see no answer before all of it was handed out."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, int]] = []

    def __call__(self, ratings: Ratings, view: View, count: int, seed: int) -> Pairs:
        if not self.waiting:
            left = np.full((view.n, view.n), view.cap)
            asked = view.asked
            left[asked.low, asked.high] = left[asked.high, asked.low] = asked.cap - asked.taken
            self.waiting = self.round(ratings, view, left, np.random.default_rng([seed, 7]))
        now, self.waiting = self.waiting[:count], self.waiting[count:]
        first, second = np.array(now, dtype=np.int64).reshape(-1, 2).T
        return first, second

    def round(
        self, ratings: Ratings, view: View, left: Integers, chance: np.random.Generator
    ) -> list[tuple[int, int]]:
        raise NotImplementedError


class Asap(Rounds):
    """ASAP, approximate (Mikhailiuk et al. 2020), after its authors' KLD_mat_approx.m and asap_cpu.py.

    The expected information of each pair is that of one online update of two EP marginals; pairs are
    skipped with a probability that grows with how sure their order is; the round is the spanning tree
    of the least 1/information. EP and its prior are ours, as for all.
    """

    def round(
        self, ratings: Ratings, view: View, left: Integers, chance: np.random.Generator
    ) -> list[tuple[int, int]]:
        mean, variance = (ratings.mu - CENTRE) / UNIT, (ratings.sigma / UNIT) ** 2
        found, begin = [], 0
        for end in view.ends.tolist():
            part = slice(begin, end)
            gain = _gains(mean[part], variance[part], TABLE)
            m, v = mean[part], variance[part]
            sure = ndtr(-np.abs(m[:, None] - m) / np.sqrt(1 + v[:, None] + v))
            sure = np.tril(sure, -1)
            kept = sure >= chance.random(sure.shape) * sure.max(axis=1, keepdims=True)
            i, j = np.nonzero(np.tril(kept & (left[part, part] > 0), -1))
            tree = minimum_spanning_tree(csr_matrix((1 / gain[i, j], (i, j)), shape=gain.shape))
            tree = tree.tocoo()
            found += list(zip(tree.data, tree.row + begin, tree.col + begin, strict=True))
            begin = end
        return [(int(i), int(j)) for _, i, j in sorted(found)]


@njit(cache=True, error_model="numpy")
def _gains(mean: Floats, variance: Floats, table: Floats):  # type: ignore[no-untyped-def]
    """Shape (w, w), below the diagonal: Σ over outcomes P(outcome) · KL(after ‖ before), of both items."""
    w = len(mean)
    gain = np.zeros((w, w))
    for i in range(w):
        for j in range(i):
            c2 = 1.0 + variance[i] + variance[j]
            for outcome in (1.0, -1.0):
                x = outcome * (mean[i] - mean[j]) / np.sqrt(c2)
                ratio = v_ratio(x, table)
                p = np.exp(-0.5 * x * x) / 2.5066282746310002 / ratio
                for v in (variance[i], variance[j]):
                    shrunk = 1.0 - v / c2 * ratio * (ratio + x)
                    gain[i, j] += 0.5 * p * (shrunk - 1 - np.log(shrunk) + v / c2 * ratio * ratio)
    return gain


class Swiss(Rounds):
    """Swiss pairing: neighbours in points, who met least; the first round at random."""

    def round(
        self, ratings: Ratings, view: View, left: Integers, chance: np.random.Generator
    ) -> list[tuple[int, int]]:
        first, second, label, _ = view.rows
        points = np.bincount(np.where(label > 0, first, second), minlength=view.n)
        group = np.searchsorted(view.ends, np.arange(view.n), side="right")
        line = np.lexsort((chance.random(view.n), -points, group)).tolist()
        found = []
        while line:
            i = line.pop(0)
            near = [j for j in line[:6] if group[j] == group[i] and left[i, j] > 0]
            if not near:
                near = [j for j in line if group[j] == group[i] and left[i, j] > 0][:1]
            if near:
                j = max(near, key=lambda j: left[i, j])
                line.remove(j)
                found.append((i, j))
        return [found[k] for k in chance.permutation(len(found)).tolist()]


STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "random": random_pairs,
    "adaptive": adaptive("ranking"),
    "adaptive, top": adaptive("top"),
    "ASAP": Asap,
    "smart shuffle": shuffled,
    "Swiss": Swiss,
}


def eliminate(setting: str, n: int, seed: int) -> tuple[float, float]:
    """(tau, whether the best image won) where sequential elimination ends."""
    crowd = Crowd(SETTINGS[setting], n, seed)
    view = View(n, np.array([n]), np.full((n, n), crowd.people))
    remaining = np.arange(n)
    while len(remaining) > 1:
        pairs = sequential_elimination(n, remaining, crowd.at_once, seed=seed + len(remaining))
        first, second, label, who = crowd.answer(*pairs)
        view.append(first, second, label, who)
        remaining = np.setdiff1d(remaining, np.where(label > 0, second, first))
    tau = accuracy(crowd.strength, trueskill(n, *view.rows[:3]).mu)["tau"]
    return tau, float(remaining[0] == np.argmax(crowd.strength))
