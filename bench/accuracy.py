"""Benchmark of the announced accuracy: does the truth lie in the interval, and is the forecast right?

python -m bench.accuracy          all of it, some 20 minutes; or only announced, mistakes or forecast
QUICK=1 python -m bench.accuracy  fewer runs of fewer kinds, in a minute

Each run simulates a project whose truth is known: pairs are chosen at random, or next to one another in
rank as it is known so far (a tenth at random); the people see unequally, and some do not look.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau, spearmanr

from bench.size import sized
from rating.algorithms.accuracy import Measure, accuracy, shifted
from rating.algorithms.annotators import trueskill_annotators
from rating.algorithms.forecast import Goal, forecast
from rating.algorithms.random_share import Check, check_random_share
from rating.algorithms.results import Floats, Integers, Ratings
from rating.algorithms.trueskill import trueskill
from rating.algorithms.worlds import World, likely_worlds

RUNS = sized(60, 12, 3)
TOP = 10
RANDOM_SHARE = 0.1


@dataclass(frozen=True)
class Crowd:
    """sharpness: of people, around 1. spam: who click blindly. lapse: answers given by mistake, by all."""

    people: int = 1
    sharpness: float = 0.0
    pull: float = 0.0
    spam: float = 0.0
    lapse: float = 0.0


@dataclass(frozen=True)
class Kind:
    """A kind of project. spread: of the scores, in standard deviations of a comparison's noise."""

    name: str
    images: int
    votes_an_image: int
    spread: float = 2**0.5
    scores: str = "normal"
    margin: float = 0.0
    adaptive: bool = True
    crowd: Crowd = Crowd()


ONE = Crowd()
UNEQUAL = Crowd(20, sharpness=0.4, pull=0.2)
SPAMMED = Crowd(20, sharpness=0.4, pull=0.2, spam=0.1)
WORSE = Crowd(20, sharpness=0.4, pull=0.2, spam=0.3)

KINDS = [
    Kind("as assumed, random pairs", 50, 4, adaptive=False),
    Kind("as assumed, random pairs", 50, 64, adaptive=False),
    Kind("as assumed", 30, 8),
    Kind("as assumed", 50, 4),
    Kind("as assumed", 50, 16),
    Kind("as assumed", 100, 64),
    Kind("as assumed", 300, 16),
    Kind("noisier", 50, 4, 0.5),
    Kind("noisier", 50, 16, 0.5),
    Kind("noisier", 300, 8, 0.5),
    Kind("spread wider", 50, 4, 5.0),
    Kind("spread wider", 50, 16, 5.0),
    Kind("spread wider", 100, 64, 5.0),
    Kind("uniform scores", 100, 8, scores="uniform"),
    Kind("heavy tails", 100, 8, scores="tails"),
    Kind("a third are ties", 100, 8, margin=0.8),
    Kind("20 unequal people", 100, 4, crowd=UNEQUAL),
    Kind("20 unequal people", 100, 16, crowd=UNEQUAL),
    Kind("20 people, 10 % spam", 50, 4, crowd=SPAMMED),
    Kind("20 people, 10 % spam", 50, 16, crowd=SPAMMED),
    Kind("20 people, 10 % spam", 50, 64, crowd=SPAMMED),
    Kind("20 people, 10 % spam", 300, 16, crowd=SPAMMED),
    Kind("the same, noisier", 50, 4, 0.7, crowd=SPAMMED),
    Kind("the same, noisier", 50, 16, 0.7, crowd=SPAMMED),
    Kind("the same, spread wider", 50, 16, 3.0, crowd=SPAMMED),
    Kind("20 people, 30 % spam", 50, 16, crowd=WORSE),
    Kind("20 people, 30 % spam", 100, 8, crowd=WORSE),
    Kind("10 % mistakes", 100, 16, 3.0, crowd=replace(UNEQUAL, lapse=0.1)),
]


@dataclass(frozen=True)
class Play:
    """A simulated project's truth and its log."""

    strength: Floats
    first: Integers
    second: Integers
    label: Integers
    who: Integers
    at_random: np.ndarray


