"""What a comparison of two items is expected to gain: the kernels that `choosing` shares.

A vote on a difference that is known as N(m, v) is expected to tell it with precision f; Var of any other
difference then falls by f c²/(1 + f v), c its covariance with the one that was voted on. What that is
worth depends on the goal:

RANKING  the loss is the number of pairs in the wrong order. Learning u of the variance V of d_kl ~ N(m, V)
         corrects ∫ φ(m/√u)/√u · φ(0)/√(V − u) du of a pair: the posterior mean wanders without a drift,
         and only where it crosses 0 does the order change. One vote moves u by little, and more follow, so
         its share is valued by a slope further on, W_kl = exp(−m²/2V)/(πV). (Slopes from a third to four
         times as far on choose as well, within the error of 24 simulations.)
TOP      the same over pairs of which one is among the best k and the other is not.
TRAINING the chance that a pair becomes a certain preference, counted a vote of the next one, two or four.

Source: mutual information of a vote, closed form: Houlsby et al. 2011; loss and weights: METHODS.md.
"""

import math

import numpy as np
from numba import njit

RANKING, TOP, TRAINING = 0, 1, 2

SHARPEST = 2 / math.pi  # information of a vote of a typical person on equals, in 1/noise²
FALL = (
    1 - 2 / math.pi
)  # how fast it falls with the difference: φ²/(Φ(1 − Φ)) ≈ SHARPEST exp(−FALL m²)
CERTAIN = 1.6448536269514722  # standard deviations from which an order is certain beyond 95 %
MARGIN = (
    0.25  # by which a winner is to be better for training: a typical person prefers it with 60 %
)
ANYWAY = 0.02  # the share that pairs keep of a goal's value when nothing is left of it


@njit(cache=True, error_model="numpy")
def information(m, v, looks, square):  # type: ignore[no-untyped-def]
    """The expected precision that one vote adds on a difference N(m, v), in 1/noise².

    looks: the share of votes that come from looking. square: the mean square of sharpness among them.
    """
    q = 1.0 + 2.0 * FALL * square * v
    return looks * square * SHARPEST / math.sqrt(q) * math.exp(-FALL * square * m * m / q)


@njit(cache=True, error_model="numpy")
def order_weight(m, v):  # type: ignore[no-untyped-def]
    """W above: what it is worth to know N(m, v) better, in pairs put right a unit of variance."""
    return math.exp(-0.5 * m * m / v) / (math.pi * v)


@njit(cache=True, error_model="numpy")
def _below(x):  # type: ignore[no-untyped-def]
    return 0.5 * math.erfc(-x / 1.4142135623730951)


@njit(cache=True, error_model="numpy")
def certain(m, v):  # type: ignore[no-untyped-def]
    """Whether one of the two is better by MARGIN with 95 %."""
    return abs(m) - MARGIN > CERTAIN * math.sqrt(v)


@njit(cache=True, error_model="numpy")
def certainty_gain(m, v, f):  # type: ignore[no-untyped-def]
    """The chance that the order becomes certain with the next 1, 2 or 4 votes, a vote; the best of these."""
    best = 0.0
    for votes in (1, 2, 4):
        shift = votes * f * v * v / (1.0 + votes * f * v)
        needed = MARGIN + CERTAIN * math.sqrt(v - shift)
        spread = math.sqrt(shift) + 1e-12
        best = max(best, (_below((m - needed) / spread) + _below((-m - needed) / spread)) / votes)
    return best


@njit(cache=True, error_model="numpy")
def jitter(seed, i, j):  # type: ignore[no-untyped-def]
    """A number in [0, 1) of its own for each seed and pair: splits ties, the same at every run."""
    x = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
    x ^= (np.uint64(i) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
    x ^= (np.uint64(j) + np.uint64(1)) * np.uint64(0x94D049BB133111EB)
    for _ in range(2):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return float(x >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True, error_model="numpy")
def top_chances(mean, variance, k):  # type: ignore[no-untyped-def]
    """Shape (w,): the probability that each item is above the border that k items are expected above."""
    w = len(mean)
    low, high = mean.min() - 9.0, mean.max() + 9.0
    spread = np.sqrt(variance)
    chance = np.empty(w)
    for _ in range(50):
        border = (low + high) / 2
        total = 0.0
        for i in range(w):
            chance[i] = _below((mean[i] - border) / spread[i])
            total += chance[i]
        if total > k:
            low = border
        else:
            high = border
    return chance


@njit(cache=True, error_model="numpy")
def match_layer(first, second, value, w, most, tail):  # type: ignore[no-untyped-def]
    """The candidates of one layer: greedily the most valuable, each item at most once; their places.

    Stops after `most`, and where the value falls below the share `tail` of the best: a leftover pair is worth
    less than a good one of the next layer.
    """
    order = np.argsort(-value)
    used = np.zeros(w, np.bool_)
    chosen = np.empty(min(most, w // 2), np.int64)
    count = 0
    for c in order:
        if count == len(chosen) or not value[c] > 0.0 or value[c] < tail * value[order[0]]:
            break
        if used[first[c]] or used[second[c]]:
            continue
        used[first[c]] = used[second[c]] = True
        chosen[count] = c
        count += 1
    return chosen[:count]
