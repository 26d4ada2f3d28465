"""Expectation propagation over lineups: what an order of several items says of their strengths.

Each item's performance is its strength plus a noise of its own, N(0, 1/2), so that the difference of two
has the noise of a comparison, N(0, 1). An answer says that each performance of a level exceeds each of the
next level; all of that is inferred together, which is not what independent pairs would say: they share
performances. A person of sharpness a has the noise N(0, 1/(2 a²)); who answers in reverse is taken in
reverse; what somebody says who may just click is taken to the power of how likely they look.

A lineup ends as a normal on its strengths: a Laplacian, hence edges (tau) as those of comparisons, with a
push. Its items are told as one block, so that nothing goes round inside it.

Source: Thurstone 1927 for the performances; Herbrich, Minka and Graepel 2006 for orders of several by
expectation propagation; Minka 2004, "Power EP", for the power; Minka 2001, section 3.2, for the evidence.
"""

import math

import numpy as np
from numba import njit

from rating.algorithms.normal import log_win, v_ratio

MOST = 9  # items of a lineup
INNER = 8  # passes over the answers of one lineup while they still move
STILL = 1e-5
DULLEST = 0.1  # sharpness below which a person's noise does not grow any more
HOPELESS = 1e-9  # a kind less likely than this is looked at now and then only


@njit(cache=True, error_model="numpy")
def _update(cov, mean, w, x, y, more_precision, more_shift, along):  # type: ignore[no-untyped-def]
    """Multiply the normal of w variables by one on the difference of x and y, in place.

    Returns the log of the integral.
    """
    for z in range(w):
        along[z] = cov[z, x] - cov[z, y]
    variance, d = along[x] - along[y], mean[x] - mean[y]
    denominator = 1.0 + more_precision * variance
    step, shrink = (more_shift - more_precision * d) / denominator, more_precision / denominator
    for z in range(w):
        mean[z] += step * along[z]
        for u in range(w):
            cov[z, u] -= shrink * along[z] * along[u]
    return _log_integral(d, variance, more_precision, more_shift)


@njit(cache=True, error_model="numpy")
def _log_integral(d, variance, precision, shift):  # type: ignore[no-untyped-def]
    """log ∫ N(x; d, variance) exp(shift x − precision x²/2) dx."""
    denominator = 1.0 + precision * variance
    quadratic = d * shift - 0.5 * precision * d * d + 0.5 * variance * shift * shift
    return quadratic / denominator - 0.5 * math.log(denominator)


@njit(cache=True, error_model="numpy")
def _answer(cov, mean, w, better, worse, sign, sites, along, table):  # type: ignore[no-untyped-def]
    """Bring the sites, shape (c, 2), of one lineup to rest; cov and mean are the performances with them in.

    Returns the log of the answer's probability.
    """
    count = len(better)
    for _ in range(INNER):
        moved = 0.0
        for c in range(count):
            x, y = better[c], worse[c]
            variance = cov[x, x] + cov[y, y] - 2.0 * cov[x, y]
            rest = 1.0 / (1.0 / variance - sites[c, 0])
            d = ((mean[x] - mean[y]) / variance - sites[c, 1]) * rest
            q = 1.0 / math.sqrt(rest)
            z = sign * d * q
            ratio = v_ratio(z, table)
            g, h = sign * ratio * q, ratio * (ratio + z) * q * q
            scale = 1.0 / (1.0 - h * rest)
            more, push_on = h * scale - sites[c, 0], (g + h * d) * scale - sites[c, 1]
            sites[c, 0] += more
            sites[c, 1] += push_on
            moved = max(moved, abs(more) * variance, abs(push_on) * math.sqrt(variance))
            _update(cov, mean, w, x, y, more, push_on, along)
        if moved < STILL:
            break
    evidence = 0.0
    for c in range(count):
        x, y = better[c], worse[c]
        variance = cov[x, x] + cov[y, y] - 2.0 * cov[x, y]
        rest = 1.0 / (1.0 / variance - sites[c, 0])
        d = ((mean[x] - mean[y]) / variance - sites[c, 1]) * rest
        z = sign * d / math.sqrt(rest)
        evidence += log_win(z, v_ratio(z, table))
        evidence -= _log_integral(d, rest, sites[c, 0], sites[c, 1])
    return evidence


