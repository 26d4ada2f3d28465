"""What every rating method takes and returns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

# TrueSkill's scale: a score is CENTRE + UNIT × strength, strength in units of the noise of a comparison.
CENTRE = 25.0
UNIT = 25.0 / 6 * 2**0.5
# In a unit of normal noise: where logistic and normal curves differ least (Haley 1952).
LOGITS = 1.702


class NotConverged(ArithmeticError):
    """An inference did not come to rest; there is no result to publish."""


@dataclass(frozen=True)
class Lineups:
    """k answers about several items each; the data convention of lineups.

    start: shape (k + 1,); lineup r has the rows start[r] … start[r + 1] − 1 of item and level.
    item: shape (w,), its items, each once. level: shape (w,), 0 for the best; each item of a level is better
    than those of higher levels, and nothing is said within a level. annotator: shape (k,), who
    answered. All int64.
    """

    start: Integers
    item: Integers
    level: Integers
    annotator: Integers

    def __len__(self) -> int:
        return len(self.annotator)


NO_LINEUPS = Lineups(*(np.zeros(size, dtype=np.int64) for size in (1, 0, 0, 0)))


@dataclass(frozen=True)
class Posterior:
    """The joint normal of the strengths: precision 1/prior_variance + Σ tau (e_low − e_high)(…)ᵀ.

    mean: shape (n,), strengths in units of the noise of a comparison (see UNIT). low, high: shape (e,),
    int64, the compared pairs, low < high. tau: shape (e,), float64, what is known of each
    pair's difference, ≥ 0. apart: shape (n,), float64, variances without the shift that a connected
    group has in common: two of them add up to the variance of a difference within the group.
    """

    mean: Floats
    prior_variance: float
    low: Integers
    high: Integers
    tau: Floats
    apart: Floats


@dataclass(frozen=True)
class Annotators:
    """What is known of each person; every array of shape (k,), in the order of `annotator`.

    annotator: int64, the ids as given. comparisons: int64. sharpness: float64, 1 sees like the typical
    person, 0 clicks at random, below 0 answers in reverse; sharpness_low and sharpness_high hold it
    with 95 %: the ends of the mixture of all kinds, in which who clicks is known as well as who sees.
    side_bias: the pull to the first (left) side, in units of the noise of a comparison; with low and high.
    spammer: the probability of clicking without looking, or in reverse. kinds: shape (k, 3, 6), the posterior
    that all this comes from: per person and kind (sees, clicks, reverses) its weight, the mean of sharpness
    and of pull, variance, covariance, variance. typical: shape (3, 6), the same of a person not seen yet.
    """

    annotator: Integers
    comparisons: Integers
    sharpness: Floats
    sharpness_low: Floats
    sharpness_high: Floats
    side_bias: Floats
    side_bias_low: Floats
    side_bias_high: Floats
    spammer: Floats
    kinds: Floats
    typical: Floats


@dataclass(frozen=True)
class Ratings:
    """Posterior means and standard deviations, on TrueSkill's scale (centre 25).

    mu, sigma: shape (n,), float64. method and settings say how they were made, with what was learnt on the
    way. posterior is None where the method has no joint one; annotators, where it knows none. link: the
    curve from a difference of strengths to a probability, "normal" or "logistic".
    """

    mu: Floats
    sigma: Floats
    method: str
    settings: dict[str, Any]
    posterior: Posterior | None = None
    annotators: Annotators | None = None
    link: str = "normal"


def check_comparisons(
    n: int, first: Integers, second: Integers, label: Integers, annotator: Integers | None = None
) -> None:
    """Raise ValueError, naming the first bad row, unless the arrays follow the data convention."""
    if n < 0:
        raise ValueError(f"the number of items must not be negative, as {n} is")
    columns = [first, second, label] + ([] if annotator is None else [annotator])
    if any(column.ndim != 1 for column in columns):
        raise ValueError("first, second, label and annotator must be one-dimensional arrays")
    if any(column.dtype.kind not in "iu" for column in columns):
        raise ValueError("first, second, label and annotator must be arrays of integers")
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(str(len(column)) for column in columns)
        raise ValueError(
            f"first, second, label (and annotator) must be of one length, not {lengths}"
        )
    bad = (first < 0) | (first >= n) | (second < 0) | (second >= n)
    _refuse(bad, f"an item that is not among 0 … {n - 1}")
    _refuse(first == second, "an item compared with itself")
    _refuse((label < -1) | (label > 1), "a label that is none of 1, -1 and 0")


def _refuse(bad: NDArray[np.bool_], what: str) -> None:
    if bad.any():
        raise ValueError(f"row {int(np.flatnonzero(bad)[0])} has {what}")
