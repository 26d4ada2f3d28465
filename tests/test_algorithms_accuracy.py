"""The announced accuracy in simulation: the truth lies where it is said to lie, and a wrong model shows."""

import numpy as np
import pytest

from bench.accuracy import (
    ONE,
    SPAMMED,
    Kind,
    announce,
    cut,
    play,
    rate,
    truth,
)
from rating.algorithms.accuracy import Measure, accuracy, agreement, measure, shifted
from rating.algorithms.annotators import trueskill_annotators
from rating.algorithms.forecast import Forecast, Goal, at_random, beside, forecast
from rating.algorithms.random_share import check_random_share
from rating.algorithms.results import Ratings
from rating.algorithms.trueskill import trueskill
from rating.algorithms.worlds import World, likely_worlds, scale_doubt, scale_worlds
from tests.algorithms_cases import integers, simulate

# --- Measures --------------------------------------------------------------------------------------


def test_agreement_is_that_of_scipy_for_each_draw() -> None:
    from scipy.stats import kendalltau, spearmanr

    strengths = np.random.default_rng(3).normal(size=(5, 31))
    falling = -np.arange(31.0)
    for row, told in zip(strengths, agreement(strengths, 6), strict=True):
        best = set(np.argsort(-row)[:6].tolist())
        assert told == pytest.approx(
            [kendalltau(falling, row)[0], spearmanr(falling, row)[0], len(best & set(range(6))) / 6]
        )


def test_a_measure_holds_95_percent_of_the_weight() -> None:
    values = np.arange(1000.0)
    even = measure(values, np.ones(1000))
    assert even.estimate == pytest.approx(499.5)
    assert (even.low, even.high) == (pytest.approx(25, abs=1), pytest.approx(975, abs=1))
    heavy = np.where(values < 100, 100.0, 1e-6)
    assert measure(values, heavy).high < 100


def test_what_is_known_for_sure_is_announced_as_sure_and_nothing_as_chance() -> None:
    mu = np.arange(40.0)[::-1].copy()
    known = [World(1.0, Ratings(mu, np.full(40, 1e-6), "", {}))]
    told = accuracy(mu, known, [np.arange(40)])
    assert (told.tau.low, told.spearman.low, told.top) == (1.0, 1.0, Measure(1.0, 1.0, 1.0))
    unknown = [World(1.0, Ratings(np.full(40, 25.0), np.full(40, 8.0), "", {}))]
    told = accuracy(mu, unknown, [np.arange(40)])
    assert told.tau.estimate == pytest.approx(0, abs=0.05)
    assert told.tau.low < 0 < told.tau.high


def test_groups_count_by_their_pairs_and_a_group_without_a_rest_has_no_top() -> None:
    right, wrong = np.arange(20.0), -np.arange(20.0)
    truths = np.concatenate([right, wrong[:5]])
    published = np.concatenate([right, right[:5]])
    known = [World(1.0, Ratings(truths, np.full(25, 1e-6), "", {}))]
    groups = [np.arange(20), np.arange(20, 25)]
    told = accuracy(published, known, groups, top=5)
    assert told.tau.estimate == pytest.approx((190 * 1 + 10 * -1) / 200)
    assert told.top == Measure(1.0, 1.0, 1.0)
    assert accuracy(published, known, groups, top=20).top is None


def test_the_same_comparisons_in_any_order_announce_the_same_bits() -> None:
    case = simulate(30, 200, margin=0.2, sharpness=np.array([1.0, 0.6, 0.0, 1.3]), seed=4)
    names = "first", "second", "label", "annotator"
    order = np.random.default_rng(1).permutation(200)
    told = []
    for rows in (case, case._replace(**{name: getattr(case, name)[order] for name in names})):
        ratings = trueskill_annotators(*rows.rows, rows.annotator)
        likely = likely_worlds(ratings, *rows.rows[1:], rows.annotator)
        announced = accuracy(ratings.mu, likely, [np.arange(30)]).tau
        wanted = forecast(likely, [np.arange(30)], announced, 200, Goal("tau", 0.8))
        told.append((announced, wanted))
    assert told[0] == told[1]


