"""Benchmark of the choice of pairs: comparisons needed, as a ratio to random pairs; a table, and JSON.

python -m bench.pairing                  all of it, more than an hour; or simulated, replayed, elimination
QUICK=1 python -m bench.pairing          50 images and few seeds, in two minutes; SEEDS=8: so many
python -m bench.pairing --data FOLDER    where the real data sets are (or DATA); left out if not there

Each strategy plays the same worlds (strengths, people) with the same inference. What is counted is the
comparisons after which a target was first reached. A run that is given up before counts with all of its
comparisons: the line then says ≥, or ≤ where it was one of random pairs, ~ where both. Errors are of the
ratio of the means, by the jackknife over seeds.
"""

import argparse
import json
import math
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from bench.size import QUICK, sized

THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
PROCESSES = sized(2, 2, 1)
SEEDS = sized({50: 20, 100: 20, 200: 20, 1000: 3}, {50: 2}, {20: 2})
if "SEEDS" in os.environ:
    SEEDS = dict.fromkeys(SEEDS, int(os.environ["SEEDS"]))
# Comparisons an image after which a run is given up.
MOST = sized({"clean": 25, "crowd": 60}, {"clean": 15, "crowd": 30}, {"clean": 4, "crowd": 4})
MOST_LARGE = {"clean": 12, "crowd": 30}  # at 1,000 images
REPLAY_SEEDS = sized(8, 2, 1)
BASE = ("random", "pooled")
PLAYED = [
    BASE,
    ("adaptive", "pooled"),
    ("adaptive, top", "pooled"),
    ("ASAP", "pooled"),
    ("smart shuffle", "pooled"),
    ("Swiss", "pooled"),
]
BY_PERSON = [("random", "annotators"), ("adaptive", "annotators")]

Run = tuple[tuple, dict]


def ratio(votes: Iterable[float], base: Iterable[float]) -> tuple[float, float]:
    """The ratio of the means and its standard error, seeds in pairs, by the jackknife."""
    x, y = np.array(list(votes), dtype=float), np.array(list(base), dtype=float)
    without = (x.sum() - x) / np.maximum(y.sum() - y, 1e-9)
    error = math.sqrt((len(x) - 1) * np.var(without)) if len(x) > 1 else math.nan
    return float(x.sum() / y.sum()), error


def run(job: tuple) -> Run:
    """In a process of the pool."""
    from bench import replay, simulation, strategies

    kind, where, n, strategy, inference, seed = job
    if kind == "replay":
        return job, replay.replay(where, strategy, seed)
    most = (MOST if n < 1000 else MOST_LARGE)[where] * n
    made = strategies.STRATEGIES[strategy]()
    return job, simulation.simulate(where, n, made, inference, seed, most)


def warm_up() -> None:
    """Load or compile what is timed."""
    from bench import simulation, strategies

    for made in strategies.STRATEGIES.values():
        for inference in simulation.INFERENCE:
            simulation.simulate("crowd", 20, made(), inference, 0, 40)


def table(jobs: list[tuple], targets: list[str]) -> list[dict]:
    """Play all jobs; print and return a line for each strategy, as soon as its seeds are through."""
    warm_up()  # compiled once, not by each process
    missing = Counter(job[:5] for job in jobs)
    runs: dict[tuple, list[dict]] = {}
    lines = []
    for job, result in results_of(jobs):
        key = job[:5]
        runs.setdefault(key, []).append(result)
        missing[key] -= 1
        if not missing[key]:
            if key[3:] == BASE:
                _head(key, len(runs[key]), targets)
            lines.append(_line(key, runs[key], runs[key[:3] + BASE], targets))
    return lines


def results_of(jobs: list[tuple]) -> Iterator[Run]:
    """In their order, from several processes at once."""
    if PROCESSES == 1:
        yield from map(run, jobs)
        return
    with get_context("spawn").Pool(PROCESSES, initializer=warm_up) as pool:
        yield from pool.imap(run, jobs)


def _head(key: tuple, seeds: int, targets: list[str]) -> None:
    kind, where, n = key[:3]
    print(f"\n{kind}: {where}{f', {n:,} images' if n else ''}, {seeds} seeds")
    print(f"{'strategy / inference':28}" + "".join(f"{t:>26}" for t in targets) + f"{'ms/pair':>9}")


