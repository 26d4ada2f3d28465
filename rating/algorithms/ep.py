"""Expectation propagation on the graph of comparisons: the kernels that the TrueSkill methods share.

Item i has the belief N(shift/precision, 1/precision). Edge (i, j) with the difference d = s_i − s_j
keeps a normal approximation of what its sites say of d (precision and shift), and what it tells each of
its items. A sweep visits the edges in order: take the edge's word out of both items, update its sites
against the rest, put the new word in.

A site is `count` identical comparisons by one person. A person is up to three kinds at once, each with a
weight, a sharpness a and a pull b to the first side: P(first preferred) = Φ((a d + b − t)/√(1 + a² Var d)).
Without annotators a = 1, b = 0. The doubt about a and b stays out of here: mixing over it flattens the
likelihood far out, each flattening stretches the strengths, and the two run away together (seen).

Source: Minka 2001, "A family of algorithms for approximate Bayesian inference", chapter 3; Herbrich, Minka
and Graepel 2006 (the schedule of messages there is a chain of players; here it is the whole graph).
"""

import math

import numpy as np
from numba import njit

from rating.algorithms.gaussian import solve
from rating.algorithms.normal import tie_terms, v_ratio

INNER = 10  # passes over the sites of one edge while they still move
STILL = 1e-4
COUNTED = 0.6
NEVER = 1e-4  # a kind less likely than this is left out


@njit(cache=True, error_model="numpy", inline="always")
def plain_terms(outcome, m, v, t, table):  # type: ignore[no-untyped-def]
    """(g, h, (log Z)' by t) at d ~ N(m, v) for one comparison, a = 1, b = 0."""
    q = 1.0 / math.sqrt(1.0 + v)
    if outcome == 0:
        g, h, by_t = tie_terms(m * q, t * q, table)
        return g * q, h * q * q, by_t * q
    x = (outcome * m - t) * q
    ratio = v_ratio(x, table)
    return outcome * ratio * q, ratio * (ratio + x) * q * q, -ratio * q


@njit(cache=True, error_model="numpy")
def person_terms(outcome, side, m, v, t, kinds, table):  # type: ignore[no-untyped-def]
    """The same for a person of several kinds; kinds: shape (3, 6), weight, a, b and what is not used here.

    The weights are those after all of the person's comparisons, this one among them. What it said of the
    person must not be said twice, so they are not multiplied by its likelihood again.
    """
    g, h, by_t, squares = 0.0, 0.0, 0.0, 0.0
    for k in range(3):
        weight = kinds[k, 0]
        if weight < NEVER:
            continue
        a, b = kinds[k, 1], side * kinds[k, 2]
        q = 1.0 / math.sqrt(1.0 + a * a * v)
        z = (a * m + b) * q
        if outcome == 0:
            gk, hk, tk = tie_terms(z, t * q, table)
        else:
            x = outcome * z - t * q
            ratio = v_ratio(x, table)
            gk, hk, tk = outcome * ratio, ratio * (ratio + x), -ratio
        gk *= a * q
        g += weight * gk
        squares += weight * gk * gk
        h += weight * hk * a * a * q * q
        by_t += weight * tk * q
    return g, h - (squares - g * g), by_t


@njit(cache=True, error_model="numpy", inline="always")
def seeing_terms(outcome, side, m, v, t, a, b, table):  # type: ignore[no-untyped-def]
    """The same for somebody who is of one kind for sure."""
    q = 1.0 / math.sqrt(1.0 + a * a * v)
    z = (a * m + side * b) * q
    if outcome == 0:
        g, h, by_t = tie_terms(z, t * q, table)
    else:
        x = outcome * z - t * q
        ratio = v_ratio(x, table)
        g, h, by_t = outcome * ratio, ratio * (ratio + x), -ratio
    return g * a * q, h * a * a * q * q, by_t * q


