"""How people see: recovered where it is known, harmless where it is not."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from rating.algorithms import annotators as module
from rating.algorithms.annotators import trueskill_annotators
from rating.algorithms.results import NotConverged
from rating.algorithms.trueskill import trueskill
from tests.algorithms_cases import Case, integers, same_bits, simulate, strengths


def crowd(seed: int, spammers: int = 15, people: int = 50) -> Case:
    """30 % spammers: random, one-sided and reversed in turn; the others see alike."""
    sharpness, bias = np.ones(people), np.zeros(people)
    for k in range(spammers):
        sharpness[k], bias[k] = ((0, 0), (0, 3), (-1, 0))[k % 3]
    return simulate(100, 2000, sharpness=sharpness, bias=bias, seed=seed)


def auc(score: np.ndarray, bad: np.ndarray) -> float:
    return float(np.mean(score[bad][:, None] > score[~bad][None, :]))


def test_spammers_are_told_and_barely_move_the_ranking() -> None:
    bad = np.arange(50) < 15
    told, tau, pooled, without = [], [], [], []
    for seed in range(5):
        case = crowd(seed)
        rated = trueskill_annotators(*case.rows, case.annotator)
        assert rated.annotators is not None
        told.append(auc(rated.annotators.spammer, bad))
        tau.append(kendalltau(case.strength, rated.mu)[0])
        pooled.append(kendalltau(case.strength, trueskill(*case.rows).mu)[0])
        honest = ~bad[case.annotator]
        clean = trueskill(100, case.first[honest], case.second[honest], case.label[honest])
        without.append(kendalltau(case.strength, clean.mu)[0])
    assert np.mean(told) >= 0.97
    assert np.mean(tau) > np.mean(pooled) + 0.05
    assert np.mean(tau) > np.mean(without) - 0.01, "as good as if an oracle had removed them"


def test_sharpness_and_bias_are_recovered_within_their_intervals() -> None:
    sharpness = np.array([1.0, 1.6, 0.6, 0.0, -1.0, 1.0])
    bias = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.8])
    case = simulate(60, 6000, sharpness=sharpness, bias=bias)
    people = trueskill_annotators(*case.rows, case.annotator).annotators
    assert people is not None
    scale = people.sharpness[0] / sharpness[0]  # that of the strengths is learnt along
    assert 0.7 < scale < 1.3
    assert people.sharpness / scale == pytest.approx(sharpness, abs=0.2)
    assert people.side_bias == pytest.approx(bias, abs=0.2)
    assert (people.sharpness_low <= people.sharpness).all()
    assert (people.sharpness <= people.sharpness_high).all()
    assert (people.side_bias_low <= people.side_bias).all()
    assert people.comparisons.sum() == 6000
    assert people.spammer[3] > 0.5
    assert people.spammer[4] > 0.5
    assert people.spammer[[0, 1]].max() < 0.05


def test_equal_people_are_rated_as_if_pooled() -> None:
    case = simulate(80, 3000, sharpness=np.ones(20))
    one, other = trueskill_annotators(*case.rows, case.annotator), trueskill(*case.rows)
    assert kendalltau(one.mu, other.mu)[0] > 0.95


def test_many_items_and_few_people_do_not_fall_apart() -> None:
    """The sparse setting in which slope and bias alone diverge: five comparisons an item, five people."""
    case = simulate(3000, 7500, variance=4.0, sharpness=np.array([1.0, 1.3, 0.8, 0.5, 1.0]))
    rated = trueskill_annotators(*case.rows, case.annotator)
    assert rated.settings["prior_variance"] < 8
    tau = kendalltau(case.strength, rated.mu)[0]
    assert tau > kendalltau(case.strength, trueskill(*case.rows).mu)[0] - 0.005


@pytest.mark.parametrize("votes", [1, 2, 5])
def test_few_comparisons_per_person_do_not_make_all_people_unequal(votes: int) -> None:
    """The spread of sharpness once grew to 1.5 here, the prior variance to 18; see `bench.few_votes`."""
    people = 500 // votes
    sharpness = np.where(np.arange(people) < people // 10, 0.0, 1.0)
    better = []
    for seed in range(4):
        case = simulate(100, 500, sharpness=sharpness, seed=seed)
        who = np.repeat(np.arange(people), votes)
        rated = trueskill_annotators(*case.rows, who)
        assert rated.settings["spread"][0] <= 0.4
        assert rated.settings["prior_variance"] < 6
        tau = kendalltau(case.strength, rated.mu)[0]
        better.append(tau - kendalltau(case.strength, trueskill(*case.rows).mu)[0])
    assert np.mean(better) > -0.01, "as good as without knowing of people"


@pytest.mark.parametrize("votes", [1, 5, 20, 100])
def test_an_interval_of_sharpness_is_never_a_point(votes: int) -> None:
    """Ten people look, one clicks: how surely, depends on how often they did."""
    case = simulate(30, 2000, sharpness=np.ones(10))
    order = np.argsort(case.strength)
    strong, weak = order[-1 - np.arange(votes) % 5], order[np.arange(votes) // 5 % 5]
    turned = np.arange(votes) % 4 < 2
    first = np.append(case.first, np.where(turned, strong, weak))
    second = np.append(case.second, np.where(turned, weak, strong))
    label = np.append(case.label, np.where(np.arange(votes) % 2, 1, -1))
    who = np.append(case.annotator, np.full(votes, 10))
    people = trueskill_annotators(30, first, second, label, who).annotators
    assert people is not None
    width = people.sharpness_high - people.sharpness_low
    assert width[10] > 0.6 / votes**0.5
    assert people.sharpness_low[10] <= people.sharpness[10] <= people.sharpness_high[10]
    assert people.sharpness_low[10] < 0 < people.sharpness_high[10]
    if votes == 100:
        assert people.spammer[10] > 0.975, "all of the interval would be the point"


def test_order_changes_not_one_bit() -> None:
    case = crowd(1)
    order = np.random.default_rng(2).permutation(2000)
    rows = (column[order] for column in (case.first, case.second, case.label, case.annotator))
    one, other = trueskill_annotators(*case.rows, case.annotator), trueskill_annotators(100, *rows)
    assert same_bits(one, other)
    assert one.annotators is not None
    assert other.annotators is not None
    assert one.annotators.sharpness.tobytes() == other.annotators.sharpness.tobytes()


def test_swapped_sides_turn_the_pull_round() -> None:
    case = crowd(3)
    one = trueskill_annotators(*case.rows, case.annotator)
    other = trueskill_annotators(100, case.second, case.first, -case.label, case.annotator)
    assert strengths(one)[0] == pytest.approx(strengths(other)[0], abs=0.02)
    assert one.annotators is not None
    assert other.annotators is not None
    assert one.annotators.side_bias == pytest.approx(-other.annotators.side_bias, abs=0.02)


def test_ties_are_learnt_along() -> None:
    case = simulate(60, 3000, margin=0.5, sharpness=np.ones(10))
    rated = trueskill_annotators(*case.rows, case.annotator)
    assert rated.settings["draw_margin"] == pytest.approx(0.5, abs=0.1)


def test_nobody_nothing_and_one_comparison_can_be_rated() -> None:
    nothing = integers()
    rated = trueskill_annotators(3, nothing, nothing, nothing, nothing)
    assert rated.mu.tolist() == [25.0] * 3
    assert rated.annotators is not None
    assert len(rated.annotators.annotator) == 0
    one = trueskill_annotators(2, integers(0), integers(1), integers(1), integers(77))
    assert one.mu[0] > one.mu[1]
    assert one.annotators is not None
    assert one.annotators.annotator.tolist() == [77]
    assert one.annotators.sharpness_low[0] < 0.5 < one.annotators.sharpness_high[0]


def test_people_must_be_known() -> None:
    with pytest.raises(ValueError, match="annotator is missing"):
        trueskill_annotators(2, integers(0), integers(1), integers(1))


def test_no_rounds_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROUNDS", 1)
    case = crowd(0)
    with pytest.raises(NotConverged, match="after 1 rounds"):
        trueskill_annotators(*case.rows, case.annotator)
