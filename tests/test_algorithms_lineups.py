"""What people said of several items at once enters the ratings as the order that it is."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from rating.algorithms.lineups import check_lineups, neighbouring_pairs, tallies
from rating.algorithms.methods import METHODS
from rating.algorithms.results import CENTRE, UNIT, Floats, Lineups, Ratings
from rating.algorithms.trueskill import trueskill

NONE = np.zeros(0, dtype=np.int64)
KINDS = ("best", "best_worst", "order")


def lineups_of(*answers: list[list[int]], people: list[int] | None = None) -> Lineups:
    """Each answer as levels of items, best first."""
    item = [i for levels in answers for level in levels for i in level]
    level = [k for levels in answers for k, level in enumerate(levels) for _ in level]
    sizes = [sum(map(len, levels)) for levels in answers]
    who = people or [0] * len(answers)
    columns = ([0, *np.cumsum(sizes)], item, level, who)
    return Lineups(*(np.array(column, dtype=np.int64) for column in columns))


def rate(n: int, lineups: Lineups, method: str = "trueskill") -> Ratings:
    return METHODS[method].rate(n, NONE, NONE, NONE, NONE, lineups)


def strengths(ratings: Ratings) -> tuple[Floats, Floats]:
    return (ratings.mu - CENTRE) / UNIT, ratings.sigma / UNIT


def simulated(
    chance: np.random.Generator, s: Floats, screens: int, size: int, kind: str, clicks: list[int]
) -> Lineups:
    """Ten people answer; those in `clicks` do not look."""
    answers, people = [], chance.integers(0, 10, screens).tolist()
    for who in people:
        items = chance.choice(len(s), size, replace=False)
        noise = chance.normal(0, 0.5**0.5, size)
        seen = chance.normal(size=size) if who in clicks else s[items] + noise
        order = items[np.argsort(-seen)].tolist()
        levels = {
            "order": [[i] for i in order],
            "best": [order[:1], order[1:]],
            "best_worst": [order[:1], order[1:-1], order[-1:]],
        }
        answers.append(levels[kind])
    return lineups_of(*answers, people=people)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [3, 5, 9])
@pytest.mark.parametrize("method", ["trueskill", "trueskill_annotators"])
def test_the_intervals_hold_the_truth(kind: str, size: int, method: str) -> None:
    held = []
    for seed in range(4):
        chance = np.random.default_rng(seed)
        s = chance.normal(size=60)
        mean, sd = strengths(rate(60, simulated(chance, s, 200, size, kind, []), method))
        held.append(np.mean(np.abs(mean - s) < 1.96 * sd))
    assert 0.88 < np.mean(held) < 0.99


def test_an_order_of_two_is_a_comparison() -> None:
    chance = np.random.default_rng(1)
    pairs = [chance.choice(12, 2, replace=False).tolist() for _ in range(60)]
    first, second = np.array(pairs).T
    as_pairs = METHODS["trueskill"].rate(12, first, second, np.ones(60, np.int64))
    as_lineups = rate(12, lineups_of(*[[[a], [b]] for a, b in pairs]))
    assert as_lineups.mu == pytest.approx(as_pairs.mu, abs=0.02)
    assert as_lineups.sigma == pytest.approx(as_pairs.sigma, rel=0.03)


def test_the_evidence_of_three_in_order_is_that_of_an_integral() -> None:
    """EP's mean and variance against the exact ones by counting draws."""
    ratings = METHODS["trueskill"].rate(3, NONE, NONE, NONE, None, lineups_of([[0], [1], [2]]))
    variance = ratings.settings["prior_variance"]
    draws = np.random.default_rng(2).normal(0, math.sqrt(variance), (400_000, 3))
    seen = draws + np.random.default_rng(3).normal(0, 0.5**0.5, draws.shape)
    kept = draws[(seen[:, 0] > seen[:, 1]) & (seen[:, 1] > seen[:, 2])]
    mean, sd = strengths(ratings)
    assert mean == pytest.approx(kept.mean(axis=0), abs=0.02)
    assert sd == pytest.approx(kept.std(axis=0), abs=0.02)


def test_picking_the_best_says_nothing_of_the_others_order() -> None:
    mean, _ = strengths(rate(4, lineups_of([[2], [0, 1, 3]])))
    assert mean[2] > 0
    assert mean[[0, 1, 3]] == pytest.approx(mean[0], abs=1e-3)
    assert mean[0] < 0


def test_an_order_is_not_taken_for_independent_pairs() -> None:
    """All pairs of one order share its performances, and so say less than as many pairs on their own."""
    first, second = np.triu_indices(5, 1)
    told = np.ones(10, np.int64)
    independent = trueskill(5, first, second, told, prior_variance=1.0)
    order = lineups_of([[i] for i in range(5)])
    together = trueskill(5, NONE, NONE, NONE, lineups=order, prior_variance=1.0)
    assert independent.posterior is not None
    assert together.posterior is not None
    assert np.all(together.posterior.apart > 1.15 * independent.posterior.apart)
    assert np.ptp(together.mu) < np.ptp(independent.mu)


