"""Projects played against simulated people, or against a log of real ones: the world of bench/pairing.py.

A strategy is asked for the next pairs as the product asks: a batch for everybody who is working, without
the answers to it. The batch is as large as the crowd at work, and 2 % of the votes so far when that
is more, for all strategies alike; after each the ratings are fitted anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from scipy.special import ndtri
from scipy.stats import kendalltau, spearmanr

from rating.algorithms.annotators import trueskill_annotators
from rating.algorithms.groups import Asked
from rating.algorithms.results import Floats, Integers, Ratings
from rating.algorithms.trueskill import trueskill

TOP = 10
TARGETS = {
    "tau .8": ("tau", 0.8),
    "tau .9": ("tau", 0.9),
    "Spearman .95": ("spearman", 0.95),
    "top-10 recall .8": ("recall", 0.8),
}
INFERENCE = {"pooled": trueskill, "annotators": trueskill_annotators}


@dataclass(frozen=True)
class Setting:
    """How strengths spread, in units of a typical person's noise, and who judges."""

    score_sd: float
    people: int = 20
    unequal: float = 0.0  # standard deviation of the logarithm of sharpness
    spammers: int = 0  # who answer at random
    at_once: int = 8


SETTINGS = {"clean": Setting(3.0), "crowd": Setting(1.0, unequal=0.4, spammers=2)}


class View:
    """What a strategy may know: n items in groups, the log, and how often each pair was asked.

    rows: (first, second, label, who) so far. asked: which pairs have a place left. Every pair has `places`
    of them; shape (n, n), symmetric.
    """

    def __init__(self, n: int, ends: Integers, places: Integers) -> None:
        self.n, self.ends, self.members = n, ends, np.arange(n)
        self.places, self.cap = places, int(places.max())
        self.count = np.zeros((n, n), dtype=np.int64)  # asked, at [low, high]
        self.closed = np.argwhere(np.triu(places < 1, 1)) if places.min() < 1 else np.empty((0, 2))
        self.columns: list[Integers] = [np.empty((4, 0), dtype=np.int64)]

    @property
    def rows(self) -> tuple[Integers, ...]:
        self.columns = [np.concatenate(self.columns, axis=1)]
        return tuple(self.columns[0])

    @property
    def asked(self) -> Asked:
        low, high = np.nonzero((self.count > 0) | np.triu(self.places < self.cap, 1))
        return Asked(low, high, self.cap - self.places[low, high] + self.count[low, high], self.cap)

    def append(self, first: Integers, second: Integers, label: Integers, who: Integers) -> None:
        np.add.at(self.count, (np.minimum(first, second), np.maximum(first, second)), 1)
        self.columns.append(np.array([first, second, label, who]))


Strategy = Callable[[Ratings, View, int, int], tuple[Integers, Integers]]
"""strategy(ratings, view, count, seed): the next pairs in the order of handing out; fewer: answers first."""
Answer = Callable[[Integers, Integers], tuple[Integers, Integers, Integers, Integers]]


class Crowd:
    """Simulated people and the true strengths. The same seed, the same people and strengths."""

    def __init__(self, setting: Setting, n: int, seed: int) -> None:
        chance = np.random.default_rng([seed, n])
        self.n, self.people, self.chance = n, setting.people, chance
        self.at_once = setting.at_once
        self.strength = chance.normal(0, setting.score_sd, n)
        # Spread evenly, so that worlds differ by strengths and by chance, not by the luck of the crowd.
        even = ndtri((np.arange(setting.people) + 0.5) / setting.people)
        self.sharpness = chance.permutation(np.exp(setting.unequal * even))
        self.sharpness[: setting.spammers] = 0.0
        self.seen: set[tuple[int, int]] = set()
        self.line: list[int] = []

    def answer(
        self, first: Integers, second: Integers
    ) -> tuple[Integers, Integers, Integers, Integers]:
        """first, second, label, who: each pair to the next in line who has not seen it; sides tossed."""
        rows = [
            (a, b, who)
            for a, b in zip(first.tolist(), second.tolist(), strict=True)
            if (who := self._next(min(a, b) * self.n + max(a, b))) is not None
        ]
        first, second, who = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        swap = self.chance.random(len(who)) < 0.5
        first, second = np.where(swap, second, first), np.where(swap, first, second)
        seen = self.sharpness[who] * (self.strength[first] - self.strength[second])
        label = np.where(seen + self.chance.standard_normal(len(who)) > 0, 1, -1)
        return first, second, label, who

    def _next(self, pair: int) -> int | None:
        if len(self.line) < self.people:
            self.line += self.chance.permutation(self.people).tolist()
        for at, who in enumerate(self.line):
            if (who, pair) not in self.seen:
                self.seen.add((who, pair))
                del self.line[at]
                return who
        return None


def play(
    view: View,
    answer: Answer,
    strategy: Strategy,
    score: Callable[[Ratings], dict[str, float]],
    *,
    inference: str,
    most: int,
    at_once: int = 8,
    growth: float = 0.02,
    targets: tuple[str, ...] = tuple(TARGETS),
) -> dict:
    """{"reached": {target: votes until it was first reached, or None}, "ms": a pair, "votes": in all}."""
    fit = INFERENCE[inference]
    ratings = fit(view.n, *view.rows)
    reached: dict[str, int | None] = dict.fromkeys(targets)
    seconds, chosen, votes = 0.0, 0, 0
    while votes < most and None in reached.values():
        started = perf_counter()
        pairs = strategy(ratings, view, max(at_once, int(growth * votes)), votes)
        seconds += perf_counter() - started
        rows = answer(*pairs)
        if not len(rows[0]):
            break
        view.append(*rows)
        votes, chosen = votes + len(rows[0]), chosen + len(pairs[0])
        ratings = fit(view.n, *view.rows)
        scores = score(ratings)
        for target in targets:
            name, least = TARGETS[target]
            if reached[target] is None and scores[name] >= least:
                reached[target] = votes
    return {"reached": reached, "ms": 1000 * seconds / max(chosen, 1), "votes": votes}


def simulate(
    setting: str,
    n: int,
    strategy: Strategy,
    inference: str,
    seed: int,
    most: int,
    targets: tuple[str, ...] = tuple(TARGETS),
) -> dict:
    """`play` one group of n images against a crowd; nobody is shown the same pair twice."""
    chosen = SETTINGS[setting]
    crowd = Crowd(chosen, n, seed)
    view = View(n, np.array([n]), np.full((n, n), chosen.people))
    return play(
        view,
        crowd.answer,
        strategy,
        lambda ratings: accuracy(crowd.strength, ratings.mu),
        inference=inference,
        most=most,
        at_once=crowd.at_once,
        targets=targets,
    )


def accuracy(truth: Floats, mu: Floats, top: int = TOP) -> dict[str, float]:
    """Kendall's tau, Spearman's rho and the share of the true best among the best found."""
    best, found = np.argsort(-truth)[:top], np.argsort(-mu, kind="stable")[:top]
    return {
        "tau": float(np.nan_to_num(kendalltau(truth, mu)[0])),
        "spearman": float(spearmanr(truth, mu)[0]) if np.ptp(mu) else 0.0,
        "recall": len(set(best.tolist()) & set(found.tolist())) / top,
    }
