"""The ancestor's strategies, and the random pairs that the benchmark compares all with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.uniform import choose_uniform
from rating.algorithms.ancestor import A_COMPARISON, sequential_elimination, smart_shuffle
from rating.algorithms.groups import NOTHING_ASKED, Asked
from rating.algorithms.trueskill import trueskill
from tests.algorithms_cases import integers, simulate


def keys(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    return [(min(a, b), max(a, b)) for a, b in zip(first.tolist(), second.tolist(), strict=True)]


ENDS = integers(3, 5, 12)
LEGAL = {
    (a, b)
    for begin, end in ((0, 3), (3, 5), (5, 12))
    for a in range(begin, end)
    for b in range(a + 1, end)
}
FULL = [(0, 1), (5, 6), (5, 7), (10, 11)]
ASKED = Asked(integers(0, 5, 5, 10), integers(1, 6, 7, 11), integers(2, 2, 2, 2), 2)


def test_every_legal_pair_is_drawn_equally_often_and_no_other() -> None:
    times: dict[tuple[int, int], int] = {}
    for seed in range(1000):
        first, second, probability = choose_uniform(
            12, np.arange(12), 2, ASKED, ends=ENDS, seed=seed
        )
        assert probability == pytest.approx([1 / 21, 1 / 20])
        for pair in keys(first, second):
            times[pair] = times.get(pair, 0) + 1
    assert set(times) == LEGAL - set(FULL)
    expected = 2000 / 21
    assert sum((t - expected) ** 2 / expected for t in times.values()) < 50, (
        "χ², 20 degrees, p .0002"
    )


@settings(max_examples=50, deadline=None)
@given(count=st.integers(0, 30), seed=st.integers(0, 2**31))
def test_all_legal_pairs_can_be_drawn_each_once(count: int, seed: int) -> None:
    first, second, _ = choose_uniform(12, np.arange(12), count, ASKED, ends=ENDS, seed=seed)
    drawn = keys(first, second)
    assert len(drawn) == len(set(drawn)) == min(count, 21)
    assert set(drawn) <= LEGAL - set(FULL)


def test_of_a_hundred_thousand_images_a_random_pair_costs_no_list_of_all() -> None:
    first, second, probability = choose_uniform(100_000, np.arange(100_000), 5, NOTHING_ASKED)
    assert len(set(keys(first, second))) == 5
    assert probability[0] == 1 / (100_000 * 99_999 / 2)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 12),
    m=st.integers(0, 40),
    count=st.integers(0, 20),
    cut=st.integers(0, 12),
)
def test_the_smart_shuffle_is_the_ancestors(n: int, m: int, count: int, cut: int) -> None:
    """Against its own words: sort all pairs that were not shown by this key."""
    case = simulate(n, m, seed=m)
    ratings = trueskill(*case.rows)
    ends = integers(min(cut, n), n)
    times: dict[tuple[int, int], int] = {}
    for pair in keys(case.first, case.second):
        times[pair] = times.get(pair, 0) + 1
    low, high = np.array(list(times), dtype=np.int64).reshape(-1, 2).T
    taken = np.array(list(times.values()), dtype=np.int64)
    group = np.searchsorted(ends, np.arange(n), side="right")
    inside = [p for p in times if group[p[0]] == group[p[1]]]
    counts = {i: sum(times[p] for p in inside if i in p) for i in range(n)}

    def key(pair: tuple[int, int]) -> float:
        a, b = pair
        return float(abs(ratings.mu[a] - ratings.mu[b])) + A_COMPARISON * (counts[a] + counts[b])

    unseen = [
        (a, b)
        for a in range(n)
        for b in range(a + 1, n)
        if group[a] == group[b] and (a, b) not in times
    ]
    first, second = smart_shuffle(
        ratings, np.arange(n), count, Asked(low, high, taken, 1), ends=ends
    )
    found = keys(first, second)
    assert len(set(found)) == len(found) == min(count, len(unseen))
    assert set(found) <= set(unseen)
    assert sorted(map(key, found)) == pytest.approx(sorted(map(key, unseen))[: len(found)])


def test_once_all_pairs_were_shown_the_smart_shuffle_shows_them_again_up_to_the_cap() -> None:
    nothing = integers()
    ratings = trueskill(3, nothing, nothing, nothing)
    asked = Asked(integers(0, 0, 1), integers(1, 2, 2), integers(1, 2, 1), 2)
    found = keys(*smart_shuffle(ratings, np.arange(3), 9, asked))
    assert sorted(found) == [(0, 1), (1, 2)]


def test_sequential_elimination_ends_with_a_winner_after_n_minus_one_comparisons() -> None:
    strength = np.random.default_rng(0).normal(size=23)
    remaining, asked = np.arange(23), 0
    while len(remaining) > 1:
        first, second = sequential_elimination(23, remaining, 4, seed=asked)
        assert len(set(first.tolist() + second.tolist())) == 2 * len(first) > 0
        asked += len(first)
        lost = np.where(strength[first] > strength[second], second, first)
        remaining = np.setdiff1d(remaining, lost)
    assert asked == 22
    assert remaining.tolist() == [int(np.argmax(strength))]


def test_sequential_elimination_pairs_neighbours_of_one_prompt() -> None:
    remaining = integers(1, 4, 5, 8, 9)
    first, second = sequential_elimination(10, remaining, 9, ends=integers(3, 5))
    ring = {(1, 4), (4, 5), (1, 5), (8, 9)}
    assert set(keys(first, second)) <= ring
    assert (8, 9) in keys(first, second)
