"""Ranks, their intervals, and what the joint posterior says of two or of the best."""

import numpy as np
import pytest

from rating.algorithms import posterior
from rating.algorithms.graph import build_graph, components
from rating.algorithms.posterior import draw_strengths
from rating.algorithms.ranks import marginal_ranks, rank_groups, rank_items, top_probability
from rating.algorithms.results import Ratings
from rating.algorithms.trueskill import trueskill
from tests.algorithms_cases import integers, simulate, strengths


def ratings(mu: list[float], sigma: list[float]) -> Ratings:
    return Ratings(np.array(mu), np.array(sigma), "given", {})


def test_ranks_follow_mu_and_their_intervals_the_doubt() -> None:
    ranks = rank_items(ratings([0.0, 10.0, 9.0, -20.0], [1.0] * 4))
    assert ranks.rank.tolist() == [3, 1, 2, 4]
    assert ranks.rank_low.tolist() == [3, 1, 1, 4]
    assert ranks.rank_high.tolist() == [3, 2, 2, 4]


def test_equal_images_share_all_ranks_within_their_doubt() -> None:
    ranks = rank_items(ratings([25.0] * 3, [8.0] * 3))
    assert ranks.rank.tolist() == [1, 2, 3]
    assert ranks.rank_low.tolist() == [1, 1, 1]
    assert ranks.rank_high.tolist() == [3, 3, 3]


def test_draws_have_the_mean_and_covariance_of_the_posterior() -> None:
    posterior = trueskill(*simulate(12, 60).rows).posterior
    assert posterior is not None
    draws = draw_strengths(posterior, np.arange(12), 20_000, seed=1)
    precision = np.eye(12) / posterior.prior_variance
    for i, j, tau in zip(posterior.low, posterior.high, posterior.tau, strict=True):
        precision[[i, j, i, j], [i, j, j, i]] += np.array([tau, tau, -tau, -tau])
    exact = np.linalg.inv(precision)
    assert draws.mean(axis=0) == pytest.approx(posterior.mean, abs=0.05)
    assert np.abs(np.cov(draws.T) - exact).max() < 0.06 * exact.max()


def test_the_same_seed_draws_the_same_bits_and_another_does_not() -> None:
    posterior = trueskill(*simulate(12, 60).rows).posterior
    assert posterior is not None
    one, again, other = (draw_strengths(posterior, np.arange(12), 50, seed) for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes() != other.tobytes()


def test_sigma_agrees_with_the_joint_posterior_where_all_is_compared_with_all() -> None:
    rated = trueskill(*simulate(40, 4000).rows)
    assert rated.posterior is not None
    draws = draw_strengths(rated.posterior, np.arange(40), 4000, seed=0)
    assert strengths(rated)[1] == pytest.approx(draws.std(axis=0), rel=0.1)


def test_rank_intervals_cover_the_true_rank() -> None:
    joint, marginal = [], []
    for seed in range(15):
        case = simulate(100, 800, seed=seed)
        rated = trueskill(*case.rows)
        true = np.empty(100)
        true[np.argsort(-case.strength)] = np.arange(1, 101)
        ranks = rank_items(rated)
        joint.append(np.mean((ranks.rank_low <= true) & (true <= ranks.rank_high)))
        low, high = marginal_ranks(rated.mu, rated.sigma)
        marginal.append(np.mean((low <= true) & (true <= high)))
    assert 0.93 < np.mean(joint) < 0.975
    assert 0.93 < np.mean(marginal) < 0.985


def test_members_are_ranked_among_themselves() -> None:
    one, other = simulate(10, 60, seed=1), simulate(12, 80, seed=2)
    both = trueskill(
        22,
        np.append(one.first, other.first + 10),
        np.append(one.second, other.second + 10),
        np.append(one.label, other.label),
    )
    ranks = rank_items(both, np.arange(10, 22))
    assert sorted(ranks.rank) == list(range(1, 13))
    assert ranks.rank_high.max() <= 12
    with pytest.raises(ValueError, match="joins a member"):
        rank_items(both, np.arange(8, 22))


def test_draws_have_the_covariance_of_the_joint_posterior_by_either_solver(monkeypatch) -> None:
    rated = trueskill(*simulate(12, 40, seed=3).rows)
    joint, members = rated.posterior, np.arange(12)
    assert joint is not None
    precision = np.eye(12) / joint.prior_variance
    for i, j, tau in zip(joint.low, joint.high, joint.tau, strict=True):
        precision[[i, j], [i, j]] += tau
        precision[[i, j], [j, i]] -= tau
    exact = np.linalg.inv(precision)
    for dense in (500, 0):
        monkeypatch.setattr(posterior, "DENSE", dense)
        draws = posterior.draw_strengths(joint, members, 40_000, seed=4)
        assert draws.mean(axis=0) == pytest.approx(joint.mean, abs=0.03)
        assert np.cov(draws.T) == pytest.approx(exact, abs=0.03)


def test_groups_are_drawn_as_if_each_was_alone_and_never_across_a_comparison() -> None:
    one, other = simulate(10, 60, seed=1), simulate(12, 80, seed=2)
    both = trueskill(
        22,
        np.append(one.first, other.first + 10),
        np.append(one.second, other.second + 10),
        np.append(one.label, other.label),
    )
    together = rank_groups(both, [np.arange(10), np.arange(10, 22)])
    alone = rank_items(both, np.arange(10))
    assert together[0].rank_low.tolist() == alone.rank_low.tolist()
    assert together[1].rank_high.max() <= 12
    with pytest.raises(ValueError, match="joins two groups"):
        rank_groups(both, [np.arange(8), np.arange(8, 22)])


def test_probabilities_of_being_among_the_top() -> None:
    draws = np.array([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0], [1.0, 2.0, 0.0], [4.0, 2.0, 1.0]])
    assert top_probability(draws, 1).tolist() == [0.75, 0.25, 0.0]
    assert top_probability(draws, 2).tolist() == [1.0, 0.75, 0.25]
    assert top_probability(draws, 3).tolist() == [1.0] * 3
    assert top_probability(draws, 0).tolist() == [0.0] * 3


def test_groups_that_were_never_compared_are_found() -> None:
    graph = build_graph(7, integers(5, 1, 2), integers(6, 2, 3), integers(1, 0, -1))
    assert components(7, graph.low, graph.high).tolist() == [0, 1, 1, 1, 2, 3, 3]
    assert components(0, integers(), integers()).tolist() == []


def test_a_long_chain_is_one_group_in_any_direction() -> None:
    n = 5000
    order = np.random.default_rng(0).permutation(n)
    found = components(n, np.minimum(order[1:], order[:-1]), np.maximum(order[1:], order[:-1]))
    assert set(found) == {0}


def test_identical_comparisons_are_counted_once() -> None:
    graph = build_graph(3, integers(0, 1, 0, 2), integers(1, 0, 1, 1), integers(1, -1, 0, 0))
    assert (graph.low.tolist(), graph.high.tolist()) == ([0, 1], [1, 2])
    assert graph.outcome.tolist() == [0, 1, 0]
    assert graph.count.tolist() == [1.0, 2.0, 1.0]
