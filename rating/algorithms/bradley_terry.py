"""Bradley–Terry: the logistic model of comparisons, its posterior mode and the curvature there."""

import numpy as np
from numba import njit

from rating.algorithms.gaussian import solve
from rating.algorithms.graph import build_graph
from rating.algorithms.results import (
    CENTRE,
    LOGITS,
    UNIT,
    Floats,
    Integers,
    NotConverged,
    Posterior,
    Ratings,
    check_comparisons,
)
from rating.algorithms.trueskill import PRIOR_VARIANCE, shift_share

MOST_STEPS = 50
TOLERANCE = 1e-6


def bradley_terry(
    n: int,
    first: Integers,
    second: Integers,
    label: Integers,
    annotator: Integers | None = None,
    *,
    prior_variance: float = PRIOR_VARIANCE,
    tolerance: float = TOLERANCE,
) -> Ratings:
    """Rate n items by P(i before j) = 1/(1 + exp(s_j − s_i)), s ~ N(0, prior); a tie is half a win for each.

    n: number of items. first, second, label: shape (m,), see `rating.algorithms`; annotator is not used.
    prior_variance: on the scale of the results, in units of a comparison's noise, as of `trueskill`.
    Returns mu (the mode) and sigma (by curvature) of shape (n,), float64, with the joint posterior.
    Raises ValueError if a row is not a comparison of two of the n items; NotConverged.
    Cost: O(m log m) time to sort, then about 8 Newton steps of 10 passes over the pairs.
    Source: Bradley and Terry 1952; Caron and Doucet 2012 for the mode under a prior; ties after Davidson's
    half wins. Newton's method halves a step that does not lower the loss.
    """
    del annotator
    check_comparisons(n, first, second, label)
    if not prior_variance > 0:
        raise ValueError(f"prior_variance must be a positive number, not {prior_variance}")
    graph = build_graph(n, first, second, label)
    low, high, prior = graph.low, graph.high, 1 / (prior_variance * LOGITS**2)
    count, wins = np.zeros(0), np.zeros(0)
    if graph.m:
        count = np.add.reduceat(graph.count, graph.start[:-1])
        wins = np.add.reduceat(graph.count * (graph.outcome + 1) / 2, graph.start[:-1])
    s, known = np.zeros(n), np.full(n, prior)
    loss = _loss(s, low, high, wins, count, prior)
    for _ in range(MOST_STEPS):
        p = 1 / (1 + np.exp(s[high] - s[low]))
        pull, tau = wins - count * p, count * p * (1 - p)
        gradient = np.bincount(low, pull, n) - np.bincount(high, pull, n) - prior * s
        step = np.zeros((n, 1))
        if solve(low, high, tau, prior, gradient[:, None].copy(), step, known, tolerance / 10) < 0:
            raise NotConverged("a Newton step of Bradley–Terry was not solved")
        size = 1.0
        while (new := _loss(s + size * step[:, 0], low, high, wins, count, prior)) > loss + 1e-9:
            size /= 2
            if size < 1e-4:
                raise NotConverged("Bradley–Terry found no step that lowers its loss")
        s, loss = s + size * step[:, 0], new
        if not n or np.max(np.abs(step)) < tolerance:
            break
    else:
        raise NotConverged(f"Bradley–Terry still moves after {MOST_STEPS} steps")
    p = 1 / (1 + np.exp(s[high] - s[low]))
    tau = count * p * (1 - p)
    apart = marginal_variances(n, low, high, tau, prior)
    variance = apart + shift_share(graph) / prior
    return Ratings(
        mu=CENTRE + UNIT * s / LOGITS,
        sigma=UNIT * np.sqrt(variance) / LOGITS,
        method="bradley_terry",
        settings={"prior_variance": prior_variance, "tolerance": tolerance},
        posterior=Posterior(
            s / LOGITS, prior_variance, low, high, tau * LOGITS**2, apart / LOGITS**2
        ),
        link="logistic",
    )


def _loss(
    s: Floats, low: Integers, high: Integers, wins: Floats, count: Floats, prior: float
) -> float:
    d = s[low] - s[high]
    return float(np.sum(count * np.logaddexp(0, d) - wins * d) + prior / 2 * np.sum(s**2))


@njit(cache=True, error_model="numpy")
def marginal_variances(n, low, high, tau, prior):  # type: ignore[no-untyped-def]
    """Shape (n,): diagonal of the inverse of prior + Σ tau (e_i − e_j)(…)ᵀ, without what goes round cycles.

    Gaussian belief propagation of precisions alone, swept forward and backward to 1e-4.
    Source: Weiss and Freeman 2001.
    """
    precision = np.full(n, prior)
    to_low, to_high = np.zeros(len(low)), np.zeros(len(low))
    for turn in range(200):
        moved = 0.0
        for k in range(len(low)):
            e = k if turn % 2 == 0 else len(low) - 1 - k
            i, j = low[e], high[e]
            rest_i, rest_j = precision[i] - to_low[e], precision[j] - to_high[e]
            new_low, new_high = (
                tau[e] * rest_j / (tau[e] + rest_j),
                tau[e] * rest_i / (tau[e] + rest_i),
            )
            moved = max(moved, abs(new_low - to_low[e]) / precision[i])
            moved = max(moved, abs(new_high - to_high[e]) / precision[j])
            to_low[e], to_high[e] = new_low, new_high
            precision[i], precision[j] = rest_i + new_low, rest_j + new_high
        if moved < 1e-4:
            break
    return 1.0 / precision