def test_a_hundred_thousand_items_are_judged_by_a_part_of_them() -> None:
    n = 100_000
    chance = np.random.default_rng(2)
    strength = chance.normal(25, 8, n)
    near = World(1.0, Ratings(strength + chance.normal(0, 2, n), np.full(n, 2.0), "", {}))
    told = accuracy(near.ratings.mu, [near], [np.arange(n)], top=100, draws=40)
    assert told.tau.low < 0.85 < told.tau.high + 0.02
    assert told.tau.high - told.tau.low < 0.06


# --- Other worlds ----------------------------------------------------------------------------------


def test_few_comparisons_leave_the_spread_of_the_strengths_open_and_many_items_do_not() -> None:
    few, many = simulate(20, 40, seed=1), simulate(3000, 30_000, seed=1)
    doubtful, sure = trueskill(*few.rows), trueskill(*many.rows)
    assert scale_doubt(doubtful) > 0.3
    worlds = likely_worlds(doubtful, *few.rows[1:])
    assert len(worlds) > 3
    assert sum(world.weight for world in worlds) == pytest.approx(1)
    assert [world.ratings for world in likely_worlds(sure, *many.rows[1:])] == [sure]


def test_other_worlds_weigh_as_the_evidence_says() -> None:
    """One comparison says nothing of the spread: the worlds weigh as was believed before it."""
    rows = integers(0), integers(1), integers(1)
    ratings = trueskill(2, *rows)
    worlds = scale_worlds(ratings, lambda pv: trueskill(2, *rows, prior_variance=pv))
    spreads = np.log([world.ratings.posterior.prior_variance for world in worlds])
    weights = np.array([world.weight for world in worlds])
    assert np.sum(weights * spreads) == pytest.approx(np.log(2), abs=0.1)
    deviation = np.sqrt(np.sum(weights * (spreads - np.log(2)) ** 2))
    assert deviation == pytest.approx(2.0, rel=0.15)


# --- Where the truth lies ---------------------------------------------------------------------------

COVERED = [
    Kind("as assumed, adaptive", 40, 8),
    Kind("noisier than assumed", 40, 5, 0.5),
    Kind("spread wider than assumed", 40, 5, 5.0),
    Kind("unequal people and spammers", 40, 12, crowd=SPAMMED),
]


@pytest.mark.parametrize("kind", COVERED, ids=lambda kind: kind.name)
def test_the_truth_lies_in_the_announced_interval(kind: Kind) -> None:
    """17 of 20 runs or more: at 95 % covered fewer come once in sixty; at 75 % four times in five."""
    inside, widths = 0, []
    for seed in range(20):
        played = play(kind, 100 + seed)
        ratings, told, _ = announce(played, kind.crowd)
        inside += told["tau"].low <= truth(played, ratings.mu)["tau"] <= told["tau"].high
        widths.append(told["tau"].high - told["tau"].low)
    assert inside >= 17
    assert np.mean(widths) < 0.4


# --- The random share ------------------------------------------------------------------------------


def test_a_crowd_that_errs_on_clear_pairs_contradicts_the_model() -> None:
    """Among neighbours a mistake looks like noise; of pairs far apart the model promises too much."""
    off = []
    for seed in range(6):
        chance = np.random.default_rng(seed)
        strength = np.linspace(-6, 6, 40)
        near = chance.integers(0, 39, 900)
        first = np.concatenate([near, chance.integers(0, 40, 150)])
        second = np.concatenate([near + 1, (first[900:] + chance.integers(1, 40, 150)) % 40])
        label = np.where(
            strength[first] - strength[second] + chance.normal(0, 0.3, 1050) > 0, 1, -1
        )
        label[900:] *= np.where(chance.random(150) < 0.3, -1, 1)
        at_random = np.arange(1050) >= 900
        check = check_random_share(
            40, first, second, label, None, at_random, lambda *rows: trueskill(40, *rows)
        )
        assert check is not None
        off.append(check.off)
        assert check.seen < check.promised
    assert sum(x < -2.5 for x in off) >= 5


