"""What pairs chosen at random say of a model that was fitted to pairs chosen by itself.

Pairs that the service chooses are near one another in rank, where every model is right about half the time:
they cannot show that it is wrong about the rest. Pairs at random can. They are held back, the others are
rated without them, and it is counted how often the order so found agrees with what people said of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rating.algorithms.posterior import DENSE, draw_strengths
from rating.algorithms.results import UNIT, Annotators, Floats, Integers, NotConverged, Ratings

Rows = NDArray[np.bool_]
Rate = Callable[[Integers, Integers, Integers, Integers | None], Ratings]

# Fewer decided comparisons than this say nothing of a percentage.
FEWEST = 30
# The most that is held back of all comparisons, so that the rest still is what the ratings are made of.
SHARE = 0.2
MOST = 2000
DRAWS = 200
# Standard deviations between promise and count from which on they disagree: one run of eighty by chance.
DISAGREE = 2.5
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Check:
    """Held-back decided comparisons of random pairs against the order that the others give.

    promised: the share that the model expects to agree with that order. seen: the share that does. low, high:
    what holds the true share with 95 %. off: how far seen is from promised, in standard deviations
    of what the model allows.
    """

    votes: int
    promised: float
    seen: float
    low: float
    high: float
    off: float

    @property
    def disagrees(self) -> bool:
        return abs(self.off) > DISAGREE

    @property
    def ratio(self) -> float:
        """By how much the order's agreement with the truth is less or more, were all of it the order's."""
        if not self.disagrees or self.promised <= 0.5:
            return 1.0
        return min(max((2 * self.seen - 1) / (2 * self.promised - 1), 0.0), 2.0)


def check_random_share(
    n: int,
    first: Integers,
    second: Integers,
    label: Integers,
    annotator: Integers | None,
    at_random: Rows,
    rate: Rate,
    seed: int = 0,
) -> Check | None:
    """None where fewer than FEWEST decided comparisons can be held back, or the rest cannot be rated.

    n, first, second, label, annotator: see `rating.algorithms`. at_random: shape (m,), which pairs were drawn
    whatever was known. rate: rates a part of the comparisons. seed: which of many are held back.
    Cost: one rating of the others, DRAWS draws of the strengths.
    """
    held = np.flatnonzero(at_random & (label != 0))
    most = min(MOST, int(SHARE * len(label)))
    chance = np.random.default_rng(seed)
    if len(held) > most:
        held = np.sort(chance.choice(held, most, replace=False))
    if len(held) < FEWEST:
        return None
    rest = np.ones(len(label), dtype=bool)
    rest[held] = False
    try:
        ratings = rate(
            first[rest], second[rest], label[rest], None if annotator is None else annotator[rest]
        )
        strengths = _strengths(ratings, n, seed)
    except NotConverged:
        return None
    a, b = first[held], second[held]
    who = None if annotator is None else annotator[held]
    preferred = _first_preferred(ratings, strengths[:, a] - strengths[:, b], who)
    first_ahead = ratings.mu[a] >= ratings.mu[b]
    agreeing = np.where(first_ahead, preferred, 1 - preferred)
    expected = agreeing.sum(axis=1)
    spread = math.sqrt(float(np.mean(np.sum(agreeing * (1 - agreeing), axis=1)) + expected.var()))
    seen = float(np.sum(np.where(first_ahead, 1, -1) == label[held]))
    votes, width = len(held), Z95 * spread / len(held)
    return Check(
        votes=votes,
        promised=float(expected.mean()) / votes,
        seen=seen / votes,
        low=max(seen / votes - width, 0.0),
        high=min(seen / votes + width, 1.0),
        off=(seen - float(expected.mean())) / spread,
    )


def _strengths(ratings: Ratings, n: int, seed: int) -> Floats:
    """Shape (DRAWS, n), in units of the noise of a comparison."""
    joint = ratings.posterior
    if joint is not None and n <= DENSE:
        return draw_strengths(joint, np.arange(n), DRAWS, seed)
    noise = np.random.default_rng(seed).standard_normal((DRAWS, n))
    if joint is None:
        return (ratings.mu + noise * ratings.sigma) / UNIT
    strengths: Floats = joint.mean + noise * np.sqrt(joint.apart)
    return strengths


def _first_preferred(ratings: Ratings, difference: Floats, annotator: Integers | None) -> Floats:
    """P(first is preferred, if one is), shape (draws, m), of people as the ratings know them."""
    from scipy.special import ndtr

    margin = float(ratings.settings.get("draw_margin", 0.0))
    people = ratings.annotators
    if people is None or annotator is None:
        first, second = ndtr(difference - margin), ndtr(-difference - margin)
    else:
        first, second = _by_people(people, difference, annotator, margin)
    preferred: Floats = first / np.maximum(first + second, 1e-300)
    return preferred


def _by_people(
    people: Annotators, difference: Floats, annotator: Integers, margin: float
) -> tuple[Floats, Floats]:
    from scipy.special import ndtr

    kinds = np.concatenate([people.kinds, people.typical[None]])
    at = np.searchsorted(people.annotator, annotator)
    known = np.append(people.annotator, -1)[at] == annotator
    chosen = kinds[np.where(known, at, len(kinds) - 1)]
    first, second = np.zeros_like(difference), np.zeros_like(difference)
    for kind in range(chosen.shape[1]):
        weight, a, b, var_a, cov, var_b = chosen[:, kind].T
        doubt = np.sqrt(1 + var_a * difference**2 + 2 * cov * difference + var_b)
        centre = a * difference + b
        first += weight * ndtr((centre - margin) / doubt)
        second += weight * ndtr((-centre - margin) / doubt)
    return first, second
