"""Simulated comparisons for the tests of `rating.algorithms`; no Django."""

from typing import NamedTuple

import numpy as np

from rating.algorithms.results import UNIT, Ratings


class Case(NamedTuple):
    strength: np.ndarray
    first: np.ndarray
    second: np.ndarray
    label: np.ndarray
    annotator: np.ndarray

    @property
    def n(self) -> int:
        return len(self.strength)

    @property
    def rows(self) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
        return self.n, self.first, self.second, self.label


def simulate(
    n: int,
    m: int,
    *,
    variance: float = 2.0,
    margin: float = 0.0,
    sharpness: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    seed: int = 0,
) -> Case:
    """m random pairs of n items, judged by people of the given sharpness and side bias in turn."""
    chance = np.random.default_rng(seed)
    sharpness = np.ones(1) if sharpness is None else sharpness
    bias = np.zeros(len(sharpness)) if bias is None else bias
    strength = chance.normal(0, variance**0.5, n)
    first = chance.integers(0, n, m)
    second = (first + chance.integers(1, n, m)) % n
    who = chance.integers(0, len(sharpness), m)
    seen = sharpness[who] * (strength[first] - strength[second]) + bias[who] + chance.normal(size=m)
    label = np.where(seen > margin, 1, np.where(seen < -margin, -1, 0))
    return Case(strength, first, second, label, who)


def integers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def strengths(ratings: Ratings) -> tuple[np.ndarray, np.ndarray]:
    """mu and sigma in units of a comparison's noise, centred as the prior."""
    return (ratings.mu - 25) / UNIT, ratings.sigma / UNIT


def same_bits(one: Ratings, other: Ratings) -> bool:
    return one.mu.tobytes() == other.mu.tobytes() and one.sigma.tobytes() == other.sigma.tobytes()
