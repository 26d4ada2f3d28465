"""The doubt about many differences agrees with solving each on its own."""

import numpy as np
import pytest

from rating.algorithms import differences
from rating.algorithms.differences import difference_variances
from rating.algorithms.posterior import order_probability
from rating.algorithms.results import Ratings
from rating.algorithms.trueskill import trueskill


def rated(n: int, m: int, seed: int = 0) -> Ratings:
    chance = np.random.default_rng(seed)
    first = chance.integers(0, n, m)
    second = (first + chance.integers(1, n, m)) % n
    label = np.where(chance.random(m) < 0.5, 1, -1)
    return trueskill(n, first, second, label)


def probabilities(ratings: Ratings) -> np.ndarray:
    from scipy.special import ndtr

    posterior = ratings.posterior
    assert posterior is not None
    off = posterior.mean[posterior.low] - posterior.mean[posterior.high]
    return ndtr(off / np.sqrt(difference_variances(posterior)))


@pytest.mark.parametrize(("n", "m"), [(2, 1), (10, 30), (60, 40), (200, 1000)])
def test_in_small_groups_they_are_exact(n: int, m: int) -> None:
    ratings = rated(n, m)
    assert ratings.posterior
    edges = zip(ratings.posterior.low.tolist(), ratings.posterior.high.tolist(), strict=True)
    exact = [order_probability(ratings, low, high) for low, high in edges]
    assert probabilities(ratings) == pytest.approx(exact, abs=1e-4)


def test_in_large_groups_they_are_drawn_and_near(monkeypatch: pytest.MonkeyPatch) -> None:
    ratings = rated(200, 1000)
    exact = probabilities(ratings)
    monkeypatch.setattr(differences, "DENSE", 10)
    drawn = probabilities(ratings)
    assert np.abs(drawn - exact).max() < 0.03
    assert np.abs(drawn - exact).mean() < 0.006
    assert (drawn == probabilities(ratings)).all(), "the same seed, the same bits"


def test_without_comparisons_there_is_nothing_to_doubt() -> None:
    ratings = rated(5, 0)
    assert ratings.posterior
    assert len(difference_variances(ratings.posterior)) == 0