def play(kind: Kind, seed: int) -> Play:
    """Rounds in which each image is shown once, with the one beside it in what the round sorts by."""
    chance = np.random.default_rng(seed)
    n, crowd, wanted = kind.images, kind.crowd, kind.images * kind.votes_an_image
    strength = (
        kind.spread
        * {
            "normal": lambda: chance.normal(size=n),
            "uniform": lambda: chance.uniform(-(3**0.5), 3**0.5, n),
            "tails": lambda: chance.standard_t(3, n) / 3**0.5,
        }[kind.scores]()
    )
    sharpness = chance.normal(1, crowd.sharpness, crowd.people)
    sharpness[: round(crowd.spam * crowd.people)] = 0.0
    pull = chance.normal(0, crowd.pull, crowd.people)
    rows = np.empty((5, 0), dtype=np.int64)
    while rows.shape[1] < wanted:
        by_chance = not kind.adaptive or rows.shape[1] < n or chance.random() < RANDOM_SHARE
        sorted_by = chance.normal(size=n)
        if not by_chance:
            known = trueskill(n, *rows[:3])
            sorted_by = known.mu + known.sigma * sorted_by
        order = np.argsort(sorted_by)[chance.integers(0, 2) :]
        first, second = order[:-1:2], order[1::2]
        swapped = chance.random(len(first)) < 0.5
        first, second = np.where(swapped, second, first), np.where(swapped, first, second)
        who = chance.integers(0, crowd.people, len(first))
        seen = sharpness[who] * (strength[first] - strength[second]) + pull[who]
        seen += chance.normal(size=len(first))
        label = np.where(seen > kind.margin, 1, np.where(seen < -kind.margin, -1, 0))
        mistaken = chance.random(len(first)) < crowd.lapse
        label = np.where(mistaken, chance.choice([1, -1], len(first)), label)
        new = np.stack([first, second, label, who, np.full(len(first), by_chance)])
        rows = np.concatenate([rows, new.astype(np.int64)], axis=1)
    first, second, label, who, at_random = rows[:, :wanted]
    return Play(strength, first, second, label, who, at_random.astype(bool))


def cut(played: Play, votes: int) -> Play:
    """As it was after so many votes."""
    names = "first", "second", "label", "who", "at_random"
    return replace(played, **{name: getattr(played, name)[:votes] for name in names})


def rate(played: Play, crowd: Crowd) -> tuple[Ratings, Integers | None]:
    n, rows = len(played.strength), (played.first, played.second, played.label)
    if crowd.people == 1:
        return trueskill(n, *rows), None
    return trueskill_annotators(n, *rows, played.who), played.who


def announce(played: Play, crowd: Crowd) -> tuple[Ratings, dict[str, Measure], Check | None]:
    """As a run does: the accuracy of the ratings' order, what the random share says let in."""
    n, rows = len(played.strength), (played.first, played.second, played.label)
    ratings, who = rate(played, crowd)
    likely = likely_worlds(ratings, *rows, who)
    told = accuracy(ratings.mu, likely, [np.arange(n)], TOP)
    again: Any = trueskill if who is None else trueskill_annotators
    check = check_random_share(n, *rows, who, played.at_random, lambda *part: again(n, *part))
    ratio = check.ratio if check else 1.0
    assert told.top is not None
    measures = {"tau": told.tau, "spearman": told.spearman, "top": told.top}
    return ratings, {name: shifted(value, ratio) for name, value in measures.items()}, check


def truth(played: Play, mu: Floats) -> dict[str, float]:
    best, really = set(np.argsort(-mu)[:TOP]), set(np.argsort(-played.strength)[:TOP])
    return {
        "tau": float(kendalltau(mu, played.strength)[0]),
        "spearman": float(spearmanr(mu, played.strength)[0]),
        "top": len(best & really) / TOP,
    }


def announced_table() -> list[dict[str, Any]]:
    """How often the truth lay in the announced interval, a kind of project a line."""
    print(
        f"\nannounced accuracy, {RUNS} runs a line; “covers”: runs whose truth is in the interval"
    )
    print(
        f"{'':28}{'images × votes':>15}{'tau':>7}{'announced':>11}{'width':>7}{'covers':>8}"
        f"{'Spearman':>10}{'top 10':>8}{'announced':>11}{'covers':>8}{'alarms':>8}"
    )
    rows = []
    for kind in sized(KINDS, KINDS[2::4], KINDS[3:4]):
        row = _announced(kind)
        rows.append(row)
        print(
            f"{kind.name:28}{kind.images:>8} × {kind.votes_an_image:<4}{row['tau']:>7.3f}"
            f"{row['tau_announced']:>11.3f}{row['tau_width']:>7.3f}{row['tau_covers']:>8.0%}"
            f"{row['spearman_covers']:>10.0%}{row['top']:>8.2f}{row['top_announced']:>11.2f}"
            f"{row['top_covers']:>8.0%}{row['alarms']:>8.0%}",
            flush=True,
        )
    if rows:
        mean = {key: np.mean([row[key] for row in rows]) for key in rows[0] if "covers" in key}
        print("all:", ", ".join(f"{key} {value:.1%}" for key, value in mean.items()))
    return rows


def _announced(kind: Kind) -> dict[str, Any]:
    seen: list[dict[str, float]] = []
    for seed in range(RUNS):
        played = play(kind, seed)
        ratings, told, check = announce(played, kind.crowd)
        row = {"alarms": float(check is not None and check.disagrees)}
        for name, true in truth(played, ratings.mu).items():
            measure = told[name]
            row[name], row[f"{name}_announced"] = true, measure.estimate
            row[f"{name}_width"] = measure.high - measure.low
            row[f"{name}_covers"] = float(measure.low - 1e-9 <= true <= measure.high + 1e-9)
        seen.append(row)
    return {
        "kind": kind.name,
        "images": kind.images,
        "votes_an_image": kind.votes_an_image,
        **{key: float(np.mean([row[key] for row in seen])) for key in seen[0]},
    }


