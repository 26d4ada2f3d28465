"""How many screens a ranking takes when people are shown several images at a time.

Simulated people judge 100 images whose strengths are as far apart as one comparison is noisy (crowd), or
three times as far (clear). Screens are chosen by the product's strategies or at random, and rated by the
product's `trueskill`. A table of screens to Kendall tau 0.8 and 0.9, with standard errors.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from bench.size import QUICK, sized
from rating.algorithms.choosing import choose_adaptive
from rating.algorithms.choosing_lineups import choose_lineups
from rating.algorithms.groups import Asked
from rating.algorithms.methods import METHODS
from rating.algorithms.results import Integers, Lineups, Ratings

IMAGES, SEEDS = sized((100, 20), (50, 3), (10, 1))
MOST = sized(8000, 8000, 12)
NONE = np.zeros(0, dtype=np.int64)
KINDS = [
    ("pair", 2),
    *(("best", 4), ("best_worst", 4), ("order", 4)),
    *(("best_worst", 6), ("order", 6), ("order", 9)),
]
SPREADS = {"crowd": 1.0, "clear": 3.0}
TARGETS = (0.8, 0.9)

Levels = list[list[int]]
Choose = Callable[[Ratings, list[Levels], int, int], list[list[int]]]


def levels_of(kind: str, best_first: list[int]) -> Levels:
    if kind == "best":
        return [best_first[:1], best_first[1:]]
    if kind == "best_worst":
        return [best_first[:1], best_first[1:-1], best_first[-1:]]
    return [[item] for item in best_first]


def rate(said: list[Levels]) -> Ratings:
    """Two in order are rated as the comparison that they are."""
    if said and len(flat(said[0])) == 2:
        first, second = np.array([flat(levels) for levels in said]).T
        return METHODS["trueskill"].rate(IMAGES, first, second, np.ones(len(said), np.int64))
    sizes = [len(flat(levels)) for levels in said]
    columns = (
        [0, *np.cumsum(sizes)],
        [item for levels in said for item in flat(levels)],
        [at for levels in said for at, level in enumerate(levels) for _ in level],
        [0] * len(said),
    )
    lineups = Lineups(*(np.array(column, dtype=np.int64) for column in columns))
    return METHODS["trueskill"].rate(IMAGES, NONE, NONE, NONE, None, lineups)


def flat(levels: Levels) -> list[int]:
    return [item for level in levels for item in level]


def adaptive(ratings: Ratings, said: list[Levels], size: int, count: int) -> list[list[int]]:
    members = np.arange(IMAGES)
    if size == 2:
        asked = Asked(NONE, NONE, NONE, 1)
        pairs = choose_adaptive(ratings, members, count, asked, seed=len(said))
        return [
            list(pair) for pair in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
        ]
    chosen = choose_lineups(ratings, members, size, count, seed=len(said))
    return [chosen.item[a:b].tolist() for a, b in zip(chosen.start, chosen.start[1:], strict=False)]


def at_random(ratings: Ratings, said: list[Levels], size: int, count: int) -> list[list[int]]:
    chance = np.random.default_rng([len(said), size])
    return [chance.choice(IMAGES, size, replace=False).tolist() for _ in range(count)]


def screens(kind: str, size: int, spread: float, choose: Choose, seed: int) -> list[float]:
    """Screens until each of TARGETS is reached; nan where that takes more than MOST."""
    chance = np.random.default_rng([seed, size])
    strength: Integers = chance.normal(0, spread, IMAGES)
    said: list[Levels] = []
    ratings, reached = rate(said), [float("nan")] * len(TARGETS)
    while len(said) < MOST and np.isnan(reached).any():
        for items in choose(ratings, said, size, max(8, len(said) // 50)):
            seen = strength[items] + chance.normal(0, 0.5**0.5, size)
            said.append(levels_of(kind, [items[k] for k in np.argsort(-seen)]))
        ratings = rate(said)
        tau = kendalltau(ratings.mu, strength)[0]
        for k, target in enumerate(TARGETS):
            if np.isnan(reached[k]) and tau >= target:
                reached[k] = len(said)
    return reached


def table() -> list[dict]:
    rows = []
    print(f"\nScreens to tau, {IMAGES} images, {SEEDS} seeds (standard error)")
    for name, spread in SPREADS.items():
        for kind, size in KINDS:
            for choose in (adaptive, at_random):
                found = np.array([screens(kind, size, spread, choose, k) for k in range(SEEDS)])
                row = {"setting": name, "screen": kind, "size": size, "choice": choose.__name__}
                for k, target in enumerate(TARGETS):
                    row[f"tau {target}"] = float(found[:, k].mean())
                    row[f"se {target}"] = float(found[:, k].std() / max(SEEDS - 1, 1) ** 0.5)
                rows.append(row)
                told = "  ".join(f"{row[f'tau {t}']:8.0f} ({row[f'se {t}']:.0f})" for t in TARGETS)
                print(f"{name:6} {kind:10} {size}  {choose.__name__:10} {told}", flush=True)
    return rows


def main() -> None:
    started = time.monotonic()
    rows = table()
    path = Path("build/bench/lineups.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"quick": QUICK, "rows": rows}, indent=1))
    print(f"\n{time.monotonic() - started:.0f} s; {path}")


if __name__ == "__main__":
    main()