@njit(cache=True, error_model="numpy")
def sweep_lineups(lineups, state, person, kinds, precision, shift, pace, table):  # type: ignore[no-untyped-def]
    """One pass over all lineups, in place.

    lineups: (start, item, begin, better, worse, edge_start), state: (message, site, tau, push, rest), both of
    `lineups.LineupFit`. precision, shift: shape (n,), of the items. kinds: shape (k, 3, 6), see `ep`.
    """
    start, item, begin, better, worse, edge_start = lineups
    message, site, tau, push, rest = state
    cov, mean, along = np.empty((MOST, MOST)), np.empty(MOST), np.empty(MOST)
    m, v = np.empty(MOST), np.empty(MOST)
    for r in range(len(start) - 1):
        first, w = start[r], start[r + 1] - start[r]
        of = slice(begin[r], begin[r + 1])
        a, power, sign = 1.0, 1.0, 1.0
        if len(kinds) > 0:
            kind = kinds[person[r]]
            looks = 0 if kind[0, 0] >= kind[2, 0] else 2
            sign = 1.0 if looks == 0 else -1.0
            power, a = kind[looks, 0], max(sign * kind[looks, 1], DULLEST)
        noise = 0.5 / (a * a)
        cov[:] = 0.0
        for x in range(w):
            i = item[first + x]
            v[x] = 1.0 / (precision[i] - message[first + x, 0])
            m[x] = (shift[i] - message[first + x, 1]) * v[x]
            rest[first + x, 0], rest[first + x, 1] = m[x], v[x]
            cov[x, x], mean[x] = v[x] + noise, m[x]
        new = site[of].copy()
        for c in range(len(new)):
            x, y = better[begin[r] + c], worse[begin[r] + c]
            _update(cov, mean, w, x, y, new[c, 0], new[c, 1], along)
        _answer(cov, mean, w, better[of], worse[of], sign, new, along, table)
        # The performances out: what is left is a normal on the strengths, a Laplacian with a push.
        cov[:] = 0.0
        for x in range(w):
            cov[x, x], mean[x] = noise, 0.0
        for c in range(begin[r], begin[r + 1]):
            site[c, 0] += pace * (new[c - begin[r], 0] - site[c, 0])
            site[c, 1] += pace * (new[c - begin[r], 1] - site[c, 1])
            _update(cov, mean, w, better[c], worse[c], site[c, 0], site[c, 1], along)
        edge = edge_start[r]
        for x in range(w):
            push[first + x] = power * mean[x] / noise
            for y in range(x + 1, w):
                tau[edge] = power * max(cov[x, y], 0.0) / (noise * noise)
                edge += 1
        # And what it tells each item, given the others.
        cov[:] = 0.0
        for x in range(w):
            cov[x, x], mean[x] = v[x], 0.0
        edge = edge_start[r]
        for x in range(w):
            for y in range(x + 1, w):
                _update(cov, mean, w, x, y, tau[edge], 0.0, along)
                edge += 1
        for x in range(w):
            i, middle = item[first + x], 0.0
            for y in range(w):
                middle += cov[x, y] * (m[y] / v[y] + push[first + y])
            told, pulled = 1.0 / cov[x, x] - 1.0 / v[x], middle / cov[x, x] - m[x] / v[x]
            precision[i] += told - message[first + x, 0]
            shift[i] += pulled - message[first + x, 1]
            message[first + x, 0], message[first + x, 1] = told, pulled


@njit(cache=True, error_model="numpy")
def judge_lineups(lineups, rest, guessed, person, kinds, thorough, said, table):  # type: ignore[no-untyped-def]
    """Add up in `said`, shape (k, 3, 4), what each person's lineups say of them, for each kind of person.

    rest: shape (w, 2), of each member mean and variance without the lineup. guessed: the log of the
    probability of each answer by somebody who clicks. See `LineupFit.say_of_people`. The slope by
    sharpness is exact where EP is at rest; the curvature is the sum of squared slopes.
    """
    start, begin, better, worse = lineups
    cov, mean, along = np.empty((MOST, MOST)), np.empty(MOST), np.empty(MOST)
    for k in range(len(said)):
        for c in range(0, 3, 2):
            said[k, c, 3] = kinds[k, c, 1]
    for r in range(len(start) - 1):
        first, w, k = start[r], start[r + 1] - start[r], person[r]
        of = slice(begin[r], begin[r + 1])
        said[k, 1, 0] += guessed[r]
        for c in range(0, 3, 2):
            if not thorough and kinds[k, c, 0] < HOPELESS:
                continue
            sign = 1.0 - c
            a = max(sign * kinds[k, c, 1], DULLEST)
            noise = 0.5 / (a * a)
            cov[:] = 0.0
            for x in range(w):
                cov[x, x], mean[x] = rest[first + x, 1] + noise, rest[first + x, 0]
            sites = np.zeros((begin[r + 1] - begin[r], 2))
            value = _answer(cov, mean, w, better[of], worse[of], sign, sites, along, table)
            slope = 0.0
            for x in range(w):
                variance, off = rest[first + x, 1] + noise, mean[x] - rest[first + x, 0]
                slope += 0.5 * (off * off - variance + cov[x, x]) / (variance * variance)
            # All sites once more, in turn, for the log of their joint integral.
            cov[:] = 0.0
            for x in range(w):
                cov[x, x], mean[x] = rest[first + x, 1] + noise, rest[first + x, 0]
            for j in range(len(sites)):
                x, y = better[begin[r] + j], worse[begin[r] + j]
                value += _update(cov, mean, w, x, y, sites[j, 0], sites[j, 1], along)
            slope *= -sign / (a * a * a)
            said[k, c, 0] += value
            said[k, c, 1] += slope
            said[k, c, 2] += slope * slope