def _line(key: tuple, runs: list[dict], base: list[dict], targets: list[str]) -> dict:
    """key: (kind, where, images, strategy, inference)."""
    line = dict(zip(("kind", "where", "images", "strategy", "inference"), key, strict=True))
    line |= {"seeds": len(runs), "ms_a_pair": float(np.mean([r["ms"] for r in runs]))}
    cells = ""
    for target in targets:
        cell = line[target] = _cell(target, runs, base)
        mark = "≤" if cell["base_missed"] else ""
        if cell["missed"]:
            mark = "~" if mark else "≥"
        text = f"{cell['votes']:,.0f} × {mark}{cell['ratio']:.3f} ± {cell['error']:.3f}"
        cells += f"{text:>26}"
    print(f"{key[3] + ' / ' + key[4]:28}{cells}{line['ms_a_pair']:>9.2f}", flush=True)
    return line


def _cell(target: str, runs: list[dict], base: list[dict]) -> dict:
    votes = [r["reached"][target] or r["votes"] for r in runs]
    other = [r["reached"][target] or r["votes"] for r in base]
    value, error = ratio(votes, other)
    missed = sum(r["reached"][target] is None for r in runs)
    base_missed = sum(r["reached"][target] is None for r in base)
    return {
        "votes": float(np.mean(votes)),
        "ratio": value,
        "error": error,
        "missed": missed,
        "base_missed": base_missed,
    }


def simulated() -> list[dict]:
    from bench.simulation import TARGETS

    jobs = [
        ("simulated", where, n, *played, seed)
        for n, seeds in SEEDS.items()
        for where in ("crowd", "clean")
        for played in PLAYED + (BY_PERSON if where == "crowd" else [])
        for seed in range(seeds)
    ]
    return table(jobs, list(TARGETS))


def replayed() -> list[dict]:
    from bench import data, replay

    there = [name for name in replay.CONTEXTS if (data.DATA / f"{name}.csv.gz").exists()]
    for name in set(replay.CONTEXTS) - set(there):
        print(f"\nreplay: {name} left out (not found in {data.DATA})")
    jobs = [
        ("replay", name, 0, strategy, "pooled", seed)
        for name in there
        if not QUICK or name == "llmfao"
        for strategy in ("random", "adaptive", "ASAP", "smart shuffle", "Swiss")
        for seed in range(REPLAY_SEEDS)
    ]
    return table(jobs, list(replay.TARGETS))


def elimination() -> list[dict]:
    """Where the ancestor's sequential elimination ends: after n − 1 comparisons, with a winner."""
    from bench import strategies

    print("\nsequential elimination: n − 1 comparisons, then it is over")
    lines = []
    for where in ("crowd", "clean"):
        for n, seeds in SEEDS.items():
            ends = [strategies.eliminate(where, n, seed) for seed in range(max(seeds, 10))]
            taus, tops = np.mean(ends, axis=0).tolist()
            print(f"{where:8}{n:6,} images: tau {taus:.2f}, the best image wins in {tops:.0%}")
            lines.append({"where": where, "images": n, "tau": taus, "best_wins": tops})
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tables", nargs="*", help="simulated, replayed, elimination; all if none")
    parser.add_argument("--data", help="the folder of the real data sets (or DATA)")
    parser.add_argument("--images", type=int, nargs="*", help="of 50, 100, 200, 1000; all if none")
    parser.add_argument("--json", default="build/bench/pairing.json", help="where the numbers go")
    given = parser.parse_args()
    os.environ.update(THREADS)
    if given.data:
        os.environ["DATA"] = given.data
    started = time.monotonic()
    makers = {"simulated": simulated, "replayed": replayed, "elimination": elimination}
    if unknown := set(given.tables) - set(makers):
        parser.error(f"no table is called {', '.join(sorted(unknown))}")
    for n in set(SEEDS) - set(given.images or SEEDS):
        del SEEDS[n]
    path = Path(given.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    done = {name: makers[name]() for name in given.tables or makers}
    path.write_text(json.dumps({"quick": QUICK, **done}, indent=1))
    print(f"\n{time.monotonic() - started:.0f} s; {path}")


if __name__ == "__main__":
    main()
