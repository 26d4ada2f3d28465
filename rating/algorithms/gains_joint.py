"""Expected gains in a group of up to some hundred items, from its joint posterior."""

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

KEPT = 24  # partners an item keeps as candidates
AGAIN = 0.1  # what a second vote on a pair is worth before the first has come


@njit(cache=True, error_model="numpy")
def joint_candidates(mean, covariance, places, busy, goal, top, vote, seed):  # type: ignore[no-untyped-def]
    """(first, second, value): the KEPT most valuable legal partners of each item, or all of them.

    covariance: shape (w, w). places: shape (w, w), how many of each pair are left; with none it must not be
    chosen. busy: shape (w, w), bool, pairs whose votes are on their way, which come only where no other
    is worth a tenth. vote: (looks, square), see `information`. seed: splits ties.
    Cost: O(w³), two matrix products, for RANKING and TOP; else O(w²).
    """
    w = len(mean)
    if goal == TRAINING:
        gain = _training_gains(mean, covariance, vote)
    else:
        gain = _order_gains(mean, covariance, goal, top, vote)
    kept = min(KEPT, w - 1)
    first, second = np.empty(w * kept, np.int64), np.empty(w * kept, np.int64)
    value = np.empty(w * kept)
    count = 0
    for i in range(w):
        start = count
        least = start
        for j in range(w):
            if i == j or places[i, j] <= 0:
                continue
            low, high = min(i, j), max(i, j)
            g = gain[i, j] * (1.0 + 1e-6 * jitter(seed, low, high))
            if busy[i, j]:
                g *= AGAIN
            if count - start < kept:
                place = count
                count += 1
            elif g > value[least]:
                place = least
            else:
                continue
            first[place], second[place], value[place] = low, high, g
            if count - start == kept:
                least = start
                for c in range(start + 1, count):
                    if value[c] < value[least]:
                        least = c
    return first[:count], second[:count], value[:count]


@njit(cache=True, error_model="numpy")
def _order_gains(mean, covariance, goal, top, vote):  # type: ignore[no-untyped-def]
    """Shape (w, w): f · e'ΣL_WΣe/(1 + f·v), e = e_i − e_j, L_W the Laplacian of the weights."""
    w = len(mean)
    crossing = np.zeros(w)
    if goal == TOP:
        crossing = top_chances(mean, np.diag(covariance).copy(), top)
    laplacian = np.zeros((w, w))
    for i in range(w):
        for j in range(i):
            v = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
            weight = order_weight(mean[i] - mean[j], v)
            if goal == TOP:
                p, q = crossing[i], crossing[j]
                weight *= ANYWAY + p * (1 - q) + q * (1 - p)
            laplacian[i, j] = laplacian[j, i] = -weight
            laplacian[i, i] += weight
            laplacian[j, j] += weight
    worth = covariance @ (laplacian @ covariance)
    gain = np.zeros((w, w))
    for i in range(w):
        for j in range(i):
            v = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
            f = information(mean[i] - mean[j], v, vote[0], vote[1])
            total = worth[i, i] + worth[j, j] - 2 * worth[i, j]
            gain[i, j] = gain[j, i] = f * total / (1 + f * v) / (w - 1)
    return gain


@njit(cache=True, error_model="numpy")
def _training_gains(mean, covariance, vote):  # type: ignore[no-untyped-def]
    """Shape (w, w): the chance of a new certain preference, times what it would be the first of.

    One for each of its images that has no certain pair yet, and one for the group if it has none.
    """
    w = len(mean)
    settled = np.zeros(w)
    for i in range(w):
        for j in range(i):
            v = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
            if certain(mean[i] - mean[j], v):
                settled[i] = settled[j] = 1.0
    empty = 1.0 - settled.max()
    gain = np.zeros((w, w))
    for i in range(w):
        for j in range(i):
            m = mean[i] - mean[j]
            v = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
            f = information(m, v, vote[0], vote[1])
            new = max(ANYWAY, 2.0 - settled[i] - settled[j] + empty)
            chance = 0.0 if certain(m, v) else certainty_gain(m, v, f) * new
            gain[i, j] = gain[j, i] = chance + ANYWAY**2 * f
    return gain
