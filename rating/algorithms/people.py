"""What a person's comparisons say of the person, given what is known of the items.

A person is of one of three kinds: seeing (sharpness a ~ N(1, spread²)), clicking without looking (a = 0) or
answering in reverse (a ~ N(−1, spread²)), each with a pull b to the first side. For each kind the two
numbers are found by Newton's method, the doubt about the items integrated out, and how well the kind
explains the comparisons by Laplace's approximation.

Source: the slope and bias of METHODS.md; mixtures of kinds of workers after Raykar and Yu 2012,
"Eliminating spammers and ranking annotators"; Laplace's evidence after MacKay 1992.
"""

import math

import numpy as np
from numba import njit

from rating.algorithms.normal import END, LOG_ROOT, log_tie, log_win, tie_terms, v_ratio

NEWTON_STEPS = 6
HALVINGS = 6
ENOUGH = 2e-4  # nats that another Newton step could gain: 0.02 standard deviations
HOPELESS = 1e-9  # a kind less likely than this is looked at now and then only
TOGETHER = 8  # factors φ/Φ, of which none is below 1e-22 where x is below END
CLICKS = 1  # the kind between those who see (0) and those who answer in reverse (2)


@njit(cache=True, error_model="numpy")
def _log_posterior(rows, said, a, b, t, prior, table):  # type: ignore[no-untyped-def]
    """(value, gradient by a, by b, curvature aa, ab, bb) of the log posterior at (a, b).

    rows: shape (r, 5), of each site outcome, count, side, and mean and variance of its cavity. said: shape
    (4,), what lineups add: value, slope and curvature by a, and where that is so.
    prior: (centre of a, precision of a, precision of b). Curvature after Gauss and Newton, never negative.
    """
    centre, pa, pb = prior
    value = -0.5 * (pa * (a - centre) ** 2 + pb * b * b)
    da, db = -pa * (a - centre), -pb * b
    aa, ab, bb = pa, 0.0, pb
    off = a - said[3]
    value += said[0] + said[1] * off - 0.5 * said[2] * off * off
    da += said[1] - said[2] * off
    aa += said[2]
    product, factors = 1.0, 0
    for s in range(len(rows)):
        o, c, left, m, v = rows[s, 0], rows[s, 1], rows[s, 2], rows[s, 3], rows[s, 4]
        q = 1.0 / math.sqrt(1.0 + a * a * v)
        z = (a * m + left * b) * q
        shrink = a * v * q * q
        za, zb = m * q - z * shrink, left * q
        if o == 0.0:
            value += c * log_tie(z, t * q, table)
            g, h, by_t = tie_terms(z, t * q, table)
            da += c * (g * za - by_t * t * q * shrink)
        else:
            x = o * z - t * q
            ratio = v_ratio(x, table)
            if c == 1.0 and x < END:
                # log Φ(x) = log φ(x) − log v(x), one logarithm for several factors v.
                value -= 0.5 * x * x + LOG_ROOT
                product *= ratio
                factors += 1
                if factors == TOGETHER:
                    value -= math.log(product)
                    product, factors = 1.0, 0
            else:
                value += c * log_win(x, ratio)
            g, h = o * ratio, ratio * (ratio + x)
            da += c * (g * za + ratio * t * q * shrink)
        db += c * g * zb
        aa += c * h * za * za
        ab += c * h * za * zb
        bb += c * h * zb * zb
    return value - math.log(product), da, db, aa, ab, bb


@njit(cache=True, error_model="numpy")
def _climb(rows, said, a, b, t, prior, free, table):  # type: ignore[no-untyped-def]
    """The mode from (a, b) by Newton steps that never go down; a moves only where it is free."""
    now = _log_posterior(rows, said, a, b, t, prior, table)
    for _ in range(NEWTON_STEPS):
        value, da, db, aa, ab, bb = now
        if free:
            det = aa * bb - ab * ab
            step_a, step_b = (bb * da - ab * db) / det, (aa * db - ab * da) / det
        else:
            step_a, step_b = 0.0, db / bb
        if step_a * da + step_b * db < ENOUGH:
            break
        trial = now
        for _ in range(HALVINGS):
            trial = _log_posterior(rows, said, a + step_a, b + step_b, t, prior, table)
            if trial[0] >= value:
                break
            step_a *= 0.4
            step_b *= 0.4
        if trial[0] < value:
            break
        a, b, now = a + step_a, b + step_b, trial
    return a, b, now


@njit(cache=True, error_model="numpy")
def _sum_up(rows, cells):  # type: ignore[no-untyped-def]
    """Sum rows into cells, the six outcomes and sides: who does not look answers by these alone."""
    cells[:] = 0.0
    cells[:, 0] = 1.0  # an empty cell counts nothing, as long as it is not a tie without a margin
    for r in range(len(rows)):
        cell = (int(rows[r, 0]) + 1) * 2 + (1 if rows[r, 2] > 0.0 else 0)
        cells[cell, 0], cells[cell, 2] = rows[r, 0], rows[r, 2]
        cells[cell, 1] += rows[r, 1]


@njit(cache=True, error_model="numpy")
def judge_people(  # type: ignore[no-untyped-def]
    start, order, rows, cavity, said, t, shares, spread, kinds, evidence, thorough, table
):
    """Update kinds, shape (k, 3, 6), and evidence, shape (k, 3), in place, from the cavities of the sites.

    start, order: the sites of person k are order[start[k]:start[k + 1]]; rows, shape (q, 5), is in that
    order, so that the passes over a person find them side by side; their cavities are filled in here.
    said: shape (k, 3, 4), what lineups say, see `LineupFit.say_of_people`.
    shares: shape (3,), how frequent each kind is. spread: (of a, of b, of a clicker's b), standard
    deviations. thorough: whether kinds that are out of the question are looked at, too.
    Cost: about 0.05 µs a comparison, kind and Newton step.
    """
    cells = np.empty((6, 5))
    for r in range(len(order)):
        rows[r, 3], rows[r, 4] = cavity[order[r], 0], cavity[order[r], 1]
    for k in range(len(kinds)):
        own = rows[start[k] : start[k + 1]]
        _sum_up(own, cells)
        for c in range(3):
            if not thorough and kinds[k, c, 0] < HOPELESS:
                continue
            free = c != CLICKS
            sb = spread[1] if free else spread[2]
            prior = (1.0 - c, 1.0 / spread[0] ** 2, 1.0 / sb**2)
            a, b = kinds[k, c, 1], kinds[k, c, 2]
            a, b, now = _climb(own if free else cells, said[k, c], a, b, t, prior, free, table)
            value, _, _, aa, ab, bb = now
            kinds[k, c, 1], kinds[k, c, 2] = a, b
            det = aa * bb - ab * ab
            if free:
                kinds[k, c, 3], kinds[k, c, 4], kinds[k, c, 5] = bb / det, -ab / det, aa / det
                evidence[k, c] = value - 0.5 * math.log(det) - math.log(spread[0] * sb)
            else:
                kinds[k, c, 3], kinds[k, c, 4], kinds[k, c, 5] = 0.0, 0.0, 1.0 / bb
                evidence[k, c] = value - 0.5 * math.log(bb) - math.log(sb)
        best = -1e300
        for c in range(3):
            best = max(best, evidence[k, c] + math.log(shares[c]))
        total = 0.0
        for c in range(3):
            kinds[k, c, 0] = math.exp(evidence[k, c] + math.log(shares[c]) - best)
            total += kinds[k, c, 0]
        for c in range(3):
            kinds[k, c, 0] /= total
