"""The pairs that are chosen are legal, few enough, spread over the images, and worth asking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.algorithms import choosing as module
from rating.algorithms.annotators import trueskill_annotators
from rating.algorithms.choosing import Chosen, choose_adaptive
from rating.algorithms.groups import NOTHING_ASKED, Asked
from rating.algorithms.results import Ratings
from rating.algorithms.trueskill import trueskill
from rating.algorithms.trueskill_online import trueskill_online
from tests.algorithms_cases import integers, simulate

GOALS = ("ranking", "top", "training")


def rated(n: int, m: int, seed: int = 0) -> tuple[Ratings, np.ndarray]:
    """Ratings after m random comparisons of n items, and the true strengths."""
    case = simulate(n, m, seed=seed)
    return trueskill(*case.rows), case.strength


def keys(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    return [(min(a, b), max(a, b)) for a, b in zip(first.tolist(), second.tolist(), strict=True)]


def pairs_of(chosen: Chosen) -> list[tuple[int, int]]:
    return keys(chosen.first, chosen.second)


def asked_before(pairs: dict[tuple[int, int], int], cap: int) -> Asked:
    low, high = np.array(list(pairs), dtype=np.int64).reshape(-1, 2).T
    return Asked(low, high, np.array(list(pairs.values()), dtype=np.int64), cap)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_was_asked_only_legal_pairs_are_chosen_and_never_beyond_their_places(
    data: st.DataObject,
) -> None:
    n = data.draw(st.integers(2, 9), label="items")
    case = simulate(n, data.draw(st.integers(0, 30), label="comparisons"), seed=n)
    members = np.array(data.draw(st.permutations(range(n)), label="members"), dtype=np.int64)
    members = members[: data.draw(st.integers(2, n))]
    cut = data.draw(st.integers(0, len(members)), label="end of the first group")
    ends = np.array([cut, len(members)])
    cap = data.draw(st.integers(1, 3), label="cap")
    every = [(a, b) for a in range(n) for b in range(a + 1, n)]
    taken = data.draw(st.dictionaries(st.sampled_from(every), st.integers(0, 3)), label="taken")
    waiting = data.draw(st.lists(st.sampled_from(every), max_size=5), label="pending")
    pending = np.array(waiting, dtype=np.int64).reshape(-1, 2).T
    count = data.draw(st.integers(0, 30), label="count")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "JOINT", data.draw(st.sampled_from([1, 400]), label="joint up to"))
        chosen = choose_adaptive(
            trueskill(*case.rows),
            members,
            count,
            asked_before(taken, cap),
            goal=data.draw(st.sampled_from(GOALS)),
            top=data.draw(st.integers(1, 12)),
            ends=ends,
            pending=(pending[0], pending[1]),
        )
    groups = [set(members[:cut].tolist()), set(members[cut:].tolist())]
    times = {pair: taken.get(pair, 0) for pair in every}
    for pair in pairs_of(chosen):
        assert any(set(pair) <= group for group in groups)
        times[pair] += 1
        assert times[pair] <= cap
    assert len(chosen) <= count
    legal = [p for p in every if any(set(p) <= g for g in groups) and taken.get(p, 0) < cap]
    assert len(chosen) >= min(count, len(legal)), "none is left out while people wait"
    assert (np.diff(chosen.layer) >= 0).all()
    for layer in set(chosen.layer.tolist()):
        shown = np.concatenate(
            [column[chosen.layer == layer] for column in (chosen.first, chosen.second)]
        )
        assert len(set(shown.tolist())) == len(shown), "each image once a layer"
    assert np.isfinite(chosen.value).all()


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("joint", [1, 400])
def test_the_same_seed_gives_the_same_bits_and_another_splits_ties_otherwise(
    monkeypatch: pytest.MonkeyPatch, goal: str, joint: int
) -> None:
    monkeypatch.setattr(module, "JOINT", joint)
    nothing = integers()
    fresh = trueskill(20, nothing, nothing, nothing)
    one, same, other = (
        choose_adaptive(fresh, np.arange(20), 10, NOTHING_ASKED, goal=goal, seed=seed)  # type: ignore[arg-type]
        for seed in (1, 1, 2)
    )
    assert one.value.tobytes() == same.value.tobytes()
    assert pairs_of(one) == pairs_of(same)
    assert set(pairs_of(one)) != set(pairs_of(other))


@pytest.mark.parametrize("goal", ["ranking", "top"])
@pytest.mark.parametrize("joint", [1, 400])
def test_new_images_come_in_at_once(monkeypatch: pytest.MonkeyPatch, goal: str, joint: int) -> None:
    """Five images are added to a project of forty that is well ranked."""
    monkeypatch.setattr(module, "JOINT", joint)
    case = simulate(40, 800)
    ratings = trueskill(45, case.first, case.second, case.label)
    chosen = choose_adaptive(ratings, np.arange(45), 6, NOTHING_ASKED, goal=goal)  # type: ignore[arg-type]
    shown = {item for pair in pairs_of(chosen) for item in pair}
    assert shown >= {40, 41, 42, 43, 44}


@pytest.mark.parametrize("joint", [1, 400])
def test_pairs_on_somebodys_screen_are_not_chosen_again(
    monkeypatch: pytest.MonkeyPatch, joint: int
) -> None:
    monkeypatch.setattr(module, "JOINT", joint)
    ratings, _ = rated(40, 100)
    first = choose_adaptive(ratings, np.arange(40), 6, NOTHING_ASKED)
    waiting = first.first, first.second
    # Places are left: it is about information.
    many = Asked(*waiting, np.ones(6, dtype=np.int64), 20)
    again = choose_adaptive(ratings, np.arange(40), 6, many, pending=waiting)
    assert not set(pairs_of(first)) & set(pairs_of(again))
    unaware = choose_adaptive(ratings, np.arange(40), 6, many)
    busy = {item for pair in pairs_of(first) for item in pair}

    def of_the_busy(chosen: Chosen) -> int:
        return sum(item in busy for pair in pairs_of(chosen) for item in pair)

    assert of_the_busy(again) < of_the_busy(unaware)
    assert again.value[0] < first.value[0]


@pytest.mark.parametrize("joint", [1, 400])
def test_for_the_top_the_pairs_lie_at_its_border(
    monkeypatch: pytest.MonkeyPatch, joint: int
) -> None:
    monkeypatch.setattr(module, "JOINT", joint)
    ratings, _ = rated(60, 1200)
    rank = np.argsort(np.argsort(-ratings.mu))
    for top in (5, 30):
        chosen = choose_adaptive(ratings, np.arange(60), 4, NOTHING_ASKED, goal="top", top=top)
        for pair in pairs_of(chosen):
            assert abs(np.mean(rank[list(pair)]) + 0.5 - top) < 8


def test_a_pair_whose_order_is_known_is_worth_less_than_one_in_doubt() -> None:
    first = np.repeat([0, 0, 1], 12)
    second = np.repeat([1, 2, 2], 12)
    label = np.concatenate([np.tile([1, -1], 6), np.ones(24, dtype=np.int64)])  # 0 and 1 are equals
    chosen = choose_adaptive(trueskill(3, first, second, label), np.arange(3), 1, NOTHING_ASKED)
    assert pairs_of(chosen) == [(0, 1)]


def test_for_training_every_prompt_gets_a_certain_preference_before_any_gets_its_second() -> None:
    """Two prompts of three images; in the first one a winner is certain."""
    first, second = np.full(30, 0), np.repeat([1, 2], 15)
    ratings = trueskill(6, first, second, np.ones(30, dtype=np.int64))
    ends = np.array([3, 6])
    chosen = choose_adaptive(ratings, np.arange(6), 1, NOTHING_ASKED, goal="training", ends=ends)
    assert min(pairs_of(chosen)[0]) >= 3
    ranking = choose_adaptive(ratings, np.arange(6), 6, NOTHING_ASKED, goal="training", ends=ends)
    assert (1, 2) in pairs_of(ranking), "the equals are asked last, but they are legal"
    assert pairs_of(ranking)[0] != (1, 2)


def test_the_count_is_shared_between_prompts_by_what_their_votes_are_worth() -> None:
    """A prompt that nobody has compared comes before one with forty comparisons."""
    case = simulate(6, 40)
    ratings = trueskill(12, case.first, case.second, case.label)
    chosen = choose_adaptive(ratings, np.arange(12), 3, NOTHING_ASKED, ends=np.array([6, 12]))
    assert all(min(pair) >= 6 for pair in pairs_of(chosen))


def test_many_small_prompts_are_one_call() -> None:
    """2,000 prompts of 4 images, a pair for 1,000 of them; prompts with no place left are passed over."""
    case = simulate(8000, 0)
    ratings = trueskill(*case.rows)
    low, high = np.array([(a, b) for a in range(4) for b in range(a + 1, 4)]).T
    full = np.arange(0, 4000, 4)[:, None]
    places = (full + low).ravel(), (full + high).ravel()
    asked = Asked(*places, np.ones(6000, dtype=np.int64), 1)
    chosen = choose_adaptive(ratings, np.arange(8000), 1000, asked, ends=np.arange(4, 8001, 4))
    assert len(chosen) == 1000
    assert (chosen.first // 4 == chosen.second // 4).all()
    assert chosen.first.min() >= 4000
    assert len(set((chosen.first // 4).tolist())) > 600, "spread over the prompts"


def test_an_image_that_was_excluded_still_tells_of_those_it_was_compared_with() -> None:
    """Items 0 and 1 lost to the excluded item 3 and beat it, many times; nothing is known of item 2."""
    first, second = np.repeat([0, 1], 20), np.full(40, 3)
    ratings = trueskill(4, first, second, np.tile([1, -1], 20))
    for seed in range(5):
        chosen = choose_adaptive(ratings, np.arange(3), 1, NOTHING_ASKED, seed=seed)
        assert 2 in pairs_of(chosen)[0]
        assert 3 not in pairs_of(chosen)[0]


def test_ratings_without_a_joint_posterior_will_do() -> None:
    case = simulate(30, 300)
    chosen = choose_adaptive(trueskill_online(*case.rows), np.arange(30), 8, NOTHING_ASKED)
    assert len(set(pairs_of(chosen))) == 8


def test_votes_of_a_crowd_of_clickers_are_worth_less() -> None:
    sharp, clicks = np.ones(10), np.where(np.arange(10) < 6, 0.0, 1.0)
    values = []
    for sharpness in (sharp, clicks):
        case = simulate(40, 2000, sharpness=sharpness, seed=3)
        ratings = trueskill_annotators(*case.rows, case.annotator)
        values.append(module._typical_vote(ratings))
    assert values[0][0] > 0.9
    assert 0.25 < values[1][0] < 0.6, "four of ten look"


def test_both_rules_agree_on_which_votes_are_worth_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the rule for large groups chooses is of high value to the joint one, far above a random pair."""
    ratings, _ = rated(120, 1500)
    monkeypatch.setattr(module, "JOINT", 1)
    local = choose_adaptive(ratings, np.arange(120), 10, NOTHING_ASKED)
    monkeypatch.setattr(module, "JOINT", 400)
    joint = choose_adaptive(ratings, np.arange(120), 60, NOTHING_ASKED)
    assert len(set(pairs_of(local)) & set(pairs_of(joint))) >= 3
    chance = np.random.default_rng(0)
    random = {tuple(sorted(chance.choice(120, 2, replace=False).tolist())) for _ in range(10)}
    assert len(random & set(pairs_of(joint))) <= 1


