"""Benchmark of the ratings where people give few comparisons each: held-out log-loss, and tau to the truth.

python -m bench.few_votes          simulated crowds, and the real sets in DATA if they are there; minutes
QUICK=1 python -m bench.few_votes  fewer seeds

Three methods are compared on the same comparisons: `trueskill`, `trueskill_annotators` with the spread of
sharpness learnt without a limit, as it was before, and `trueskill_annotators` as it is.
"""

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from bench.data import DATA, load
from bench.size import QUICK, sized
from rating.algorithms import annotators
from rating.algorithms.annotators import trueskill_annotators
from rating.algorithms.predict import predict
from rating.algorithms.results import NotConverged, Ratings
from rating.algorithms.trueskill import trueskill

ITEMS, COMPARISONS = sized((200, 1_000), (200, 1_000), (20, 100))
CLICKERS = 0.1
SEEDS = int(os.environ.get("SEEDS", sized(20, 3, 1)))
PER_PERSON = sized((1, 2, 5, 10), (1, 2, 5, 10), (2,))
SETS = {"ukp_convincing": 2, "llmfao": 5}
HELD_OUT_MAX = 20_000
OUTPUT = Path("build/bench/few_votes.json")

Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@contextmanager
def spread_unlimited() -> Iterator[None]:
    limit = annotators.SPREAD_MAX
    annotators.SPREAD_MAX = math.inf
    try:
        yield
    finally:
        annotators.SPREAD_MAX = limit


def rate_unlimited(n: int, *columns: np.ndarray) -> Ratings:
    with spread_unlimited():
        return trueskill_annotators(n, *columns)


METHODS: dict[str, Callable[..., Ratings]] = {
    "trueskill": trueskill,
    "spread without limit": rate_unlimited,
    "trueskill_annotators": trueskill_annotators,
}


@dataclass(frozen=True)
class Line:
    """Means over seeds and their standard errors; spread and prior variance as they were learnt.

    failed: how many fits did not converge; those do not enter the means.
    """

    data: str
    per_person: int
    method: str
    loss: float
    loss_error: float
    tau: float
    tau_error: float
    spread: float
    prior_variance: float
    failed: int


@dataclass(frozen=True)
class Task:
    """Comparisons to learn from and those to predict, of n items; truth, where it is known."""

    n: int
    learn: Columns
    held_out: Columns
    truth: np.ndarray | None = None


def simulated(per_person: int, seed: int) -> Task:
    """Draw items of variance 2, and people of sharpness e^N(0, .3²), a tenth of whom click."""
    chance = np.random.default_rng((per_person, seed))
    people = COMPARISONS // per_person
    sharpness = np.exp(chance.normal(0, 0.3, people))
    sharpness[: round(CLICKERS * people)] = 0.0
    strength = chance.normal(0, 2**0.5, ITEMS)

    def votes(who: np.ndarray) -> Columns:
        first = chance.integers(0, ITEMS, len(who))
        second = (first + chance.integers(1, ITEMS, len(who))) % ITEMS
        seen = sharpness[who] * (strength[first] - strength[second]) + chance.normal(size=len(who))
        return first, second, np.where(seen > 0, 1, -1), who

    return Task(
        ITEMS,
        votes(np.repeat(np.arange(people), per_person)),
        votes(chance.integers(0, people, HELD_OUT_MAX)),
        strength,
    )


def thinned_out(name: str, per_person: int, seed: int) -> Task:
    """Draw so many comparisons of each person; the others are to be predicted. 0: four fifths of all."""
    n, *columns = load(name)
    chance = np.random.default_rng((per_person, seed))
    order = chance.permutation(len(columns[0]))
    first, second, label, who = (column[order] for column in columns)
    if per_person:
        by_person = np.argsort(who, kind="stable")
        _, start, count = np.unique(who[by_person], return_index=True, return_counts=True)
        place = np.empty(len(who), dtype=np.int64)
        place[by_person] = np.arange(len(who)) - np.repeat(start, count)
        known = place < per_person
    else:
        known = chance.random(len(who)) >= 0.2
    rest = np.flatnonzero(~known)[:HELD_OUT_MAX]
    return Task(
        n,
        (first[known], second[known], label[known], who[known]),
        (first[rest], second[rest], label[rest], who[rest]),
    )


def few_votes_table() -> list[Line]:
    lines = [
        line
        for per_person in PER_PERSON
        for line in _compare(
            "simulation", per_person, [simulated(per_person, seed) for seed in range(SEEDS)]
        )
    ]
    for name, splits in SETS.items():
        if not (DATA / f"{name}.csv.gz").exists():
            print(f"\n{name}: left out (not found in {DATA})")
            continue
        seeds = range(1 if QUICK else splits)
        for per_person in (*PER_PERSON, 0):
            tasks = [thinned_out(name, per_person, seed) for seed in seeds]
            lines += _compare(name, per_person, tasks)
    return lines


def _compare(data: str, per_person: int, tasks: list[Task]) -> Iterator[Line]:
    print(f"\n{data}, {per_person or 'all'} comparisons per person ({len(tasks)} runs)")
    print(f"{'method':24}{'log-loss':>18}{'tau':>18}{'spread':>8}{'variance':>10}{'failed':>8}")
    for method, rate in METHODS.items():
        line = _measure(data, per_person, method, rate, tasks)
        print(
            f"{method:24}{line.loss:>10.4f} ± {line.loss_error:.4f}"
            f"{line.tau:>10.4f} ± {line.tau_error:.4f}{line.spread:>8.2f}"
            f"{line.prior_variance:>10.2f}{line.failed:>8}",
            flush=True,
        )
        yield line


def _measure(
    data: str, per_person: int, method: str, rate: Callable[..., Ratings], tasks: list[Task]
) -> Line:
    scores = []
    for task in tasks:
        try:
            rated = rate(task.n, *(task.learn if method != "trueskill" else task.learn[:3]))
        except NotConverged:
            continue
        tau = math.nan if task.truth is None else float(kendalltau(task.truth, rated.mu)[0])
        spread = rated.settings["spread"][0] if "spread" in rated.settings else math.nan
        scores.append((_loss(rated, task), tau, spread, rated.settings["prior_variance"]))
    failed = len(tasks) - len(scores)
    if not scores:
        return Line(data, per_person, method, *[math.nan] * 6, failed=failed)
    loss, tau, spread, variance = np.array(scores).T
    return Line(
        data,
        per_person,
        method,
        *_mean_and_error(loss),
        *_mean_and_error(tau),
        spread=float(spread.mean()),
        prior_variance=float(variance.mean()),
        failed=failed,
    )


def _loss(rated: Ratings, task: Task) -> float:
    first, second, label, who = task.held_out
    p = np.clip(predict(rated, first, second, who), 1e-6, 1 - 1e-6)
    return float(-np.mean(np.log(np.where(label > 0, p, 1 - p))))


def _mean_and_error(values: np.ndarray) -> Iterable[float]:
    return float(values.mean()), float(values.std() / len(values) ** 0.5)


def main() -> None:
    lines = few_votes_table()
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps([asdict(line) for line in lines], indent=1))
    print(f"\n{OUTPUT}")


if __name__ == "__main__":
    main()