def mistakes_table() -> list[dict[str, Any]]:
    """How often the random share speaks up, by how many of all answers are mistakes, even on clear pairs."""
    print(
        f"\nthe random share against the model, {RUNS} runs a line (100 images × 16, scores spread 5)"
    )
    print(
        f"{'mistakes':>10}{'promised':>10}{'seen':>8}{'alarms':>8}{'tau':>8}{'announced':>11}{'covers':>8}"
    )
    rows = []
    for lapse in sized((0.0, 0.05, 0.1, 0.2), (0.0, 0.1), (0.1,)):
        kind = Kind("", 100, 16, 5.0, crowd=Crowd(lapse=lapse))
        checks, seen = [], []
        for seed in range(RUNS):
            played = play(kind, seed)
            ratings, told, check = announce(played, kind.crowd)
            assert check is not None
            checks.append((check.promised, check.seen, float(check.disagrees)))
            true = truth(played, ratings.mu)["tau"]
            inside = told["tau"].low <= true <= told["tau"].high
            seen.append((true, told["tau"].estimate, float(inside)))
        names = "promised", "seen", "alarms", "tau", "tau_announced", "tau_covers"
        means = [float(x) for x in (*np.mean(checks, axis=0), *np.mean(seen, axis=0))]
        rows.append({"mistakes": lapse, **dict(zip(names, means, strict=True))})
        promised, agreed, alarms, tau, announced, covers = means
        print(
            f"{lapse:>10.0%}{promised:>10.1%}{agreed:>8.1%}{alarms:>8.0%}{tau:>8.3f}"
            f"{announced:>11.3f}{covers:>8.0%}",
            flush=True,
        )
    return rows


FORECASTS = [
    (Kind("as assumed", 50, 80), 8, "tau", 0.85),
    (Kind("as assumed", 100, 80), 8, "tau", 0.85),
    (Kind("noisier", 50, 120, 0.7), 8, "tau", 0.7),
    (Kind("20 people, 10 % spam", 50, 120, crowd=SPAMMED), 12, "tau", 0.8),
    (Kind("as assumed", 50, 120), 8, "top", 0.8),
]


def forecast_table() -> list[dict[str, Any]]:
    """What was forecast to a target, against what it then took until the target was announced."""
    runs = RUNS // 3
    print(f"\nforecast of further votes, {runs} runs a line")
    print(
        f"{'':28}{'images × votes':>15}{'to':>10}{'took':>8}{'forecast':>10}{'ratio':>8}"
        f"{'within 1.5':>12}{'in interval':>13}"
    )
    rows = []
    for kind, start, goal, value in sized(FORECASTS, FORECASTS[::4], FORECASTS[4:]):
        told = [_forecast(kind, start, goal, value, seed) for seed in range(runs)]
        pairs = [pair for pair in told if pair is not None]
        ratio = np.array([found / took for found, took, _ in pairs])
        row = {
            "kind": kind.name,
            "images": kind.images,
            "votes_an_image": start,
            "goal": goal,
            "value": value,
            "runs": len(pairs),
            "took": float(np.median([took for _, took, _ in pairs])),
            "forecast": float(np.median([found for found, _, _ in pairs])),
            "ratio": float(np.median(ratio)),
            "within_1.5": float(np.mean((ratio < 1.5) & (ratio > 1 / 1.5))),
            "in_interval": float(np.mean([inside for *_, inside in pairs])),
        }
        rows.append(row)
        print(
            f"{kind.name:28}{kind.images:>8} × {start:<4}{goal:>7} {value:<3}{row['took']:>7,.0f}"
            f"{row['forecast']:>10,.0f}{row['ratio']:>8.2f}{row['within_1.5']:>12.0%}"
            f"{row['in_interval']:>13.0%}",
            flush=True,
        )
    return rows


def _forecast(
    kind: Kind, start: int, goal: str, value: float, seed: int
) -> tuple[float, float, bool] | None:
    """(forecast, took, whether within the interval); None where the target is there already, or never is."""
    whole, n = play(kind, seed), kind.images
    groups, begin = [np.arange(n)], n * start

    def told(votes: int) -> tuple[list[World], Measure]:
        part = cut(whole, votes)
        ratings, who = rate(part, kind.crowd)
        likely = likely_worlds(ratings, part.first, part.second, part.label, who)
        measured = getattr(accuracy(ratings.mu, likely, groups, TOP), goal)
        return likely, measured

    likely, measured = told(begin)
    found = forecast(likely, groups, measured, begin, Goal(goal, value, TOP), seed=seed)
    if measured.low >= value or not found.votes:
        return None
    votes = begin
    while votes < len(whole.label):
        votes += max(n // 2, votes // 20)
        if told(votes)[1].low >= value:
            took = votes - begin
            high = found.high if found.high is not None else found.most
            return found.votes, took, (found.low or 0) <= took <= high
    return None


TABLES: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "announced": announced_table,
    "mistakes": mistakes_table,
    "forecast": forecast_table,
}


def main() -> None:
    wanted = sys.argv[1:] or list(TABLES)
    for name in wanted:
        rows = TABLES[name]()
        path = Path("build/bench") / f"accuracy-{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
