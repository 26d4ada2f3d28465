"""A project played against simulated people, whose true strengths are known: the world of bench/pairing.py.

A strategy is asked for the next pairs as the product asks: a batch for everybody who is working, without
the answers to it. The batch is as large as the crowd at work, and 1 % of the votes so far when that
is more (2 % from 1,000 images on), for all strategies alike; after each the ratings are fitted anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from rating.algorithms.annotators import trueskill_annotators
from rating.algorithms.results import Floats, Integers, Ratings
from rating.algorithms.trueskill import trueskill

TOP = 10
TARGETS = {
    "tau .8": ("tau", 0.8),
    "tau .9": ("tau", 0.9),
    "Spearman .95": ("spearman", 0.95),
    "top-10 recall .8": ("recall", 0.8),
}
INFERENCE = {
    "pooled": lambda n, first, second, label, who: trueskill(n, first, second, label),
    "annotators": trueskill_annotators,
}


@dataclass(frozen=True)
class Setting:
    """How strengths spread, in units of a typical person's noise, and who judges."""

    name: str
    score_sd: float
    people: int = 20
    unequal: float = 0.0  # standard deviation of the logarithm of sharpness
    spammers: int = 0  # who answer at random
    at_once: int = 8


CLEAN = Setting("clean", 3.0)
CROWD = Setting("crowd", 1.0, unequal=0.4, spammers=2)
SETTINGS = {setting.name: setting for setting in (CLEAN, CROWD)}


@dataclass
class World:
    """The true strengths and the people; `answer` is what they say. The same seed, the same world."""

    setting: Setting
    n: int
    seed: int

    def __post_init__(self) -> None:
        chance = np.random.default_rng([self.seed, self.n])
        setting = self.setting
        self.strength = chance.normal(0, setting.score_sd, self.n)
        # Spread evenly, so that worlds differ by the strengths and by chance, not by the luck of the crowd.
        even = ndtri((np.arange(setting.people) + 0.5) / setting.people)
        self.sharpness = chance.permutation(np.exp(setting.unequal * even))
        self.sharpness[: setting.spammers] = 0.0
        self.chance = chance

    def answer(self, first: Integers, second: Integers, who: Integers) -> Integers:
        seen = self.sharpness[who] * (self.strength[first] - self.strength[second])
        return np.where(seen + self.chance.standard_normal(len(first)) > 0, 1, -1)


@dataclass
class Log:
    """What was asked and answered so far; room for `most` votes."""

    n: int
    people: int
    most: int
    votes: int = 0
    columns: Integers = field(init=False)
    asked: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.columns = np.zeros((4, self.most + 4096), dtype=np.int64)
        self.seen = np.zeros((self.people, self.n * self.n), dtype=bool)

    @property
    def rows(self) -> tuple[Integers, Integers, Integers, Integers]:
        """first, second, label, who."""
        first, second, label, who = self.columns[:, : self.votes]
        return first, second, label, who

    def pairs(self) -> tuple[Integers, Integers, Integers]:
        """low, high, taken: the pairs asked so far, and how often."""
        key = np.fromiter(self.asked.keys(), np.int64, len(self.asked))
        taken = np.fromiter(self.asked.values(), np.int64, len(self.asked))
        return key // self.n, key % self.n, taken

    def hand_out(
        self, low: Integers, high: Integers, chance: np.random.Generator
    ) -> tuple[Integers, Integers, Integers]:
        """first, second, who: each pair to one of the people, in turn, who has not seen it."""
        rows = []
        line = [
            p for _ in range(len(low) // self.people + 1) for p in chance.permutation(self.people)
        ]
        for a, b in zip(low.tolist(), high.tolist(), strict=True):
            key = a * self.n + b
            at = next((k for k, p in enumerate(line) if not self.seen[p, key]), None)
            if at is not None:
                who = line.pop(at)
            else:
                free = np.flatnonzero(~self.seen[:, key])
                if not len(free):
                    continue
                who = int(chance.choice(free))
            self.seen[who, key] = True
            self.asked[key] = self.asked.get(key, 0) + 1
            rows.append((a, b, who) if chance.random() < 0.5 else (b, a, who))
        first, second, who = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        return first, second, who

    def append(self, first: Integers, second: Integers, label: Integers, who: Integers) -> None:
        end = self.votes + len(first)
        self.columns[:, self.votes : end] = first, second, label, who
        self.votes = end


Strategy = Callable[[Ratings, Log, int, int], tuple[Integers, Integers]]
"""strategy(ratings, log, count, seed) → (low, high): the next pairs, in the order of handing out."""


def play(
    setting: Setting,
    n: int,
    make: Callable[[], Strategy],
    inference: str,
    seed: int,
    most: int,
    growth: float | None = None,
    targets: tuple[str, ...] = tuple(TARGETS),
) -> dict:
    """{target: votes until it was first reached, or None}, and milliseconds a pair chosen."""
    from time import perf_counter

    world, log = World(setting, n, seed), Log(n, setting.people, most)
    log.world = world
    chance = np.random.default_rng([seed, n, 1])
    strategy, fit = make(), INFERENCE[inference]
    ratings = fit(n, *log.rows)
    reached: dict[str, int | None] = dict.fromkeys(targets)
    seconds, chosen = 0.0, 0
    share = growth or (0.02 if n >= 1000 else 0.01)
    while log.votes < most and None in reached.values():
        count = max(setting.at_once, int(share * log.votes))
        started = perf_counter()
        low, high = strategy(ratings, log, count, log.votes)
        seconds += perf_counter() - started
        chosen += len(low)
        first, second, who = log.hand_out(low, high, chance)
        if not len(first):
            break
        log.append(first, second, world.answer(first, second, who), who)
        ratings = fit(n, *log.rows)
        scores = measure(world.strength, ratings.mu)
        for target in targets:
            name, least = TARGETS[target]
            if reached[target] is None and scores[name] >= least:
                reached[target] = log.votes
    return {
        "reached": reached,
        "ms": 1000 * seconds / max(chosen, 1),
        "votes": log.votes,
        "last": scores,
    }


def measure(truth: Floats, mu: Floats, top: int = TOP) -> dict[str, float]:
    """Kendall's tau, Spearman's rho and the share of the true best among the best found."""
    a, b = rankdata(truth), rankdata(mu)
    best, found = np.argsort(-truth)[:top], np.argsort(-mu, kind="stable")[:top]
    return {
        "tau": kendall(a, b),
        "spearman": float(np.corrcoef(a, b)[0, 1]) if len(set(mu)) > 1 else 0.0,
        "recall": len(set(best) & set(found)) / top,
    }


def kendall(a: Floats, b: Floats) -> float:
    from scipy.stats import kendalltau

    return float(np.nan_to_num(kendalltau(a, b)[0]))
