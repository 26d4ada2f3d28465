"""Bradley–Terry against a published fit, a general optimiser and its own claims."""

import numpy as np
import pytest
from scipy.optimize import minimize

from rating.algorithms import bradley_terry as module
from rating.algorithms.bradley_terry import bradley_terry
from rating.algorithms.results import LOGITS, NotConverged
from tests.algorithms_cases import same_bits, simulate, strengths

# Wins of the row over the column, American League East 1987: Agresti 2002, "Categorical data analysis",
# table 10.10. Milwaukee, Detroit, Toronto, New York, Boston, Cleveland, Baltimore.
BASEBALL = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
)


def test_baseball_is_the_published_fit() -> None:
    """Agresti 2002, section 10.6: 1.58, 1.44, 1.29, 1.25, 1.11, 0.68 above Baltimore."""
    winner, loser = (np.repeat(at, BASEBALL.ravel()) for at in np.indices((7, 7)).reshape(2, -1))
    rated = bradley_terry(7, winner, loser, np.ones(len(winner), np.int64), prior_variance=1e6)
    mean = strengths(rated)[0] * LOGITS
    assert mean - mean[6] == pytest.approx([1.581, 1.436, 1.294, 1.248, 1.108, 0.684, 0], abs=2e-3)


def test_the_mode_is_that_of_a_general_optimiser() -> None:
    case = simulate(25, 300, margin=0.4)
    wins = (case.label + 1) / 2
    prior = 1 / (2.0 * LOGITS**2)

    def loss(s: np.ndarray) -> float:
        d = s[case.first] - s[case.second]
        return np.sum(np.logaddexp(0, d) - wins * d) + prior / 2 * np.sum(s**2)

    best = minimize(loss, np.zeros(25), method="BFGS", options={"gtol": 1e-7}).x
    mean, sd = strengths(bradley_terry(*case.rows))
    assert mean * LOGITS == pytest.approx(best, abs=1e-4)
    d = best[case.first] - best[case.second]
    curvature = np.eye(25) * prior
    for a, b, h in zip(case.first, case.second, 1 / (2 + np.exp(d) + np.exp(-d)), strict=True):
        curvature[[a, b, a, b], [a, b, b, a]] += np.array([h, h, -h, -h])
    exact = np.sqrt(np.diag(np.linalg.inv(curvature)))
    assert sd * LOGITS == pytest.approx(exact, rel=0.03)


def test_order_and_sides_change_not_one_bit() -> None:
    case = simulate(40, 500, margin=0.3)
    order = np.random.default_rng(4).permutation(500)
    other = bradley_terry(40, case.second[order], case.first[order], -case.label[order])
    assert same_bits(bradley_terry(*case.rows), other)


def test_no_steps_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", 1)
    with pytest.raises(NotConverged, match="after 1 steps"):
        bradley_terry(*simulate(30, 300).rows)


def test_a_senseless_prior_is_refused() -> None:
    with pytest.raises(ValueError, match="prior_variance"):
        bradley_terry(*simulate(3, 3).rows, prior_variance=0.0)
