"""Benchmark of the ratings: time and memory, spammers, held-out comparisons; a table, and JSON.

python -m bench.rating          all of it, about an hour; or only speed, spammers, held_out, fresh by name
QUICK=1 python -m bench.rating  the first three from smaller runs, in a minute

Every timed run is a process of its own, one thread, compiled code loaded before by a tiny run. A method
that is capped rates fewer comparisons of the same items a comparison count; its seconds are then
extrapolated in proportion, and say so.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau, rankdata

from bench.data import DATA, load
from bench.peers import METHODS_AND_PEERS, MISSING
from bench.size import QUICK, sized

SIZES = sized(
    [(1_000, 10_000), (10_000, 200_000), (100_000, 2_000_000)], [(1_000, 10_000)], [(50, 200)]
)
TIME_LIMIT = sized(300, 60, 60)
QUICK_CAP = {
    "choix": 2_000,
    "trueskillthroughtime": 500,
    "crowd-kit NoisyBradleyTerry": 500,
}
SLOW_SEEDS = 3
SLOW = ("trueskillthroughtime", "crowd-kit NoisyBradleyTerry")
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}


def simulate(n, m, sharpness, bias, seed):  # type: ignore[no-untyped-def]
    chance = np.random.default_rng(seed)
    strength = chance.normal(0, 2**0.5, n)
    first = chance.integers(0, n, m)
    second = (first + chance.integers(1, n, m)) % n
    who = chance.integers(0, len(sharpness), m)
    seen = sharpness[who] * (strength[first] - strength[second]) + bias[who] + chance.normal(size=m)
    return strength, first, second, np.where(seen > 0, 1, -1), who


def measure(name: str, n: int, m: int, seed: int = 0) -> dict:
    """Seconds, peak memory over the data, tau and coverage of one run, in this process."""
    rate = METHODS_AND_PEERS[name][0]
    people = np.ones(max(10, n // 20))
    strength, first, second, label, who = simulate(n, m, people, 0 * people, seed)
    small = slice(0, 50)
    rate(n, first[small], second[small], label[small], who[small])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    rated = rate(n, first, second, label, who)
    seconds = time.perf_counter() - started
    if seconds < 0.5:  # short runs are at the mercy of the machine: the best of several
        for _ in range(5):
            started = time.perf_counter()
            rate(n, first, second, label, who)
            seconds = min(seconds, time.perf_counter() - started)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    result = {"seconds": seconds, "peak_mb": peak, "tau": float(kendalltau(strength, rated.mu)[0])}
    if rated.sigma is not None:
        truth = rated.scale[0] + rated.scale[1] * strength
        result["coverage"] = float(np.mean(np.abs(truth - rated.mu) < 1.959964 * rated.sigma))
    return result


def speed_table() -> list[dict]:
    rows = []
    for n, m in SIZES:
        for name, (_, cap, why) in METHODS_AND_PEERS.items():
            if QUICK and name in QUICK_CAP:
                cap = QUICK_CAP[name]
            timed = min(m, cap)
            items = max(20, n * timed // m)
            row = {"method": name, "items": n, "comparisons": m, "timed": timed}
            command = [sys.executable, "-m", "bench.rating", "--one", name, str(items), str(timed)]
            try:
                done = subprocess.run(
                    command,
                    env=os.environ | THREADS,
                    capture_output=True,
                    text=True,
                    timeout=TIME_LIMIT,
                )
                row |= (
                    json.loads(done.stdout)
                    if done.returncode == 0
                    else {"failed": done.stderr[-200:]}
                )
            except subprocess.TimeoutExpired:
                row["failed"] = f"more than {TIME_LIMIT} s"
            if timed < m and "seconds" in row:
                row["seconds"] *= m / timed
                row["extrapolated"] = why
                del row["peak_mb"], row["tau"]
                row.pop("coverage", None)
            rows.append(row)
        base = next(r for r in rows if r["items"] == n and r["method"] == "pairwright trueskill")
        print(f"\n{n:,} items, {m:,} comparisons")
        print(f"{'method':32}{'seconds':>10}{'× ours':>9}{'MB':>8}{'tau':>8}{'covers':>8}")
        for r in (r for r in rows if r["items"] == n):
            print(_speed_line(r, base))
    return rows


def _speed_line(r: dict, base: dict) -> str:
    if "failed" in r:
        return f"{r['method']:32}  failed: {r['failed'].strip().splitlines()[-1][:70]}"
    mark = (
        f"  extrapolated from {r['timed']:,} ({r['extrapolated']})" if "extrapolated" in r else ""
    )
    return (
        f"{r['method']:32}{r['seconds']:>10.4f}{r['seconds'] / base['seconds']:>9.1f}"
        + _cell(r.get("peak_mb"), ".0f")
        + _cell(r.get("tau"), ".4f")
        + _cell(r.get("coverage"), ".3f")
        + mark
    )


def _cell(value: float | None, form: str) -> str:
    return f"{'–' if value is None else format(value, form):>8}"


MIXED = "30 % mixed with reversed"
CROWDS = {
    "nobody": (0.0, ""),
    "30 % random": (0.3, "r"),
    "30 % always left": (0.3, "l"),
    MIXED: (0.3, "rlx"),
    "40 % mixed": (0.4, "rlx"),
}
SPAM_METHODS = [name for name in METHODS_AND_PEERS if name not in ("choix", "trueskillthroughtime")]


def spam_table() -> list[dict]:
    """100 items, 50 people, 2,000 comparisons; tau to truth, AUC of telling spammers, coverage."""
    rows = []
    seeds = int(os.environ.get("SEEDS", sized(12, 2, 1)))
    for title, (share, kinds) in CROWDS.items():
        if QUICK and title not in sized((), ("nobody", MIXED), (MIXED,)):
            continue
        print(
            f"\nspammers: {title} ({seeds} seeds)\n{'method':32}{'tau':>8}{'± se':>8}{'AUC':>8}{'covers':>8}"
        )
        for name in [*SPAM_METHODS, "oracle: spammers removed"]:
            if QUICK and name in SLOW:
                continue
            used = min(seeds, SLOW_SEEDS) if name in SLOW else seeds
            runs = [_spam_run(name, share, kinds, seed) for seed in range(used)]
            taus, aucs, covers = zip(*runs, strict=True)
            row = {"spammers": title, "method": name, "tau": float(np.mean(taus))}
            row["tau_se"] = float(np.std(taus) / len(taus) ** 0.5)
            row["auc"] = None if aucs[0] is None else float(np.mean(aucs))
            row["coverage"] = None if covers[0] is None else float(np.mean(covers))
            rows.append(row)
            print(
                f"{name:32}{row['tau']:>8.4f}{row['tau_se']:>8.4f}"
                + _cell(row["auc"], ".3f")
                + _cell(row["coverage"], ".3f")
            )
    return rows


def _spam_run(name: str, share: float, kinds: str, seed: int) -> tuple:
    people = 50
    sharpness, bias = np.ones(people), np.zeros(people)
    bad = np.arange(people) < round(share * people)
    for k in np.flatnonzero(bad):
        kind = kinds[k % len(kinds)]
        sharpness[k], bias[k] = {"r": (0, 0), "l": (0, 3), "x": (-1, 0)}[kind]
    strength, *rows = simulate(100, 2_000, sharpness, bias, seed)
    if name.startswith("oracle"):
        rows = [column[~bad[rows[3]]] for column in rows]
        name = "pairwright trueskill"
    rated = METHODS_AND_PEERS[name][0](100, *rows)
    tau = float(kendalltau(strength, rated.mu)[0])
    told = covers = None
    if rated.spammer is not None and bad.any():
        ranks, p = rankdata(rated.spammer), int(bad.sum())
        told = (ranks[bad].sum() - p * (p + 1) / 2) / (p * (people - p))
    if rated.sigma is not None:
        truth = rated.scale[0] + rated.scale[1] * strength
        covers = np.mean(np.abs(truth - rated.mu) < 1.959964 * rated.sigma)
    return tau, told, covers


def held_out_table() -> list[dict]:
    """Log-loss, accuracy and calibration on a fifth of the comparisons, not seen before; mean of splits."""
    rows = []
    for data in ("llmfao", "ukp_convincing", "pc_iqa"):
        if not (DATA / f"{data}.csv.gz").exists() or (QUICK and data != "llmfao"):
            print(f"\n{data}: left out ({'QUICK' if QUICK else 'not found in ' + str(DATA)})")
            continue
        n, *columns = load(data)
        splits = 1 if QUICK else 5 if data == "llmfao" else 2
        print(
            f"\nheld out: {data} ({n} items, {len(columns[0]):,} decided, {splits} splits of 20 %)"
        )
        print(f"{'method':32}{'log-loss':>10}{'accuracy':>10}{'off by':>8}")
        for name, (rate, _, why) in METHODS_AND_PEERS.items():
            if name == "trueskillthroughtime" or (QUICK and name in SLOW):
                continue
            if data == "pc_iqa" and name == "pairwright trueskill_annotators":
                continue
            if name == "crowd-kit NoisyBradleyTerry" and len(columns[0]) > 20_000:
                print(f"{name:32}  left out ({why})")
                continue
            scores = [_held_out(rate, n, columns, seed) for seed in range(splits)]
            loss, right, off = np.mean(scores, axis=0).tolist()
            rows.append(
                {
                    "data": data,
                    "method": name,
                    "log_loss": loss,
                    "accuracy": right,
                    "calibration": off,
                }
            )
            print(f"{name:32}{loss:>10.4f}{right:>10.4f}{off:>8.3f}")
    return rows


def _held_out(rate, n, columns, seed) -> tuple[float, float, float]:  # type: ignore[no-untyped-def]
    out = np.random.default_rng(seed).random(len(columns[0])) < 0.2
    rated = rate(n, *(column[~out] for column in columns))
    first, second, label, who = (column[out] for column in columns)
    p = np.clip(rated.prefers(first, second, who), 1e-6, 1 - 1e-6)
    won = label > 0
    loss = -np.mean(np.log(np.where(won, p, 1 - p)))
    right = np.mean(np.where(p == 0.5, 0.5, (p > 0.5) == won))
    bins = np.minimum((p * 10).astype(int), 9)
    off = sum(abs(p[bins == b].sum() - won[bins == b].sum()) for b in range(10)) / len(p)
    return float(loss), float(right), float(off)


def _fresh_table() -> list[dict]:
    # Here, since each timed process would load its servers.
    from bench.fresh import fresh_table

    return fresh_table()


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        name, n, m = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
        print(json.dumps(measure(name, n, m)))
        return
    os.environ.update(THREADS)
    started = time.monotonic()
    for name in MISSING:
        print(f"{name}: left out, not installed (the dependency group bench; make bench-rating)")
    makers = {
        "speed": speed_table,
        "spammers": spam_table,
        "held_out": held_out_table,
        "fresh": _fresh_table,
    }
    wanted = sys.argv[1:] or [name for name in makers if not (QUICK and name == "fresh")]
    tables = {name: makers[name]() for name in wanted}
    path = Path("build/bench/rating.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"quick": QUICK, **tables}, indent=1))
    print(f"\n{time.monotonic() - started:.0f} s; {path}")


if __name__ == "__main__":
    main()
