"""Draws from the joint posterior of the strengths."""

import math
from statistics import NormalDist

import numpy as np

from rating.algorithms.gaussian import draw_dense, solve
from rating.algorithms.results import Floats, Integers, NotConverged, Posterior, Ratings

BLOCK = 16  # draws solved together: one reading of the edges serves them all
DENSE = 500  # members up to which a group's precision is factored whole
EXACT = 0.02  # of a standard deviation; far below what a few hundred draws can show


def order_probability(ratings: Ratings, a: int, b: int) -> float:
    """P(item a is better than item b), exact in the joint posterior; without one, as if independent.

    The doubt about a difference is smaller than that of both items taken alone, where they were compared.
    Cost: one solve, about 20 passes over the edges.
    Raises NotConverged.
    """
    if a == b:
        return 0.5
    posterior = ratings.posterior
    if posterior is None:
        spread = math.hypot(ratings.sigma[a], ratings.sigma[b])
        return NormalDist().cdf((ratings.mu[a] - ratings.mu[b]) / spread)
    difference = np.zeros((len(posterior.mean), 1))
    difference[a], difference[b] = 1.0, -1.0
    x = np.zeros_like(difference)
    low, high, tau, prior = (
        posterior.low,
        posterior.high,
        posterior.tau,
        1 / posterior.prior_variance,
    )
    known = np.full(len(x), prior)
    if solve(low, high, tau, prior, difference, x, known, EXACT / 100) < 0:
        raise NotConverged("the doubt about a difference was not solved")
    variance = float(x[a, 0] - x[b, 0])
    return NormalDist().cdf(float(posterior.mean[a] - posterior.mean[b]) / math.sqrt(variance))


def draw_strengths(
    posterior: Posterior,
    members: Integers,
    draws: int,
    seed: int,
    ends: Integers | None = None,
) -> Floats:
    """Shape (draws, w): joint draws of the strengths of w members, in units of the noise of a comparison.

    members: items in ascending order that no comparison joins to others (whole prompts or components), so
    that they can be drawn on their own. ends: where each of several such groups ends among the members;
    None: they are one. seed: the same seed gives the same bits.
    Raises ValueError if a comparison joins a member to another item, or to one of another group;
    NotConverged.
    Cost: for a group of up to DENSE members w²/2 steps of 0.3 ns a draw, and w³/6 once; for larger ones about
    20 passes over their edges a draw, 3 ns an edge each.
    Source: Papandreou and Yuille 2010 (perturb the right side by noise of the precision's own covariance,
    then solve); Rue 2001 for few items by Cholesky's factor.
    """
    ends = np.array([len(members)]) if ends is None else ends
    low, high, tau = _edges_among(posterior, members)
    group = np.searchsorted(ends, low, side="right")
    if np.any(group != np.searchsorted(ends, high, side="right")):
        raise ValueError("a comparison joins two groups that are drawn on their own")
    order = np.argsort(group, kind="stable")
    parts = np.searchsorted(group[order], np.arange(len(ends) + 1))
    prior, noise = 1 / posterior.prior_variance, np.random.default_rng(seed)
    result = np.empty((len(members), draws))
    begin = 0
    for k, end in enumerate(ends.tolist()):
        of = order[parts[k] : parts[k + 1]]
        edges = low[of] - begin, high[of] - begin, tau[of]
        if end - begin <= DENSE:
            block = noise.standard_normal((end - begin, draws))
            draw_dense(*edges, prior, block)
        else:
            block = _solved_draws(*edges, prior, end - begin, draws, noise)
        result[begin:end] = block
        begin = end
    return result.T + posterior.mean[members]


def _solved_draws(
    low: Integers,
    high: Integers,
    tau: Floats,
    prior: float,
    w: int,
    draws: int,
    noise: np.random.Generator,
) -> Floats:
    """Shape (w, draws), of mean 0."""
    result, known = np.empty((w, draws)), np.full(w, prior)
    for done in range(0, draws, BLOCK):
        width = min(BLOCK, draws - done)
        right = noise.standard_normal((w, width)) * np.sqrt(prior)
        flow = noise.standard_normal((len(tau), width)) * np.sqrt(tau)[:, None]
        np.add.at(right, low, flow)
        np.subtract.at(right, high, flow)
        x = np.zeros((w, width))
        if solve(low, high, tau, prior, right, x, known, EXACT) < 0:
            raise NotConverged("a draw from the posterior was not solved")
        result[:, done : done + width] = x
    return result


def _edges_among(posterior: Posterior, members: Integers) -> tuple[Integers, Integers, Floats]:
    """The edges between members, items renumbered by their place among them."""
    place = np.full(len(posterior.mean), -1, dtype=np.int64)
    place[members] = np.arange(len(members))
    low, high = place[posterior.low], place[posterior.high]
    if np.any((low < 0) != (high < 0)):
        raise ValueError("a comparison joins a member to an item that is not one")
    inside = low >= 0
    return low[inside], high[inside], posterior.tau[inside]
