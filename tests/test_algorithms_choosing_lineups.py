"""Lineups are chosen where their answers are expected to teach the ranking most."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from rating.algorithms.choosing_lineups import ChosenLineups, choose_lineups
from rating.algorithms.methods import METHODS
from rating.algorithms.results import Floats, Lineups, Ratings
from tests.test_algorithms_lineups import NONE, lineups_of, simulated


def rated(n: int, lineups: Lineups | None = None) -> Ratings:
    return METHODS["trueskill"].rate(n, NONE, NONE, NONE, None, lineups or lineups_of())


def sets_of(chosen: ChosenLineups) -> list[list[int]]:
    return [chosen.item[a:b].tolist() for a, b in zip(chosen.start, chosen.start[1:], strict=False)]


def test_each_image_is_once_in_a_layer_so_that_people_answer_side_by_side() -> None:
    chosen = sets_of(choose_lineups(rated(40), np.arange(40), 4, 8, seed=3))
    shown = [item for items in chosen for item in items]
    assert len(chosen) == 8
    assert len(set(shown)) == len(shown)
    assert all(len(items) == 4 for items in chosen)


def test_more_are_chosen_than_fit_side_by_side_if_more_are_wanted() -> None:
    chosen = sets_of(choose_lineups(rated(10), np.arange(10), 3, 20, seed=3))
    assert len(chosen) == 20
    assert len({tuple(items) for items in chosen}) > 15


def test_a_lineup_is_of_one_prompt_and_small_prompts_are_shown_whole() -> None:
    ends = np.array([10, 13, 15, 16])
    chosen = sets_of(choose_lineups(rated(16), np.arange(16), 5, 30, ends=ends, seed=1))
    prompts = [
        {int(np.searchsorted(ends, item, side="right")) for item in items} for items in chosen
    ]
    assert all(len(of) == 1 for of in prompts)
    assert [10, 11, 12] in chosen
    assert all(item < 13 for items in chosen for item in items), "two images are no lineup"


def test_the_same_seed_gives_the_same_lineups_and_another_one_others() -> None:
    ratings = rated(
        30, simulated(np.random.default_rng(0), np.linspace(-2, 2, 30), 40, 4, "order", [])
    )
    one, same, other = (
        choose_lineups(ratings, np.arange(30), 4, 6, seed=seed) for seed in (1, 1, 2)
    )
    assert sets_of(one) == sets_of(same)
    assert sets_of(one) != sets_of(other)


def spread_out() -> tuple[Floats, Ratings]:
    chance = np.random.default_rng(4)
    strength = np.sort(chance.normal(0, 2, 60))[::-1].copy()
    return strength, rated(60, simulated(chance, strength, 400, 4, "order", []))


def test_neighbours_in_rank_meet_and_not_the_best_and_the_worst() -> None:
    _, ratings = spread_out()
    rank = np.argsort(np.argsort(-ratings.mu))
    chosen = sets_of(choose_lineups(ratings, np.arange(60), 4, 10, seed=0))
    assert np.mean([np.ptp(rank[items]) for items in chosen]) < 12


def test_the_goal_of_the_top_asks_at_its_border() -> None:
    _, ratings = spread_out()
    rank = np.argsort(np.argsort(-ratings.mu))
    chosen = choose_lineups(ratings, np.arange(60), 4, 2, goal="top", top=10, seed=0)
    assert np.all(np.abs(rank[chosen.item] - 9.5) < 12)


def test_what_is_on_a_screen_already_is_not_asked_again() -> None:
    ratings = rated(8)
    shown = np.triu_indices(4, 1)
    pending = np.repeat(shown[0], 5), np.repeat(shown[1], 5)
    (first,) = sets_of(choose_lineups(ratings, np.arange(8), 4, 1, pending=pending, seed=0))
    assert len({0, 1, 2, 3} & set(first)) <= 1


def test_an_image_that_nobody_has_judged_comes_in_soon() -> None:
    chance = np.random.default_rng(5)
    ratings = rated(31, simulated(chance, chance.normal(0, 1, 30), 300, 4, "order", []))
    chosen = sets_of(choose_lineups(ratings, np.arange(31), 4, 4, seed=0))
    assert 30 in [item for items in chosen for item in items]


def test_chosen_lineups_need_fewer_screens_than_random_ones() -> None:
    def screens(chosen: bool) -> int:
        chance = np.random.default_rng(7)
        strength = chance.normal(0, 2, 60)
        lineups: list[list[list[int]]] = []
        ratings = rated(60)
        while not kendalltau(ratings.mu, strength)[0] >= 0.8:
            asked = choose_lineups(ratings, np.arange(60), 4, 10, seed=len(lineups))
            sets = (
                sets_of(asked)
                if chosen
                else [chance.choice(60, 4, replace=False) for _ in range(10)]
            )
            for items in map(list, sets):
                seen = strength[items] + chance.normal(0, 0.5**0.5, 4)
                best = items.pop(int(np.argmax(seen)))
                lineups.append([[best], items])
            ratings = rated(60, lineups_of(*lineups))
        return len(lineups)

    assert screens(chosen=True) < 0.7 * screens(chosen=False)


def test_two_images_are_a_pair_and_no_lineup() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        choose_lineups(rated(4), np.arange(4), 2, 1)
    assert len(choose_lineups(rated(2), np.arange(2), 3, 5)) == 0
