"""What a person's comparisons say of the person, given what is known of the items.

A person is of one of three kinds: seeing (sharpness a ~ N(1, spread²)), clicking without looking (a = 0) or
answering in reverse (a ~ N(−1, spread²)), each with a pull b to the first side. For each kind the two
numbers are found by Newton's method, the doubt about the items integrated out, and how well the kind
explains the comparisons by Laplace's approximation.

Source: the slope and bias of METHODS.md; mixtures of kinds of workers after Raykar and Yu 2012,
"Eliminating spammers and ranking annotators"; Laplace's evidence after MacKay 1992.
"""

import math

from numba import njit

from rating.algorithms.normal import log_tie, log_win, tie_terms, v_ratio

NEWTON_STEPS = 6
HALVINGS = 6
ENOUGH = 1e-5  # nats that another Newton step could gain


@njit(cache=True, error_model="numpy")
def _log_posterior(sites, a, b, t, prior, outcome, count, side, cavity, table):  # type: ignore[no-untyped-def]
    """(value, gradient by a, by b, curvature aa, ab, bb) of the log posterior at (a, b).

    prior: (centre of a, precision of a, precision of b). Curvature after Gauss and Newton, never negative.
    """
    centre, pa, pb = prior
    value = -0.5 * (pa * (a - centre) ** 2 + pb * b * b)
    da, db = -pa * (a - centre), -pb * b
    aa, ab, bb = pa, 0.0, pb
    for s in sites:
        m, v = cavity[s, 0], cavity[s, 1]
        o, c, left = outcome[s], count[s], side[s]
        q = 1.0 / math.sqrt(1.0 + a * a * v)
        z = (a * m + left * b) * q
        shrink = a * v * q * q
        za, zb = m * q - z * shrink, left * q
        if o == 0:
            value += c * log_tie(z, t * q, table)
            g, h, by_t = tie_terms(z, t * q, table)
            da += c * (g * za - by_t * t * q * shrink)
        else:
            x = o * z - t * q
            ratio = v_ratio(x, table)
            value += c * log_win(x, ratio)
            g, h = o * ratio, ratio * (ratio + x)
            da += c * (g * za + ratio * t * q * shrink)
        db += c * g * zb
        aa += c * h * za * za
        ab += c * h * za * zb
        bb += c * h * zb * zb
    return value, da, db, aa, ab, bb


@njit(cache=True, error_model="numpy")
def _climb(sites, a, b, t, prior, free, outcome, count, side, cavity, table):  # type: ignore[no-untyped-def]
    """The mode from (a, b) by Newton steps that never go down; a moves only where it is free."""
    now = _log_posterior(sites, a, b, t, prior, outcome, count, side, cavity, table)
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
            trial = _log_posterior(
                sites, a + step_a, b + step_b, t, prior, outcome, count, side, cavity, table
            )
            if trial[0] >= value:
                break
            step_a *= 0.4
            step_b *= 0.4
        if trial[0] < value:
            break
        a, b, now = a + step_a, b + step_b, trial
    return a, b, now


@njit(cache=True, error_model="numpy")
def judge_people(  # type: ignore[no-untyped-def]
    start, order, outcome, count, side, cavity, t, shares, spread, kinds, evidence, table
):
    """Update kinds, shape (k, 3, 6), and evidence, shape (k, 3), in place, from the cavities of the sites.

    start, order: the sites of person k are order[start[k]:start[k + 1]]. shares: shape (3,), how frequent
    each kind is. spread: (of a, of b, of a clicker's b), standard deviations.
    Cost: about 0.1 µs a comparison, kind and Newton step.
    """
    for k in range(len(kinds)):
        sites = order[start[k] : start[k + 1]]
        for c in range(3):
            free = c != 1
            sb = spread[1] if free else spread[2]
            prior = (1.0 - c, 1.0 / spread[0] ** 2, 1.0 / sb**2)
            a, b, now = _climb(
                sites,
                kinds[k, c, 1],
                kinds[k, c, 2],
                t,
                prior,
                free,
                outcome,
                count,
                side,
                cavity,
                table,
            )
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
