"""What ratings say of comparisons that were not made."""

import dataclasses

import numpy as np
import pytest
from scipy.special import expit, ndtr

from rating.algorithms.annotators import trueskill_annotators
from rating.algorithms.bradley_terry import bradley_terry
from rating.algorithms.predict import predict
from rating.algorithms.results import CENTRE, LOGITS, UNIT, Ratings
from rating.algorithms.trueskill import trueskill


def ids(*numbers):
    return np.array(numbers, dtype=np.int64)


def test_a_known_difference_gives_the_normal_curve_and_doubt_flattens_it() -> None:
    mu = CENTRE + UNIT * np.array([1.0, 0.0])
    sure = Ratings(mu, np.array([1e-9, 1e-9]), "", {})
    doubtful = Ratings(mu, UNIT * np.array([1.0, 2.0]), "", {})
    assert predict(sure, ids(0), ids(1)) == pytest.approx(ndtr(1.0))
    assert predict(doubtful, ids(0), ids(1)) == pytest.approx(ndtr(1 / np.sqrt(1 + 1 + 4)))


def test_a_logistic_method_predicts_by_the_logistic_curve() -> None:
    mu = CENTRE + UNIT * np.array([2.0, 0.0])
    ratings = Ratings(mu, np.array([1e-9, 1e-9]), "", {}, link="logistic")
    assert predict(ratings, ids(0), ids(1)) == pytest.approx(expit(2 * LOGITS))
    doubt = dataclasses.replace(ratings, sigma=UNIT * np.array([0.6, 0.8]))
    draws = np.random.default_rng(1).normal(2.0, 1.0, 200_000)
    assert predict(doubt, ids(0), ids(1)) == pytest.approx(expit(LOGITS * draws).mean(), abs=0.01)


@pytest.mark.parametrize("rate", [trueskill, bradley_terry])
def test_either_order_of_two_items_adds_up_to_one(rate) -> None:
    chance = np.random.default_rng(5)
    first = chance.integers(0, 12, 200)
    second = (first + chance.integers(1, 12, 200)) % 12
    ratings = rate(12, first, second, np.where(first < second, 1, -1))
    a, b = ids(0, 3, 7), ids(5, 2, 11)
    assert predict(ratings, a, b) + predict(ratings, b, a) == pytest.approx(1.0)
    assert predict(ratings, ids(0), ids(11))[0] > 0.9


def test_who_is_asked_counts_and_a_stranger_answers_like_most() -> None:
    chance = np.random.default_rng(7)
    strength = chance.normal(0, 2, 30)
    first = chance.integers(0, 30, 3000)
    second = (first + chance.integers(1, 30, 3000)) % 30
    who = chance.integers(10, 20, 3000)
    seen = np.where(strength[first] > strength[second], 1, -1)
    seen[who == 13] = chance.choice([1, -1], int((who == 13).sum()))  # does not look
    seen[who == 14] *= -1  # answers in reverse
    ratings = trueskill_annotators(30, first, second, seen, who)
    best, worst = ids(int(strength.argmax())), ids(int(strength.argmin()))
    asked = {k: predict(ratings, best, worst, ids(k))[0] for k in (10, 13, 14, 99)}
    assert asked[10] > 0.95
    assert asked[13] == pytest.approx(0.5, abs=0.15)
    assert asked[14] < 0.05
    assert 0.8 < asked[99] < asked[10]


def test_what_is_predicted_happens_that_often() -> None:
    chance = np.random.default_rng(11)
    strength = chance.normal(0, 1, 200)
    first = chance.integers(0, 200, 24_000)
    second = (first + chance.integers(1, 200, 24_000)) % 200
    won = strength[first] - strength[second] + chance.normal(size=24_000) > 0
    seen, new = slice(0, 4000), slice(4000, None)
    ratings = trueskill(200, first[seen], second[seen], np.where(won[seen], 1, -1))
    probability = predict(ratings, first[new], second[new])
    for low in (0.1, 0.3, 0.5, 0.7, 0.9):
        near = np.abs(probability - low) < 0.05
        assert won[new][near].mean() == pytest.approx(probability[near].mean(), abs=0.04)