@njit(cache=True, error_model="numpy")
def _sure(kinds):  # type: ignore[no-untyped-def]
    """Shape (k, 3): 1, a and b of those who surely see, else 0; few bytes a person, to stay in the cache."""
    sure = np.zeros((len(kinds), 3))
    for k in range(len(kinds)):
        if kinds[k, 1, 0] < NEVER and kinds[k, 2, 0] < NEVER:
            sure[k, 0], sure[k, 1], sure[k, 2] = 1.0, kinds[k, 0, 1], kinds[k, 0, 2]
    return sure


@njit(cache=True, error_model="numpy")
def sweep(low, high, start, outcome, count, side, person, kinds, t, state, forward, pace, table):  # type: ignore[no-untyped-def]
    """One pass over all edges, in place, in their order or backward.

    Returns (Σ by_t, Σ by_t²) over the comparisons.

    state: (precision (n,), shift (n,), to_low (e, 2), to_high (e, 2), site (q, 2), cavity (q, 2) or
    (0, 2)). kinds: shape (k, 3, 6); k = 0 without annotators. pace: the share of
    the way that sites go, 1 or less.
    """
    precision, shift, to_low, to_high, site, cavity = state
    by_person = len(kinds) > 0
    sure = _sure(kinds)
    slope, square = 0.0, 0.0
    for turn in range(len(low)):
        e = turn if forward else len(low) - 1 - turn
        i, j = low[e], high[e]
        rest_i, rest_j = precision[i] - to_low[e, 0], precision[j] - to_high[e, 0]
        # Divisions are what a sweep waits for: two that do not depend on one another become one.
        inverse = 1.0 / (rest_i * rest_j)
        vi, vj = rest_j * inverse, rest_i * inverse
        mi, mj = (shift[i] - to_low[e, 1]) * vi, (shift[j] - to_high[e, 1]) * vj
        m0, v0 = mi - mj, vi + vj
        first, end = start[e], start[e + 1]
        if end - first == 1 and count[first] == 1.0:
            m, v = m0, v0
            if by_person:
                p = person[first]
                if sure[p, 0] > 0.0:
                    g, h, by_t = seeing_terms(
                        outcome[first], side[first], m, v, t, sure[p, 1], sure[p, 2], table
                    )
                else:
                    g, h, by_t = person_terms(outcome[first], side[first], m, v, t, kinds[p], table)
                cavity[first, 0], cavity[first, 1] = m, v
                h = max(h, 0.0)
            else:
                g, h, by_t = plain_terms(outcome[first], m, v, t, table)
            slope += by_t
            square += by_t * by_t
            scale = 1.0 / (1.0 - h * v)
            site[first, 0] += pace * (h * scale - site[first, 0])
            site[first, 1] += pace * ((g + h * m) * scale - site[first, 1])
            total, moment = site[first, 0], site[first, 1]
        else:
            p0 = 1.0 / v0
            h0 = m0 * p0
            total, moment = 0.0, 0.0
            for s in range(first, end):
                total += site[s, 0]
                moment += site[s, 1]
            for _ in range(INNER):
                moved = 0.0
                edge_slope, edge_square = 0.0, 0.0
                for s in range(first, end):
                    c = count[s]
                    v = 1.0 / (p0 + total - site[s, 0] / c)
                    m = (h0 + moment - site[s, 1] / c) * v
                    if by_person:
                        g, h, by_t = person_terms(
                            outcome[s], side[s], m, v, t, kinds[person[s]], table
                        )
                        cavity[s, 0], cavity[s, 1] = m, v
                        h = max(h, 0.0)
                    else:
                        g, h, by_t = plain_terms(outcome[s], m, v, t, table)
                    edge_slope += c * by_t
                    edge_square += c * by_t * by_t
                    scale = c / (1.0 - h * v)
                    new_p, new_m = h * scale, (g + h * m) * scale
                    # Identical comparisons move together: each alone would go too far.
                    stride = pace if c == 1.0 else pace * COUNTED
                    step_p, step_m = stride * (new_p - site[s, 0]), stride * (new_m - site[s, 1])
                    moved += abs(step_p) + abs(step_m)
                    site[s, 0] += step_p
                    site[s, 1] += step_m
                    total += step_p
                    moment += step_m
                if moved < STILL * (total + p0):
                    break
            slope += edge_slope
            square += edge_square
        more_i, more_j = 1.0 + total * vi, 1.0 + total * vj
        inverse = 1.0 / (more_i * more_j)
        back_i, back_j = more_j * inverse, more_i * inverse
        to_low[e, 0], to_low[e, 1] = total * back_j, (moment + total * mj) * back_j
        to_high[e, 0], to_high[e, 1] = total * back_i, (total * mi - moment) * back_i
        precision[i], shift[i] = rest_i + to_low[e, 0], mi * rest_i + to_low[e, 1]
        precision[j], shift[j] = rest_j + to_high[e, 0], mj * rest_j + to_high[e, 1]
    return slope, square


