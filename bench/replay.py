"""Real comparisons played again: a strategy may ask only for those that exist, each once."""

import numpy as np
from scipy.stats import kendalltau

from bench.data import load
from bench.simulation import View, play
from bench.strategies import STRATEGIES
from rating.algorithms.graph import components
from rating.algorithms.results import Floats, Integers, Ratings
from rating.algorithms.trueskill import trueskill

CONTEXTS = {"llmfao": 1, "pc_iqa": 15, "ukp_convincing": 32}
TARGETS = ("tau .8", "tau .9")


class Recorded:
    """The comparisons of a data set; asked for a pair, it answers with one of those left, at random."""

    def __init__(self, name: str, seed: int) -> None:
        n, first, second, label, who = load(name)
        group = components(n, first, second)
        order = np.argsort(group, kind="stable")
        place = np.empty(n, dtype=np.int64)
        place[order] = np.arange(n)
        self.n, self.ends = n, np.cumsum(np.bincount(group))
        self.columns = np.array([place[first], place[second], label, who])
        self.truth = trueskill(n, *self.columns[:3]).mu
        low, high = np.sort(self.columns[:2], axis=0)
        self.places = np.zeros((n, n), dtype=np.int64)
        np.add.at(self.places, (low, high), 1)
        self.places += self.places.T
        self.left: dict[tuple[int, int], list[int]] = {}
        for row in np.random.default_rng(seed).permutation(len(low)).tolist():
            self.left.setdefault((int(low[row]), int(high[row])), []).append(row)

    def answer(
        self, first: Integers, second: Integers
    ) -> tuple[Integers, Integers, Integers, Integers]:
        rows = [
            self.left[min(a, b), max(a, b)].pop()
            for a, b in zip(first.tolist(), second.tolist(), strict=True)
        ]
        a, b, label, who = self.columns[:, rows]
        return a, b, label, who

    def score(self, ratings: Ratings) -> dict[str, float]:
        """Kendall's tau to the ranking by all comparisons, the mean over the contexts."""
        parts = np.split(np.arange(self.n), self.ends[:-1])
        taus: Floats = np.array([kendalltau(self.truth[p], ratings.mu[p])[0] for p in parts])
        return {"tau": float(np.mean(np.nan_to_num(taus)))}


def replay(name: str, strategy: str, seed: int) -> dict:
    recorded = Recorded(name, seed)
    view = View(recorded.n, recorded.ends, recorded.places)
    return play(
        view,
        recorded.answer,
        STRATEGIES[strategy](),
        recorded.score,
        inference="pooled",
        most=recorded.columns.shape[1],
        targets=TARGETS,
    )
