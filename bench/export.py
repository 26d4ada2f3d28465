"""Benchmark of data in and out: rows a second, the first byte, peak memory; a table, and JSON.

python -m bench.export          a million comparisons out (and the imports), a few minutes
QUICK=1 python -m bench.export  the same with 50,000

It starts a PostgreSQL of its own and fills it by COPY. Every measured run is a process of its own, warm as a
server is. The floor is COPY of the same columns by the database itself, read by the same client and thrown
away.
"""

import json
import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

QUICK = os.environ.get("QUICK") == "1"
ROWS = 50_000 if QUICK else 1_000_000
IMAGES = 1_000 if QUICK else 10_000
PEOPLE = 50
BUDGET = {"jsonl rows/s": 50_000, "first byte ms": 500}
# What a log of a tenth is compared with: memory must not grow with the log.
SMALLER = 10
FLOOR = """
COPY (
  SELECT c.id, c.criterion_id, c.left_id, c.right_id, c.annotator_id, c.outcome, c.strength, c.reason,
    c.duration_ms, a.created_at, c.created_at, c.retracted_at, a.strategy, a.probability
  FROM annotation_comparison c JOIN annotation_assignment a ON a.id = c.assignment_id
  WHERE c.project_id = %s ORDER BY c.created_at, c.id
) TO STDOUT
"""


def export_table() -> list[dict[str, Any]]:
    """How fast the whole log leaves, in each way; ratios are to the floor of the same run."""
    from tests.servers import postgres

    with postgres() as server, tempfile.TemporaryDirectory(prefix="bench-") as data:
        environment = os.environ | {
            "DATABASE_URL": server.url,
            "DATA_DIR": data,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "ERROR",
            "PUBLIC_URL": "http://localhost",
            "REDIS_URL": "unix:///nowhere",
            "SECRET_KEY": secrets.token_urlsafe(50),
        }
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, env=environment, check=True)
        _run("fill", environment)
        rows = [_run(name, environment) for name in MEASURED]
    floor = next(row for row in rows if row["run"] == "floor")
    print(f"\n{ROWS:,} comparisons of {IMAGES:,} images")
    print(
        f"{'run':24}{'seconds':>9}{'rows/s':>12}{'floor ×':>9}{'first ms':>10}{'peak MB':>9}{'MB out':>8}"
    )
    for row in rows:
        if row["rows"] == ROWS:
            row["times_floor"] = row["seconds"] / floor["seconds"]
        print(_line(row))
    return rows


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['run']:24}{row['seconds']:>9.2f}{row['rows'] / row['seconds']:>12,.0f}"
        f"{_cell(row.get('times_floor'), '9.2f')}{_cell(row.get('first_byte_ms'), '10.0f')}"
        f"{row['peak_mb']:>9.0f}{_cell(row.get('megabytes'), '8.0f')}"
    )


def _cell(value: float | None, form: str) -> str:
    return f"{'–':>{form.split('.')[0]}}" if value is None else format(value, form)


