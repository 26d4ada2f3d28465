"""What it costs to open the next pair: time through the API, statements, and time in the database.

python -m bench.opening          100,000 images and 1,000,000 comparisons, some minutes
QUICK=1 python -m bench.opening  1,000 images and 10,000 comparisons, in seconds
EXPLAIN=1                        also prints the plan of each statement, once for each case

Each case is asked in turn with a trivial health check: the ratio of the two is free of the machine's mood.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.project import fill, servers
from bench.size import sized

EXPLAIN = os.environ.get("EXPLAIN") == "1"
SIZE = sized((100_000, 1_000_000), (1_000, 10_000), (60, 200))
TIMES = sized(100, 50, 5)
OUTPUT = Path("build/bench/opening.json")


class Watched:
    """The statements of a stretch of work, and the seconds that they took."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, Any, float]] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.statements.append((sql, params, time.perf_counter() - started))

    @property
    def ms(self) -> float:
        return 1000 * sum(seconds for *_, seconds in self.statements)


def opening_table() -> list[dict[str, Any]]:
    rows = []
    with servers():
        started = time.perf_counter()
        project = fill("opening", *SIZE)
        print(f"{SIZE[0]:,} images, {SIZE[1]:,} comparisons (made in {_since(started):.0f} s)")
        columns = ("p50 ms", "p95 ms", "× health", "statements", "db ms", "inside")
        print(f"{'case':40}" + "".join(f"{name:>12}" for name in columns))
        for name, prepare in CASES.items():
            prepare(project)
            rows.append({"case": name, **_measure(project)})
            print(_line(rows[-1]), flush=True)
        started = time.perf_counter()
        filled = _full_queue(project)
        rows.append({"case": "filling", "proposals": filled, "s": _since(started)})
        print(f"filling the queue with {filled} proposals: {rows[-1]['s']:.2f} s in the worker")
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(rows, indent=2))
    return rows


def _since(started: float) -> float:
    return time.perf_counter() - started


def _line(row: dict[str, Any]) -> str:
    times = [f"{row[key]:>12.1f}" for key in ("p50_ms", "p95_ms", "ratio")]
    times += [f"{row['statements']:>12}"]
    times += [f"{row[key]:>12.2f}" for key in ("database_ms", "inside_ms")]
    return f"{row['case']:40}" + "".join(times)


# --- Cases -------------------------------------------------------------------------------------------


def _full_queue(project: Any, overlap: int = 1) -> int:
    """By the random strategy's own drawing: what it holds does not matter to the hand-out."""
    from annotation.models import Project
    from annotation.services import queue

    Project.objects.filter(id=project.id).update(overlap=overlap)
    queue.MOST_RANDOM = queue.LEAST = 2 * TIMES
    return queue.refill(project.id)


def _empty_queue(project: Any, overlap: int = 1) -> None:
    from django.conf import settings

    from annotation.models import Project, Proposal

    settings.REDIS_URL = ""
    Project.objects.filter(id=project.id).update(overlap=overlap)
    Proposal.objects.all().delete()


CASES: dict[str, Callable[[Any], Any]] = {
    "full queue": _full_queue,
    "empty queue, no worker, no broker": _empty_queue,
    "the same, a million pairs half done": lambda project: _empty_queue(project, overlap=2),
    "full queue, a million pairs half done": lambda project: _full_queue(project, overlap=2),
}


# --- Measuring ---------------------------------------------------------------------------------------


def _measure(project: Any) -> dict[str, Any]:
    from django.db import connection
    from django.test import Client

    from annotation.models import Membership, User

    person = User.objects.filter(comparisons__project=project).order_by("id")[7]
    Membership.objects.get_or_create(project=project, user=person)
    client = Client()
    client.force_login(person)
    opened, health, watched = [], [], []
    for _ in range(TIMES + 5):
        started = time.perf_counter()
        client.get("/healthz")
        health.append(_since(started))
        watch = Watched()
        with _watching(connection, watch):
            started = time.perf_counter()
            answer = client.post(
                f"/api/v1/projects/{project.id}/assignments/", {}, content_type="application/json"
            )
            opened.append(_since(started))
        watched.append(watch)
        (assignment,) = answer.json()["results"]
        _answer(client, assignment["id"])
    # The first ones warm up.
    opened, health, watched = opened[5:], health[5:], watched[5:]
    return {
        "p50_ms": 1000 * median(opened),
        "p95_ms": 1000 * quantiles(opened, n=20)[-1],
        "ratio": median(opened) / median(health),
        "statements": int(median(len(watch.statements) for watch in watched)),
        "database_ms": median(watch.ms for watch in watched),
        # Of a few: by the database's own clock, so without the way there and back.
        "inside_ms": median(_inside(watch) for watch in watched[:: TIMES // 5]),
    }


@contextmanager
def _watching(connection: Any, watch: Watched) -> Any:
    watcher: AbstractContextManager[Any] = connection.execute_wrapper(watch)
    with watcher:
        yield


def _answer(client: Any, assignment: str) -> None:
    answer = {"assignment": assignment, "outcome": "left", "duration_ms": 1500}
    made = client.post("/api/v1/comparisons/", answer, content_type="application/json")
    assert made.status_code == 201, made.content


def _inside(watch: Watched) -> float:
    """Milliseconds that the database itself says these statements take, planned and executed once more."""
    from django.db import connection, transaction

    total = 0.0
    for sql, params, seconds in watch.statements:
        if EXPLAIN:
            print(f"\n-- {1000 * seconds:.2f} ms\n{' '.join(sql.split())[:1500]}")
        if not sql.lstrip().upper().startswith(("SELECT", "WITH", "DELETE", "UPDATE", "INSERT")):
            continue
        with transaction.atomic(), connection.cursor() as cursor:
            if sql.startswith("INSERT"):
                # A row that is there already would be refused.
                sql = sql.replace("RETURNING", "ON CONFLICT DO NOTHING RETURNING")
            cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, BUFFERS) {sql}", params)
            plan = [line for (line,) in cursor.fetchall()]
            transaction.set_rollback(True)
        times = [
            line.split()[-2] for line in plan if line.startswith(("Planning T", "Execution T"))
        ]
        total += sum(map(float, times))
        if EXPLAIN:
            print("\n".join("    " + line for line in plan))
    return total


if __name__ == "__main__":
    opening_table()
