"""The truncated normal: what one comparison says of a difference that is known as a normal.

For an outcome with probability Z(d) and a normal d, the update needs g = (log Z)' and h = −(log Z)″.
With φ and Φ the density and the distribution of the standard normal, v(x) = φ(x)/Φ(x) gives all of it:
a win at x = d − t has g = v, h = v (v + x). v is read from a table of Taylor polynomials: six times as
fast as by erfc, no libm, so the same bits on every machine.

Source: Herbrich, Minka and Graepel 2006, "TrueSkill", section 3 (v and w); the Taylor coefficients follow
from v' = −v (v + x); below the table Laplace's continued fraction (Abramowitz and Stegun 26.2.14).
"""

import math

import numpy as np
from numba import njit

from rating.algorithms.results import Floats

END = 10.0  # the table covers −END … END
PER_UNIT = 16.0
DEGREE = 6
LOG_ROOT = 0.9189385332046727  # log √(2π)


def _taylor_table() -> Floats:
    """Shape (321, 7): the Taylor coefficients of v at −10, −10 + 1/16, …, 10; error below 1e-13."""
    centres = np.arange(-END * PER_UNIT, END * PER_UNIT + 1) / PER_UNIT
    table = np.zeros((len(centres), DEGREE + 1))
    for row, x in zip(table, centres.tolist(), strict=True):
        row[0] = math.sqrt(2 / math.pi) * math.exp(-x * x / 2) / math.erfc(-x / math.sqrt(2))
        for k in range(DEGREE):
            square = float(row[: k + 1] @ row[k::-1])
            row[k + 1] = -(square + x * row[k] + (row[k - 1] if k else 0.0)) / (k + 1)
    return table


TABLE = _taylor_table()


@njit(cache=True, error_model="numpy", inline="always")
def v_ratio(x, table):  # type: ignore[no-untyped-def]
    """φ(x)/Φ(x), to 1e-13. table: `TABLE`, handed through so that it is not compiled in."""
    if x >= END:
        return 0.0
    if x <= -END:
        y = -x
        tail = y
        for k in range(16, 0, -1):
            tail = y + k / tail
        return tail
    at = int((x + END) * PER_UNIT + 0.5)
    z = x - (at / PER_UNIT - END)
    # Estrin's order: the processor works on its three parts at the same time.
    z2 = z * z
    start = table[at, 0] + table[at, 1] * z + (table[at, 2] + table[at, 3] * z) * z2
    return start + (table[at, 4] + table[at, 5] * z + table[at, 6] * z2) * (z2 * z2)


@njit(cache=True, error_model="numpy")
def tie_terms(d, t, table):  # type: ignore[no-untyped-def]
    """(g, h, (log Z)' by t) of a tie at difference d with draw margin t > 0, Z = Φ(t−d) − Φ(−t−d)."""
    sign = 1.0 if d >= 0 else -1.0
    d = d * sign
    a, b = t - d, -t - d
    ratio = math.exp(-2 * t * d)  # φ(b)/φ(a)
    weight = 1 / v_ratio(a, table) if a < END else math.sqrt(2 * math.pi) * math.exp(a * a / 2)
    mass = weight - ratio / v_ratio(b, table)  # Z/φ(a)
    g = (ratio - 1) / mass
    h = (a - b * ratio) / mass + g * g
    return sign * g, h, (1 + ratio) / mass


@njit(cache=True, error_model="numpy")
def log_win(x, v):  # type: ignore[no-untyped-def]
    """log Φ(x), given v = φ(x)/Φ(x)."""
    if x >= END:
        return 0.0
    return -0.5 * x * x - LOG_ROOT - math.log(v)


@njit(cache=True, error_model="numpy")
def log_tie(d, t, table):  # type: ignore[no-untyped-def]
    """log(Φ(t−d) − Φ(−t−d)) for t > 0."""
    d = abs(d)
    a, b = t - d, -t - d
    weight = 1 / v_ratio(a, table) if a < END else math.sqrt(2 * math.pi) * math.exp(a * a / 2)
    mass = weight - math.exp(-2 * t * d) / v_ratio(b, table)
    return math.log(mass) - 0.5 * a * a - LOG_ROOT
