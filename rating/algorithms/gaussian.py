"""The normal distribution on the graph: precision diag(prior) + Σ_e tau_e (e_i − e_j)(e_i − e_j)ᵀ.

Its means by conjugate gradients; draws from it by perturb-and-solve, or of few items by Cholesky. All
sums run in the order of the edges, in one thread, so the bits are those of the canonical graph.

Source: Hestenes and Stiefel 1952; Papandreou and Yuille 2010, "Gaussian sampling by local perturbations".
"""

import numpy as np
from numba import njit

MOST_STEPS = 2000


@njit(cache=True, error_model="numpy")
def apply(low, high, tau, prior, x, out):  # type: ignore[no-untyped-def]
    """out = precision matrix times x, for a block x of shape (n, w)."""
    n, width = x.shape
    for i in range(n):
        for w in range(width):
            out[i, w] = prior * x[i, w]
    for e in range(len(low)):
        i, j, weight = low[e], high[e], tau[e]
        for w in range(width):
            flow = weight * (x[i, w] - x[j, w])
            out[i, w] += flow
            out[j, w] -= flow


@njit(cache=True, error_model="numpy")
def solve(low, high, tau, prior, right, x, known, tolerance):  # type: ignore[no-untyped-def]
    """Solve in place for x, shape (n, w), from the given start; returns the steps, −1 if too many.

    known: shape (n,), how precisely each item is known, at least the prior. Stops when no residual exceeds
    the tolerance times its root: an error of about so many standard deviations. By the diagonal instead, an
    error that all items share would pass unseen. Jacobi-preconditioned.
    """
    n, width = x.shape
    diagonal = np.full(n, prior)
    for e in range(len(low)):
        diagonal[low[e]] += tau[e]
        diagonal[high[e]] += tau[e]
    residual, direction, image = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    apply(low, high, tau, prior, x, image)
    rho, rho_next, along = np.zeros(width), np.zeros(width), np.zeros(width)
    for i in range(n):
        for w in range(width):
            residual[i, w] = right[i, w] - image[i, w]
            direction[i, w] = residual[i, w] / diagonal[i]
            rho[w] += residual[i, w] * direction[i, w]
    for step in range(MOST_STEPS):
        worst = 0.0
        for i in range(n):
            for w in range(width):
                worst = max(worst, residual[i, w] * residual[i, w] / known[i])
        if worst <= tolerance * tolerance:
            return step
        apply(low, high, tau, prior, direction, image)
        along[:] = 0.0
        rho_next[:] = 0.0
        for i in range(n):
            for w in range(width):
                along[w] += direction[i, w] * image[i, w]
        for w in range(width):
            along[w] = rho[w] / along[w] if along[w] > 0 else 0.0
        for i in range(n):
            inverse = 1.0 / diagonal[i]
            for w in range(width):
                x[i, w] += along[w] * direction[i, w]
                residual[i, w] -= along[w] * image[i, w]
                rho_next[w] += residual[i, w] * residual[i, w] * inverse
        for w in range(width):
            along[w] = rho_next[w] / rho[w] if rho[w] > 0 else 0.0
            rho[w] = rho_next[w]
        for i in range(n):
            inverse = 1.0 / diagonal[i]
            for w in range(width):
                direction[i, w] = residual[i, w] * inverse + along[w] * direction[i, w]
    return -1


@njit(cache=True, error_model="numpy")
def draw_dense(low, high, tau, prior, x):  # type: ignore[no-untyped-def]
    """Turn standard normal x, shape (n, d), into d draws of mean 0 in place: Lᵀ draw = x, L Lᵀ the precision.

    Loops run along contiguous rows, and so many at a time, without reordering a sum.
    """
    n, d = x.shape
    upper = np.zeros((n, n))  # L transposed
    for i in range(n):
        upper[i, i] = prior
    for e in range(len(low)):
        i, j, weight = min(low[e], high[e]), max(low[e], high[e]), tau[e]
        upper[i, i] += weight
        upper[j, j] += weight
        upper[i, j] -= weight
    for i in range(n):
        root = np.sqrt(upper[i, i])
        for k in range(i, n):
            upper[i, k] /= root
        for j in range(i + 1, n):
            factor = upper[i, j]
            if factor != 0.0:
                for k in range(j, n):
                    upper[j, k] -= factor * upper[i, k]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            factor = upper[i, k]
            if factor != 0.0:
                for w in range(d):
                    x[i, w] -= factor * x[k, w]
        for w in range(d):
            x[i, w] /= upper[i, i]