@pytest.mark.parametrize("kind", KINDS)
def test_who_does_not_look_is_found_and_costs_little(kind: str) -> None:
    chance = np.random.default_rng(5)
    s = chance.normal(size=50)
    lineups = simulated(chance, s, 300, 5, kind, clicks=[0, 1, 2])
    rated = rate(50, lineups, "trueskill_annotators")
    assert rated.annotators is not None
    assert np.all(rated.annotators.spammer[:3] > 0.75)
    assert np.all(rated.annotators.spammer[3:] < 0.2)
    pooled = rate(50, lineups)
    assert kendalltau(rated.mu, s)[0] > kendalltau(pooled.mu, s)[0] + 0.02


def test_who_orders_from_worst_to_best_is_read_in_reverse() -> None:
    chance = np.random.default_rng(6)
    s = chance.normal(size=40)
    lineups = simulated(chance, s, 250, 4, "order", [])
    reverses = np.isin(lineups.annotator, [3])
    turned = np.where(np.repeat(reverses, 4), 3 - lineups.level, lineups.level)
    confused = Lineups(lineups.start, lineups.item, turned, lineups.annotator)
    rated = rate(40, confused, "trueskill_annotators")
    assert rated.annotators is not None
    assert rated.annotators.sharpness[3] < -0.3
    assert kendalltau(rated.mu, s)[0] > 0.8


def test_pairs_and_lineups_of_one_person_judge_them_together() -> None:
    """Somebody who clicks through lineups is not believed in pairs either."""
    chance = np.random.default_rng(7)
    s = chance.normal(0, 1.4, size=30)
    lineups = simulated(chance, s, 200, 4, "order", clicks=[0])
    first = chance.integers(0, 30, 300)
    second = (first + chance.integers(1, 30, 300)) % 30
    right = s[first] - s[second] + chance.normal(size=300) > 0
    who = chance.integers(1, 10, 300)
    few = np.arange(300) < 3
    who[few] = 0
    label = np.where(few, np.where(right, -1, 1), np.where(right, 1, -1))
    rated = METHODS["trueskill_annotators"].rate(30, first, second, label, who, lineups)
    assert rated.annotators is not None
    assert rated.annotators.spammer[0] > 0.75
    assert rated.annotators.comparisons[0] == 3 + np.sum(lineups.annotator == 0)


@st.composite
def hostile(draw: st.DrawFn) -> tuple[int, Lineups]:
    n = draw(st.integers(3, 12))
    answers, people = [], []
    for _ in range(draw(st.integers(1, 25))):
        items = draw(st.lists(st.integers(0, n - 1), min_size=2, max_size=min(9, n), unique=True))
        cuts = draw(st.sets(st.integers(1, len(items) - 1), min_size=1))
        ends = [0, *sorted(cuts), len(items)]
        answers.append([items[a:b] for a, b in pairwise(ends)])
        people.append(draw(st.integers(0, 2)))
    return n, lineups_of(*answers, people=people)


@settings(max_examples=60, deadline=None)
@given(
    hostile(),
    st.randoms(use_true_random=False),
    st.sampled_from(["trueskill", "trueskill_annotators"]),
)
def test_any_lineups_in_any_order_give_the_same_bits(case, chance, method) -> None:
    n, lineups = case
    rows = list(range(len(lineups)))
    chance.shuffle(rows)
    item, level, sizes = [], [], []
    for r in rows:
        inside = list(range(lineups.start[r], lineups.start[r + 1]))
        chance.shuffle(inside)
        item += lineups.item[inside].tolist()
        level += lineups.level[inside].tolist()
        sizes.append(len(inside))
    columns = ([0, *np.cumsum(sizes)], item, level, lineups.annotator[rows])
    shuffled = Lineups(*(np.array(column, dtype=np.int64) for column in columns))
    one, other = rate(n, lineups, method), rate(n, shuffled, method)
    assert np.all(np.isfinite(one.mu))
    assert np.all(one.sigma > 0)
    assert one.mu.tobytes() == other.mu.tobytes()
    assert one.sigma.tobytes() == other.sigma.tobytes()
    assert one.posterior is not None
    assert np.all(one.posterior.tau >= 0)


def test_images_win_over_all_that_are_put_below_them() -> None:
    wins, losses = tallies(5, lineups_of([[0], [1, 2], [3]], [[3], [0]]))
    assert wins.tolist() == [3, 1, 1, 1, 0]
    assert losses.tolist() == [1, 1, 1, 3, 0]


def test_methods_that_know_pairs_only_take_neighbouring_levels() -> None:
    better, worse, of = neighbouring_pairs(lineups_of([[0], [1, 2], [3]], [[3], [0]]))
    assert list(zip(better.tolist(), worse.tolist(), of.tolist(), strict=True)) == [
        *((0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 0), (3, 0, 1))
    ]
    for method in ("bradley_terry", "trueskill_online"):
        mu = rate(4, lineups_of([[0], [1, 2], [3]]), method).mu
        assert mu[0] > mu[1] > mu[3]


@pytest.mark.parametrize(
    ("lineups", "what"),
    [
        (lineups_of([[0], [1], [9]]), "lineup 0 has an item that is not among 0 … 4"),
        (lineups_of([[0], [1]], [[1], [1]]), "lineup 1 has an item twice"),
        (lineups_of([[0, 1, 2]]), "lineup 0 has no order"),
        (lineups_of([[0], [], [1]]), "lineup 0 has a level without items"),
        (lineups_of([[0]]), "lineup 0 has not 2 to 9 items"),
        (Lineups(NONE, NONE, NONE, NONE), "do not fit together"),
    ],
)
def test_a_lineup_that_is_none_is_refused_by_name(lineups: Lineups, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        check_lineups(5, lineups)
