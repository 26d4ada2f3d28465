"""Expected gains in a group of any size: marginals only, and of each item its neighbours in rank.

As in `gains_joint`, with the covariance taken as diagonal (variances without the shift that a group has in
common), and the weights of all the others summed over the bins of a histogram of the means.
"""

import numpy as np
from numba import njit

from rating.algorithms.gains import (
    ANYWAY,
    TOP,
    TRAINING,
    certain,
    certainty_gain,
    information,
    jitter,
    order_weight,
    top_chances,
)

NEAR = 12  # neighbours in rank on each side
FAR = 12  # further ones for TRAINING, at growing distances
BINS = 200
REACH = 16.0  # exponents beyond which a weight is nothing


@njit(cache=True, error_model="numpy")
def local_candidates(mean, variance, full, goal, top, vote, seed):  # type: ignore[no-untyped-def]
    """(first, second, value): of each item the NEAR next legal ones above it in rank.

    For TRAINING FAR more, at distances that grow by half.
    variance: shape (w,). full: sorted keys low · w + high of pairs that must not be chosen.
    Cost: O(w (NEAR + BINS) + w log w); where pairs are full, a step for each that is passed over.
    """
    w = len(mean)
    chance = np.empty(w)
    for i in range(w):
        chance[i] = mean[i] + 1e-9 * jitter(seed, i, i)
    order = np.argsort(chance)
    crossing = top_chances(mean, variance, top) if goal == TOP else np.ones(w)
    total = np.zeros(w)
    if goal != TRAINING:
        total = _summed_weights(mean, variance, crossing, goal)
    reach = NEAR + (FAR if goal == TRAINING else 0)
    first, second = np.empty(w * reach, np.int64), np.empty(w * reach, np.int64)
    value = np.empty(w * reach)
    count = 0
    for r in range(w):
        i = order[r]
        step, found = 1, 0
        while found < reach and r + step < w:
            j = order[r + step]
            low, high = min(i, j), max(i, j)
            key = low * w + high
            at = np.searchsorted(full, key)
            if at < len(full) and full[at] == key:
                step += 1
                continue
            m, v = mean[i] - mean[j], variance[i] + variance[j]
            f = information(m, v, vote[0], vote[1])
            if goal == TRAINING:
                g = ANYWAY**2 * f
                if not certain(m, v):
                    g += 2.0 * certainty_gain(m, v, f)
            else:
                share = order_weight(m, v)
                if goal == TOP:
                    p, q = crossing[i], crossing[j]
                    share *= ANYWAY + p * (1 - q) + q * (1 - p)
                worth = variance[i] ** 2 * total[i] + variance[j] ** 2 * total[j]
                worth += 2 * variance[i] * variance[j] * share
                g = f * worth / (1 + f * v) / (w - 1)
            first[count], second[count] = low, high
            value[count] = g * (1.0 + 1e-6 * jitter(seed, low, high))
            count += 1
            found += 1
            step += 1 if found < NEAR else 1 + step // 2
    return first[:count], second[:count], value[:count]


@njit(cache=True, error_model="numpy")
def _summed_weights(mean, variance, crossing, goal):  # type: ignore[no-untyped-def]
    """Shape (w,): for each item the sum of its pairs' weights, the others taken as their bins' averages."""
    w = len(mean)
    lowest = mean.min()
    width = (mean.max() - lowest) / BINS + 1e-12
    bins = np.zeros((BINS, 3))  # items, mean variance, chance to be in the top
    for i in range(w):
        b = min(int((mean[i] - lowest) / width), BINS - 1)
        bins[b, 0] += 1
        bins[b, 1] += variance[i]
        bins[b, 2] += crossing[i]
    total = np.zeros(w)
    for i in range(w):
        for b in range(BINS):
            held = bins[b, 0]
            if held == 0:
                continue
            m = lowest + (b + 0.5) * width - mean[i]
            v = variance[i] + bins[b, 1] / held
            if m * m > REACH * v:
                continue
            weight = order_weight(m, v)
            if goal == TOP:
                p, q = crossing[i], bins[b, 2] / held
                weight *= ANYWAY + p * (1 - q) + q * (1 - p)
            total[i] += held * weight
    return total