def _run(name: str, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.export", "--one", name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


# --- In a process of its own -------------------------------------------------------------------------


def fill() -> dict[str, Any]:
    """Projects with as many images each: with all rows, with a tenth, with a few."""
    from django.db import connection

    from annotation.models import Project, User
    from annotation.services.projects import create_project
    from rating.models import RatingRun

    started = time.perf_counter()
    alice = User.objects.create(username="alice")
    people = [User.objects.create(username=f"person-{n}").id for n in range(PEOPLE)]
    for name, rows in (("all", ROWS), ("tenth", ROWS // SMALLER), ("few", 100)):
        project = create_project(alice, name=name)
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            _fill_project(cursor, project, people, rows)
            cursor.execute("SET session_replication_role = DEFAULT")
            cursor.execute("ANALYZE")
        Project.objects.filter(id=project.id).update(revision=rows)
        RatingRun.objects.create(
            project=project,
            method="trueskill",
            revision=rows,
            comparisons=rows,
            fingerprint="0" * 64,
            seconds=0.0,
        )
    return {"rows": ROWS, "seconds": time.perf_counter() - started}


def _fill_project(cursor: Any, project: Any, people: list[uuid.UUID], rows: int) -> None:
    import random

    chance = random.Random(0)  # noqa: S311 - made-up data
    prompts = [uuid.uuid4() for _ in range(IMAGES // 10)]
    images = [uuid.uuid4() for _ in range(IMAGES)]
    criterion = project.criteria.get().id
    now = datetime(2026, 1, 1, tzinfo=UTC)
    _copy(
        cursor,
        "annotation_prompt (id, project_id, text, digest)",
        (
            (id, project.id, f"prompt {n}, a cat on a sofa", f"{n:064d}")
            for n, id in enumerate(prompts)
        ),
    )
    _copy(
        cursor,
        'annotation_image (id, project_id, prompt_id, name, model, metadata, "group", path, sha256, bytes, '
        "modified_ns, width, height, excluded, excluded_reason, shuffle)",
        (
            (
                id,
                project.id,
                prompts[n // 10],
                f"images/{n:06d}.png",
                f"model-{n % 7}",
                "{}",
                "",
                f"{n}",
                f"{n:064d}",
                1,
                0,
                64,
                64,
                False,
                "",
                0.5,
            )
            for n, id in enumerate(images)
        ),
    )

    def shown() -> Iterator[tuple[Any, ...]]:
        for n in range(rows):
            group = chance.randrange(len(prompts)) * 10
            left, right = chance.sample(range(group, group + 10), 2)
            yield n, images[left], images[right], people[n % PEOPLE], now + timedelta(seconds=n)

    drawn = list(shown())
    ids = [uuid.UUID(int=chance.getrandbits(128)) for _ in range(rows)]
    pairs = list({tuple(sorted((left, right))) for _, left, right, _, _ in drawn})
    cursor.execute("SELECT 1 + coalesce(max(id), 0) FROM annotation_pair")
    first = cursor.fetchone()[0]
    number = {pair: first + n for n, pair in enumerate(pairs)}
    _copy(
        cursor,
        "annotation_pair (id, project_id, criterion_id, low_id, high_id, taken)",
        ((number[pair], project.id, criterion, *pair, 1) for pair in pairs),
    )
    _copy(
        cursor,
        "annotation_assignment (id, project_id, criterion_id, pair_id, annotator_id, left_id, right_id, "
        "strategy, probability, state, created_at, expires_at)",
        (
            (
                ids[n],
                project.id,
                criterion,
                number[tuple(sorted((left, right)))],
                person,
                left,
                right,
                "random",
                0.01,
                "answered",
                at,
                at,
            )
            for n, left, right, person, at in drawn
        ),
    )
    outcomes = ("left", "left", "right", "right", "tie")
    _copy(
        cursor,
        "annotation_comparison (id, assignment_id, project_id, criterion_id, annotator_id, left_id, "
        "right_id, outcome, reason, duration_ms, created_at)",
        (
            (
                ids[n],
                ids[n],
                project.id,
                criterion,
                person,
                left,
                right,
                outcomes[n % 5],
                "the hand has six fingers" if n % 50 == 0 else "",
                1500 + n % 700,
                at,
            )
            for n, left, right, person, at in drawn
        ),
    )


def _copy(cursor: Any, into: str, rows: Iterator[tuple[Any, ...]]) -> None:
    with cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def floor() -> dict[str, Any]:
    from django.db import connection

    project = _project("all")
    started = time.perf_counter()
    size = 0
    with connection.cursor() as cursor, cursor.copy(FLOOR, [project.id]) as copy:
        for block in copy:
            size += len(block)
    return {"rows": ROWS, "seconds": time.perf_counter() - started, "megabytes": size / 1e6}


def exported(file: str, name: str = "all") -> dict[str, Any]:
    """As a worker does it: read, written, hashed, synced to disk."""
    from rating.exports.jobs import request_export, run_export
    from rating.models import Export

    project = _project(name)
    made = request_export(project, project.memberships.get().user, "comparisons", {"file": file})
    started = time.perf_counter()
    run_export(made.id)
    seconds = time.perf_counter() - started
    made = Export.objects.get(id=made.id)
    assert made.status == "done", made.error
    return {"rows": made.rows, "seconds": seconds, "megabytes": made.bytes / 1e6}


def streamed() -> dict[str, Any]:
    """As a download: from the request to the first and to the last byte."""
    from django.db import connection
    from django.urls import reverse
    from rest_framework.test import APIClient

    project = _project("all")
    client = APIClient(headers={"host": "localhost"})
    client.force_authenticate(project.memberships.get().user)
    connection.ensure_connection()
    where = reverse("api-export-stream", args=[project.id])
    started = time.perf_counter()
    chunks = iter(client.get(where))
    size, first = len(next(chunks)), time.perf_counter() - started
    size += sum(map(len, chunks))
    seconds = time.perf_counter() - started
    return {
        "rows": ROWS,
        "seconds": seconds,
        "first_byte_ms": first * 1000,
        "megabytes": size / 1e6,
    }


def _project(name: str) -> Any:
    from annotation.models import Project

    return Project.objects.get(name=name)


MEASURED = {
    "floor": floor,
    "jsonl": lambda: exported("jsonl"),
    "parquet": lambda: exported("parquet"),
    "csv": lambda: exported("csv"),
    "jsonl, a tenth": lambda: exported("jsonl", "tenth"),
    "parquet, a tenth": lambda: exported("parquet", "tenth"),
    "jsonl as a stream": streamed,
}


def measure(name: str) -> dict[str, Any]:
    import django

    django.setup()
    if name != "fill":
        exported("jsonl", "few")  # what is imported at the first use
    result = {"run": name} | (fill() if name == "fill" else MEASURED[name]())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return result | {"peak_mb": peak / 1024}


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2])))
        return
    started = time.monotonic()
    tables: dict[str, Any] = {"budget": BUDGET, "exports": export_table()}
    try:
        from bench.imports import imports_table
    except ImportError:
        print("\nThe imports have no benchmark here.")
    else:
        tables["imports"] = done = imports_table()
        print(
            f"\n{done['pictures']:,} pictures imported: {done['pictures_per_second']:.0f} a second, at most "
            f"{done['peak_memory_mb']:.0f} MB; again, all known: {done['again_seconds']} s; killed after "
            f"{done['killed_after']:,} and resumed, each there once: {done['each_there_once']}"
        )
    path = Path("build/bench/export.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"quick": QUICK, **tables}, indent=1))
    print(f"\n{time.monotonic() - started:.0f} s; {path}")


if __name__ == "__main__":
    main()
