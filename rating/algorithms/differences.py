"""The doubt about many differences at once: of every pair that was compared."""

import numpy as np

from rating.algorithms.gaussian import solve
from rating.algorithms.graph import components
from rating.algorithms.posterior import BLOCK
from rating.algorithms.results import Floats, Integers, NotConverged, Posterior

# Items of a connected group up to which its covariance is computed as it is: a second for so many.
DENSE = 1500
DRAWS = 512
EXACT = 0.02  # of a standard deviation, where it is drawn


def difference_variances(posterior: Posterior, seed: int = 0) -> Floats:
    """Shape (e,): the variance of strength[low] − strength[high] in the joint posterior, edge by edge.

    In connected groups of up to DENSE items exact, by the inverse of their precision. In larger ones the
    mean square of DRAWS joint draws: off by 6 % (one standard deviation), which moves a probability by less
    than 0.01.
    seed: the same seed gives the same bits. Raises NotConverged.
    Cost: O(w³) for a group of w items; for larger ones 20 passes over their edges a draw.
    Source: Spielman and Srivastava 2011 (a difference's variance is an effective resistance of the graph).
    """
    n, e = len(posterior.mean), len(posterior.low)
    variance = np.zeros(e)
    if not e:
        return variance
    group = components(n, posterior.low, posterior.high)
    size = np.bincount(group, minlength=int(group.max()) + 1)
    large = size[group[posterior.low]] > DENSE
    if large.any():
        variance[large] = _drawn(posterior, np.flatnonzero(large), seed)
    order = np.argsort(group[posterior.low], kind="stable")
    order = order[~large[order]]
    ends = np.flatnonzero(np.diff(group[posterior.low[order]])) + 1
    for edges in np.split(order, ends) if len(order) else []:
        variance[edges] = _exact(posterior, edges)
    return variance


def _renumbered(posterior: Posterior, edges: Integers) -> tuple[Integers, Integers, int]:
    members, places = np.unique(
        np.concatenate([posterior.low[edges], posterior.high[edges]]), return_inverse=True
    )
    low, high = np.split(places.astype(np.int64), 2)
    return low, high, len(members)


def _exact(posterior: Posterior, edges: Integers) -> Floats:
    low, high, w = _renumbered(posterior, edges)
    tau = posterior.tau[edges]
    precision = np.zeros((w, w))
    np.add.at(precision, (low, high), -tau)
    precision += precision.T
    precision[np.diag_indices(w)] = 1 / posterior.prior_variance - precision.sum(axis=1)
    covariance = np.linalg.inv(precision)
    own = np.diagonal(covariance)
    found: Floats = own[low] + own[high] - 2 * covariance[low, high]
    return found


def _drawn(posterior: Posterior, edges: Integers, seed: int) -> Floats:
    low, high, w = _renumbered(posterior, edges)
    tau, prior = posterior.tau[edges], 1 / posterior.prior_variance
    noise = np.random.default_rng(seed)
    total, known = np.zeros(len(edges)), np.full(w, prior)
    for _ in range(0, DRAWS, BLOCK):
        right = noise.standard_normal((w, BLOCK)) * np.sqrt(prior)
        flow = noise.standard_normal((len(tau), BLOCK)) * np.sqrt(tau)[:, None]
        np.add.at(right, low, flow)
        np.subtract.at(right, high, flow)
        x = np.zeros((w, BLOCK))
        if solve(low, high, tau, prior, right, x, known, EXACT) < 0:
            raise NotConverged("a draw from the posterior was not solved")
        total += np.sum((x[low] - x[high]) ** 2, axis=1)
    result: Floats = total / DRAWS
    return result