@njit(cache=True, error_model="numpy")
def solve_means(low, high, start, prior, state, lineups, tolerance):  # type: ignore[no-untyped-def]
    """Set all means to those that the sites imply together, and the messages to what agrees with them.

    lineups: `LineupFit.joint()`. Sweeps alone bring far news one edge a pass; this brings it at
    once. Returns whether the linear system was solved.
    """
    precision, shift, to_low, to_high, site, _ = state
    begin, item, edge_start, lineup_low, lineup_high, message, lineup_tau, push = lineups
    n = len(precision)
    tau, moment = np.zeros(len(low)), np.zeros(len(low))
    right, mean = np.zeros((n, 1)), np.empty((n, 1))
    for e in range(len(low)):
        for s in range(start[e], start[e + 1]):
            tau[e] += site[s, 0]
            moment[e] += site[s, 1]
        right[low[e], 0] += moment[e]
        right[high[e], 0] -= moment[e]
    for x in range(len(item)):
        right[item[x], 0] += push[x]
    for i in range(n):
        mean[i, 0] = shift[i] / precision[i]
    if len(item) > 0:
        lows, highs = np.concatenate((low, lineup_low)), np.concatenate((high, lineup_high))
        taus = np.concatenate((tau, lineup_tau))
    else:
        lows, highs, taus = low, high, tau
    if solve(lows, highs, taus, prior, right, mean, precision, tolerance) < 0:
        return False
    total = precision.copy()
    precision[:], shift[:] = prior, 0.0
    for e in range(len(low)):
        i, j, t = low[e], high[e], tau[e]
        rest_i, rest_j = total[i] - to_low[e, 0], total[j] - to_high[e, 0]
        share_i, share_j = t / (t + rest_i), t / (t + rest_j)
        # to_low = share_j (P_j mean_j − to_high) + own_j and its mirror image: two equations, two unknowns.
        known_low = share_j * total[j] * mean[j, 0] + moment[e] * rest_j / (t + rest_j)
        known_high = share_i * total[i] * mean[i, 0] - moment[e] * rest_i / (t + rest_i)
        inverse = 1.0 / (1.0 - share_i * share_j)
        to_low[e, 1] = (known_low - share_j * known_high) * inverse
        to_high[e, 1] = (known_high - share_i * known_low) * inverse
        precision[i] += to_low[e, 0]
        precision[j] += to_high[e, 0]
        shift[i] += to_low[e, 1]
        shift[j] += to_high[e, 1]
    # With the rest of each item known, a lineup's own equations have each message at once.
    for r in range(len(begin) - 1):
        edge = edge_start[r]
        for x in range(begin[r], begin[r + 1]):
            message[x, 1] = message[x, 0] * mean[item[x], 0] + push[x]
        for x in range(begin[r], begin[r + 1]):
            for y in range(x + 1, begin[r + 1]):
                flow = lineup_tau[edge] * (mean[item[x], 0] - mean[item[y], 0])
                message[x, 1] -= flow
                message[y, 1] += flow
                edge += 1
        for x in range(begin[r], begin[r + 1]):
            precision[item[x]] += message[x, 0]
            shift[item[x]] += message[x, 1]
    return True