def test_a_crowd_as_the_model_has_it_raises_no_alarm() -> None:
    alarms = 0
    for seed in range(12):
        _, _, check = announce(play(Kind("", 40, 16), seed), ONE)
        assert check is not None
        assert abs(check.seen - check.promised) < 0.25
        alarms += check.disagrees
    assert alarms <= 1


def test_few_random_pairs_say_nothing() -> None:
    case = simulate(10, 100, seed=1)
    flags = np.arange(100) < 20
    told = check_random_share(10, *case.rows[1:], None, flags, lambda *rows: trueskill(10, *rows))
    assert told is None


def test_a_disagreement_lowers_the_lower_end_and_leaves_the_upper() -> None:
    assert shifted(Measure(0.8, 0.7, 0.9), 1.0) == Measure(0.8, 0.7, 0.9)
    lowered = shifted(Measure(0.8, 0.7, 0.9), 0.5)
    assert (lowered.estimate, lowered.low, lowered.high) == (pytest.approx(0.6), 0.35, 0.9)
    assert shifted(Measure(0.8, 0.7, 0.9), 1.5) == Measure(0.8, 0.7, 1.0)


# --- The forecast ----------------------------------------------------------------------------------


def test_the_forecast_is_about_what_it_then_takes() -> None:
    ratios = []
    for seed in range(5):
        kind = Kind("", 40, 60)
        whole = play(kind, seed)
        begin = cut(whole, 320)
        wanted = _announced_low(begin)[1] + 0.08
        ratings, low, likely = _announced_low(begin)[0], wanted - 0.08, _announced_low(begin)[2]
        told = accuracy(ratings.mu, likely, [np.arange(40)]).tau
        assert told.low == low
        found = forecast(likely, [np.arange(40)], told, 320, Goal("tau", wanted), seed=seed)
        assert found.votes is not None
        assert found.low is not None
        assert 0 < found.low <= found.votes
        m = 320
        while _announced_low(cut(whole, m))[1] < wanted:
            m += 40
        ratios.append(found.votes / (m - 320))
    assert 1 / 1.5 < float(np.median(ratios)) < 1.5
    assert all(0.3 < ratio < 3.3 for ratio in ratios)


def _announced_low(played):
    ratings, who = rate(played, ONE)
    likely = likely_worlds(ratings, played.first, played.second, played.label, who)
    return ratings, accuracy(ratings.mu, likely, [np.arange(40)]).tau.low, likely


def test_more_is_needed_for_more_and_by_chance_and_for_twice_the_images() -> None:
    kind = Kind("", 40, 8)
    played = play(kind, 1)
    ratings, low, likely = _announced_low(played)
    told = accuracy(ratings.mu, likely, [np.arange(40)]).tau

    def votes(value: float, choose=beside) -> int:
        found = forecast(
            likely, [np.arange(40)], told, 320, Goal("tau", value), choose=choose, seed=2
        )
        assert found.votes is not None
        return found.votes

    assert 0 < votes(low + 0.04) < votes(low + 0.1)
    assert votes(low + 0.1) < votes(low + 0.1, at_random)
    assert forecast(likely, [np.arange(40)], told, 320, Goal("tau", 0.999)).votes is None


def test_without_a_group_that_has_a_top_there_is_no_forecast() -> None:
    case = simulate(8, 50, seed=1)
    likely = likely_worlds(trueskill(*case.rows), *case.rows[1:])
    assert forecast(
        likely, [np.arange(8)], Measure(0.5, 0.4, 0.6), 50, Goal("top", 0.9, 10)
    ) == Forecast(None, None, None, 0)