def play(strategy: str, seed: int, votes: int = 160) -> float:
    """Kendall's tau after so many votes on 40 images, 8 at a time."""
    from scipy.stats import kendalltau

    chance = np.random.default_rng(seed)
    strength = chance.normal(0, 2.0, 40)
    rows = np.empty((3, 0), dtype=np.int64)
    while rows.shape[1] < votes:
        ratings = trueskill(40, *rows)
        if strategy == "random":
            first = chance.integers(0, 40, 8)
            second = (first + chance.integers(1, 40, 8)) % 40
        else:
            chosen = choose_adaptive(ratings, np.arange(40), 8, NOTHING_ASKED, seed=rows.shape[1])
            first, second = chosen.first, chosen.second
        seen = strength[first] - strength[second] + chance.normal(size=8)
        rows = np.concatenate([rows, [first, second, np.where(seen > 0, 1, -1)]], axis=1)
    return float(kendalltau(strength, trueskill(40, *rows).mu)[0])


def test_the_ranking_is_better_than_with_random_pairs() -> None:
    ours = [play("adaptive", seed) for seed in range(3)]
    random = [play("random", seed) for seed in range(3)]
    assert np.mean(ours) > np.mean(random) + 0.03


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"goal": "best"}, "goal must be one of ranking, top, training, not best"),
        ({"count": -1}, "count at least 0"),
        ({"top": 0}, "top must be at least 1"),
        ({"members": integers(0, 1, 1)}, "twice among the members"),
        ({"members": integers(0, 7)}, "not among 0 … 3"),
        ({"ends": integers(3)}, "ends must ascend to the number of members"),
        ({"asked": Asked(integers(0), integers(1), integers(1), 0)}, "cap must be at least 1"),
        ({"asked": Asked(integers(0), integers(0), integers(1), 1)}, "pair 0 is not of two"),
        ({"asked": Asked(integers(0), integers(1), integers(), 1)}, "must be of one length"),
        ({"pending": (integers(0), integers(9))}, "pair 0 is not of two of the 4 items"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, sentence: str) -> None:
    nothing = integers()
    given_: dict = {"members": np.arange(4), "count": 2, "asked": NOTHING_ASKED}
    with pytest.raises(ValueError, match=sentence):
        choose_adaptive(trueskill(4, nothing, nothing, nothing), **(given_ | change))
