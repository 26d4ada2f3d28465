"""How far people agree who judged the same things, beyond what chance would give.

K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, for nominal data: any number of
people, each of whom judged any part of the things. The interval is that of the bootstrap over things, see
A. Zapf et al., "Measuring inter-rater reliability for nominal data – which coefficients and confidence
intervals are appropriate?", BMC Medical Research Methodology 16:93, 2016.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rating.algorithms.results import Integers

Floats = NDArray[np.float64]

# Below this many things that two or more judged, a coefficient says more about chance than about people.
FEWEST = 10
RESAMPLES = 500
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Agreement:
    """Of the things that two or more judged: how many, and by how many judgements.

    share: of the pairs of judgements of one thing, those that agree, each judgement weighing the same.
    alpha: 1 is full agreement, 0 that of chance, below 0 systematic disagreement; within low … high with
    95 %. What the data cannot tell is None.
    """

    things: int
    judgements: int
    share: float | None
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None


def agreement(counts: Integers, seed: int = 0) -> Agreement:
    """counts: shape (things, values), how many people gave each value; rows with fewer than two are left out.

    Raises ValueError for counts that are negative or not a table. O(things × values² + resamples × things).
    """
    if counts.ndim != 2 or (counts < 0).any():
        raise ValueError("counts must be a table of whole numbers from 0, a row a thing.")
    judged = counts.sum(axis=1)
    counts, judged = counts[judged >= 2], judged[judged >= 2]
    things, judgements = len(counts), int(judged.sum())
    if not things:
        return Agreement(0, 0, None, None, None, None)
    # Of each thing: the judgements that agree with another one, as the diagonal of its coincidences.
    agreeing = (counts * (counts - 1)).sum(axis=1) / (judged - 1)
    share = float(agreeing.sum() / judgements)
    if things < FEWEST:
        return Agreement(things, judgements, share, None, None, None)
    alpha = float(_alpha(agreeing.sum()[None], counts.sum(axis=0)[None])[0])
    if not np.isfinite(alpha):
        return Agreement(things, judgements, share, None, None, None)
    low, high = _interval(agreeing, counts, seed)
    return Agreement(things, judgements, share, alpha, low, high)


def share(counts: Sequence[int]) -> float:
    """Of the pairs of judgements of one thing, those that agree; it takes two or more judgements."""
    n = sum(counts)
    return sum(count * (count - 1) for count in counts) / (n * (n - 1))


def _alpha(agreeing: Floats, totals: Integers) -> Floats:
    """1 - observed / expected disagreement, a row a sample; not finite where only one value was given.

    agreeing: shape (s,), the sum of the diagonal of coincidences; totals: shape (s, values).
    """
    n = totals.sum(axis=1)
    observed = 1 - agreeing / n
    expected = 1 - (totals * (totals - 1)).sum(axis=1) / (n * (n - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 - observed / expected, dtype=np.float64)


def _interval(agreeing: Floats, counts: Integers, seed: int) -> tuple[float | None, float | None]:
    random = np.random.default_rng(seed)
    things = len(counts)
    columns = np.column_stack([agreeing, counts])
    samples = np.empty((RESAMPLES, columns.shape[1]))
    for at in range(RESAMPLES):
        drawn = np.bincount(random.integers(0, things, things), minlength=things)
        samples[at] = drawn @ columns
    alphas = _alpha(samples[:, 0], samples[:, 1:])
    alphas = alphas[np.isfinite(alphas)]
    # A sample in which everybody gave the same value has no alpha; with many of those there is no interval.
    if len(alphas) < RESAMPLES * 0.9:
        return None, None
    low, high = np.quantile(alphas, INTERVAL)
    return float(low), float(high)
