"""What every rating method takes and returns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Ratings:
    """Posterior means and standard deviations, on TrueSkill's scale (25 ± 25/3 without comparisons).

    mu, sigma: shape (n,), float64. method and settings say how they were made.
    """

    mu: Floats
    sigma: Floats
    method: str
    settings: dict[str, Any]


def check_comparisons(n: int, first: Integers, second: Integers, label: Integers) -> None:
    """Raise ValueError, naming the first bad row, unless the arrays follow the data convention."""
    if not (first.ndim == second.ndim == label.ndim == 1):
        raise ValueError("first, second and label must be one-dimensional arrays")
    if not (len(first) == len(second) == len(label)):
        raise ValueError(
            f"first, second and label must be of one length, not {len(first)}, {len(second)}, {len(label)}"
        )
    bad = (first < 0) | (first >= n) | (second < 0) | (second >= n)
    _refuse(bad, f"an item that is not among 0 … {n - 1}")
    _refuse(first == second, "an item compared with itself")
    _refuse(~np.isin(label, (-1, 0, 1)), "a label that is none of 1, -1 and 0")


def _refuse(bad: NDArray[np.bool_], what: str) -> None:
    if bad.any():
        raise ValueError(f"row {int(np.flatnonzero(bad)[0])} has {what}")
