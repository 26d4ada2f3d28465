"""Global TrueSkill: published examples, properties, agreement with others, refusals."""

import math
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import trueskill as package
import trueskillthroughtime as ttt
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erfc, log_ndtr, ndtr
from scipy.stats import norm

from rating.algorithms import trueskill as module
from rating.algorithms.methods import METHODS
from rating.algorithms.normal import TABLE, log_tie, log_win, tie_terms, v_ratio
from rating.algorithms.results import UNIT, NotConverged
from rating.algorithms.trueskill import trueskill
from tests.algorithms_cases import integers, same_bits, simulate, strengths

TEN_PERCENT = norm.ppf(0.55)  # the draw margin of trueskill.org's examples, per unit of noise
ITS_PRIOR = ((25 / 3) ** 2 + (25 / 300) ** 2) / UNIT**2  # with its dynamics of one game

comparisons = st.integers(2, 8).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(1, n - 1), st.sampled_from([-1, 0, 1])),
            max_size=40,
        ),
    )
)


def columns(
    n: int, rows: list[tuple[int, int, int]]
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return n, table[:, 0], (table[:, 0] + table[:, 1]) % n, table[:, 2]


# --- Published examples ------------------------------------------------------------------------------


def test_one_win_is_the_published_example() -> None:
    """trueskill.org, "Rate 1:1": after a win 29.396 ± 7.171 and 20.604 ± 7.171."""
    rated = trueskill(
        2, integers(0), integers(1), integers(1), prior_variance=ITS_PRIOR, draw_margin=TEN_PERCENT
    )
    assert rated.mu == pytest.approx([29.396, 20.604], abs=5e-4)
    assert rated.sigma == pytest.approx([7.171, 7.171], abs=5e-4)


def test_one_tie_is_the_published_example() -> None:
    """trueskill.org, "Rate 1:1": a draw of equals leaves 25.000 ± 6.458 each."""
    rated = trueskill(
        2, integers(0), integers(1), integers(0), prior_variance=ITS_PRIOR, draw_margin=TEN_PERCENT
    )
    assert rated.mu == pytest.approx([25.0, 25.0])
    assert rated.sigma == pytest.approx([6.458, 6.458], abs=5e-4)


# --- The truncated normal ----------------------------------------------------------------------------


@settings(deadline=None)
@given(st.floats(-60, 12))
def test_v_is_that_of_scipy(x: float) -> None:
    exact = math.exp(-x * x / 2 - 0.9189385332046727 - log_ndtr(x))
    assert v_ratio(x, TABLE) == pytest.approx(exact, rel=1e-9, abs=1e-13)
    if x < 6:
        assert log_win(x, v_ratio(x, TABLE)) == pytest.approx(log_ndtr(x), abs=1e-8)


@settings(deadline=None)
@given(st.floats(-6, 6), st.floats(0.01, 3))
def test_a_ties_terms_are_the_derivatives_of_its_probability(d: float, t: float) -> None:
    def log_z(d: float, t: float) -> float:
        return math.log(ndtr(t - abs(d)) - ndtr(-t - abs(d)))

    e = 1e-4
    g, h, by_t = tie_terms(d, t, TABLE)
    assert log_tie(d, t, TABLE) == pytest.approx(log_z(d, t), abs=1e-8)
    assert g == pytest.approx((log_z(d + e, t) - log_z(d - e, t)) / 2 / e, abs=2e-4)
    assert h == pytest.approx(
        (2 * log_z(d, t) - log_z(d + e, t) - log_z(d - e, t)) / e**2, abs=2e-3
    )
    assert by_t == pytest.approx(
        (log_z(d, t + e / 10) - log_z(d, t - e / 10)) / 2 / (e / 10), rel=1e-3
    )


# --- Agreement of solvers ----------------------------------------------------------------------------


@settings(deadline=None)
@given(st.floats(0.1, 20), st.floats(0.02, 2), st.sampled_from([1, 0, -1]))
def test_one_comparison_is_what_the_package_says(
    variance: float, margin: float, label: int
) -> None:
    rated = trueskill(
        2,
        integers(0),
        integers(1),
        integers(label),
        prior_variance=variance,
        draw_margin=margin,
        tolerance=1e-9,
    )
    beta = UNIT / math.sqrt(2)
    environment = package.TrueSkill(
        25, UNIT * math.sqrt(variance), beta, 0, draw_probability=2 * norm.cdf(margin) - 1
    )
    one, other = environment.create_rating(), environment.create_rating()
    if label < 0:
        other, one = package.rate_1vs1(other, one, env=environment)
    else:
        one, other = package.rate_1vs1(one, other, drawn=label == 0, env=environment)
    assert rated.mu == pytest.approx([one.mu, other.mu], rel=1e-5)
    assert rated.sigma == pytest.approx([one.sigma, other.sigma], rel=1e-5)


def dense_ep(
    n: int, first: np.ndarray, second: np.ndarray, label: np.ndarray, variance: float
) -> tuple[np.ndarray, np.ndarray]:
    """EP with the full covariance, after Rasmussen and Williams 2006, algorithm 3.5; wins only."""
    winner, loser = np.where(label > 0, first, second), np.where(label > 0, second, first)
    tau, shift = np.zeros(len(label)), np.zeros(len(label))
    for _ in range(200):
        for row, (i, j) in enumerate(zip(winner, loser, strict=True)):
            precision = np.eye(n) / variance
            right = np.zeros(n)
            for k, (a, b) in enumerate(zip(winner, loser, strict=True)):
                e = np.zeros(n)
                e[a], e[b] = 1, -1
                precision += tau[k] * np.outer(e, e)
                right += shift[k] * e
            cov = np.linalg.inv(precision)
            mean = cov @ right
            v = cov[i, i] + cov[j, j] - 2 * cov[i, j]
            rest = 1 / v - tau[row]
            m = ((mean[i] - mean[j]) / v - shift[row]) / rest
            q = math.sqrt(1 + 1 / rest)
            g = (
                math.exp(-((m / q) ** 2) / 2)
                / math.sqrt(2 * math.pi)
                / (0.5 * erfc(-m / q / math.sqrt(2)))
            )
            h = g * (g + m / q) / q**2
            scale = 1 / (1 - h / rest)
            old = tau[row], shift[row]
            tau[row], shift[row] = h * scale, (g / q + h * m) * scale
            moved = abs(tau[row] - old[0]) + abs(shift[row] - old[1])
        if moved < 1e-9:
            break
    return mean, np.sqrt(np.diag(cov))


def test_a_tree_of_comparisons_is_solved_as_by_the_dense_reference() -> None:
    rows = np.array([(0, 1, 1), (1, 2, -1), (1, 3, 1), (3, 4, 1), (5, 3, 1)])
    mean, sd = strengths(trueskill(6, *rows.T, prior_variance=2.0, tolerance=1e-9))
    first, second, label = rows.T
    exact_mean, exact_sd = dense_ep(6, first, second, label, 2.0)
    assert mean == pytest.approx(exact_mean, abs=1e-6)
    assert sd == pytest.approx(exact_sd, abs=1e-6)


def test_cycles_cost_little_against_the_dense_reference() -> None:
    case = simulate(8, 20, seed=3)
    mean, sd = strengths(trueskill(*case.rows, prior_variance=2.0, draw_margin=0.0, tolerance=1e-9))
    exact_mean, exact_sd = dense_ep(*case.rows, 2.0)
    assert np.abs(mean - exact_mean).max() < 0.12 * exact_sd.min()
    assert sd == pytest.approx(exact_sd, rel=0.06)


def test_a_medium_graph_is_what_trueskill_through_time_says() -> None:
    """Landfried 2025's package iterates the same messages; pairs are distinct, as it knows no counts."""
    case = simulate(60, 400, seed=1)
    pairs = np.unique(
        np.minimum(case.first, case.second) * 60 + np.maximum(case.first, case.second),
        return_index=True,
    )[1]
    first, second, label = case.first[pairs], case.second[pairs], case.label[pairs]
    rated = trueskill(60, first, second, label, prior_variance=2.0, tolerance=1e-6)
    games = [
        [[str(a)], [str(b)]] if y > 0 else [[str(b)], [str(a)]]
        for a, b, y in zip(first.tolist(), second.tolist(), label.tolist(), strict=True)
    ]
    history = ttt.History(games, sigma=math.sqrt(2.0), beta=math.sqrt(0.5), gamma=0.0)
    history.convergence(epsilon=1e-6, iterations=100, verbose=False)
    curves = history.learning_curves()
    theirs = np.array([curves[str(i)][-1][1].mu for i in range(60)])
    mean, sd = strengths(rated)
    assert np.abs(mean - theirs).max() < 0.02 * sd.min()


# --- Properties --------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(comparisons, st.randoms(use_true_random=False))
def test_order_and_sides_change_not_one_bit(drawn: tuple, chance: Any) -> None:
    n, rows = drawn
    base = trueskill(*columns(n, rows))
    mixed = list(rows)
    chance.shuffle(mixed)
    n, first, second, label = columns(n, mixed)
    swap = np.array([chance.random() < 0.5 for _ in mixed], dtype=bool)
    other = trueskill(
        n,
        np.where(swap, second, first),
        np.where(swap, first, second),
        np.where(swap, -label, label),
    )
    assert same_bits(base, other)
    assert base.settings == other.settings


def test_the_number_of_threads_changes_not_one_bit() -> None:
    code = (
        "import hashlib;from tests.algorithms_cases import simulate;"
        "from rating.algorithms.trueskill import trueskill;from rating.algorithms.ranks import rank_items;"
        "r=trueskill(*simulate(300,4000,margin=.4).rows);k=rank_items(r);"
        "print(hashlib.sha256(r.mu.tobytes()+r.sigma.tobytes()+k.rank_low.tobytes()).hexdigest())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ
            | {
                "OMP_NUM_THREADS": threads,
                "OPENBLAS_NUM_THREADS": threads,
                "NUMBA_NUM_THREADS": threads,
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(said) == 1


@settings(max_examples=60, deadline=None)
@given(comparisons)
def test_turning_every_answer_round_turns_every_rating_round(drawn: tuple) -> None:
    n, first, second, label = columns(*drawn)
    one, other = trueskill(n, first, second, label), trueskill(n, first, second, -label)
    assert one.mu - 25 == pytest.approx(25 - other.mu, abs=0.02 * UNIT)
    assert one.sigma == pytest.approx(other.sigma, rel=0.02)


@settings(max_examples=60, deadline=None)
@given(comparisons, st.data())
def test_another_win_never_lowers_the_winner(drawn: tuple, data: st.DataObject) -> None:
    n, rows = drawn
    winner = data.draw(st.integers(0, n - 1))
    step = data.draw(st.integers(1, n - 1))
    fixed: dict[str, Any] = {"prior_variance": 2.0, "draw_margin": 0.5, "tolerance": 1e-6}
    before = trueskill(*columns(n, rows), **fixed)
    after = trueskill(*columns(n, [*rows, (winner, step, 1)]), **fixed)
    loser = (winner + step) % n
    assert after.mu[winner] - after.mu[loser] > before.mu[winner] - before.mu[loser] - 1e-3


def test_the_mean_over_a_connected_group_stays_the_priors() -> None:
    rated = trueskill(*simulate(50, 600, margin=0.3).rows, tolerance=1e-8)
    assert rated.mu.mean() == pytest.approx(25.0, abs=1e-6)


def test_unconnected_groups_do_not_touch_each_other() -> None:
    one, other = simulate(10, 60, seed=1), simulate(12, 80, seed=2)
    fixed: dict[str, Any] = {"prior_variance": 2.0, "draw_margin": 0.0, "tolerance": 1e-9}
    both = trueskill(
        22,
        np.append(one.first, other.first + 10),
        np.append(one.second, other.second + 10),
        np.append(one.label, other.label),
        **fixed,
    )
    alone = np.append(trueskill(*one.rows, **fixed).mu, trueskill(*other.rows, **fixed).mu)
    assert both.mu == pytest.approx(alone, abs=1e-6)


def test_who_always_wins_is_finitely_good() -> None:
    rated = trueskill(2, np.zeros(500, np.int64), np.ones(500, np.int64), np.ones(500, np.int64))
    assert np.isfinite(rated.mu).all()
    assert rated.mu[0] > 25 > rated.mu[1]
    assert (rated.sigma > 0).all()


def test_a_chain_of_many_is_solved_as_exactly_as_a_short_one() -> None:
    chance = np.random.default_rng(0)
    strength = np.sort(chance.normal(0, 2, 400))
    first = chance.integers(0, 399, 4000)
    won = strength[first] - strength[first + 1] + chance.normal(size=4000) > 0
    rated = trueskill(400, first, first + 1, np.where(won, 1, -1))
    posterior = rated.posterior
    assert posterior is not None
    precision = np.eye(400) / posterior.prior_variance
    for i, j, tau in zip(posterior.low, posterior.high, posterior.tau, strict=True):
        precision[[i, j, i, j], [i, j, j, i]] += np.array([tau, tau, -tau, -tau])
    exact = np.sqrt(np.diag(np.linalg.inv(precision)))
    assert strengths(rated)[1] == pytest.approx(exact, rel=1e-3)


def test_only_ties_leave_equals() -> None:
    rated = trueskill(3, integers(0, 1, 2), integers(1, 2, 0), integers(0, 0, 0))
    assert rated.mu == pytest.approx([25.0] * 3)


@pytest.mark.parametrize("key", [key for key in METHODS if not METHODS[key].needs_annotator])
def test_nobody_nothing_and_one_comparison_can_be_rated(key: str) -> None:
    rate: Callable = METHODS[key].rate
    nothing = integers()
    assert rate(0, nothing, nothing, nothing).mu.shape == (0,)
    assert rate(3, nothing, nothing, nothing).mu.tolist() == [25.0] * 3
    assert rate(3, nothing, nothing, nothing).sigma == pytest.approx([25 / 3] * 3)
    one = rate(3, integers(2), integers(0), integers(1))
    assert one.mu[2] > one.mu[1] > one.mu[0]
    assert one.sigma[1] > one.sigma[0]


# --- Truth -------------------------------------------------------------------------------------------


def test_the_prior_variance_and_the_margin_are_learnt() -> None:
    learnt = trueskill(*simulate(400, 8000, variance=6.0, margin=0.6).rows).settings
    assert learnt["prior_variance"] == pytest.approx(6.0, rel=0.25)
    assert learnt["draw_margin"] == pytest.approx(0.6, rel=0.1)


def test_few_comparisons_leave_the_prior_variance_sane() -> None:
    for label in (1, 0):
        learnt = trueskill(2, integers(0), integers(1), integers(label)).settings
        assert 1.0 < learnt["prior_variance"] < 4.0


def test_intervals_cover_the_truth() -> None:
    covered = []
    for seed in range(10):
        case = simulate(200, 2000, margin=0.3, seed=seed)
        mean, sd = strengths(trueskill(*case.rows))
        covered.append(np.mean(np.abs(case.strength - mean) < 1.96 * sd))
    assert 0.93 < np.mean(covered) < 0.97


# --- Refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", list(METHODS))
@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ((0, 2, 1), "row 1 has an item that is not among 0 … 1"),
        ((-1, 1, 1), "row 1 has an item that is not among"),
        ((1, 1, 1), "row 1 has an item compared with itself"),
        ((0, 1, 2), "row 1 has a label"),
    ],
)
def test_a_bad_row_is_refused_by_its_number(
    key: str, row: tuple[int, int, int], complaint: str
) -> None:
    rows = np.array([(0, 1, 1), row], dtype=np.int64)
    with pytest.raises(ValueError, match=complaint):
        METHODS[key].rate(2, rows[:, 0], rows[:, 1], rows[:, 2], np.zeros(2, np.int64))


@pytest.mark.parametrize("key", list(METHODS))
def test_numbers_that_are_not_whole_and_columns_of_unequal_length_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="integers"):
        METHODS[key].rate(2, integers(0), integers(1), np.array([1.0]), integers(0))
    with pytest.raises(ValueError, match="one length"):
        METHODS[key].rate(2, integers(0), integers(1), integers(1, 1), integers(0))


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_senseless_prior_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="prior_variance must be a positive number"):
        trueskill(2, integers(0), integers(1), integers(1), prior_variance=bad)


def test_an_inference_that_does_not_come_to_rest_has_no_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_SWEEPS", 2)
    with pytest.raises(NotConverged, match="after 2 sweeps"):
        trueskill(*simulate(30, 300).rows)
