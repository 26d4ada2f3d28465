"""Benchmark of data in and out: rows a second, the first byte, peak memory; a table, and JSON.

python -m bench.export          a million comparisons out (and the imports), a few minutes
QUICK=1 python -m bench.export  the same with 50,000

It starts a PostgreSQL of its own and fills it (bench/project.py). Every measured run is a process of its
own, warm as a server is. The floor is COPY of the same columns by the database itself, read by the same
client and thrown away.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.project import fill, servers
from bench.size import QUICK, SMOKE, sized

ROWS = sized(1_000_000, 50_000, 500)
IMAGES = sized(10_000, 1_000, 50)
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
    with servers():
        fill_projects()
        rows = [_run(name) for name in MEASURED]
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


def _run(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.export", "--one", name]
    environment = os.environ | {"LOG_LEVEL": "ERROR"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def fill_projects() -> None:
    """Projects with as many images each, ten a prompt: with all rows, with a tenth, with a few."""
    from rating.models import RatingRun

    for name, rows in (("all", ROWS), ("tenth", ROWS // SMALLER), ("few", 100)):
        project = fill(name, IMAGES, rows, per_prompt=10)
        RatingRun.objects.create(
            project=project,
            method="trueskill",
            revision=rows,
            comparisons=rows,
            fingerprint="0" * 64,
            seconds=0.0,
        )


# --- In a process of its own -------------------------------------------------------------------------


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
if SMOKE:  # each is a process of its own
    MEASURED = {name: MEASURED[name] for name in ("floor", "parquet", "jsonl as a stream")}


def measure(name: str) -> dict[str, Any]:
    import django

    django.setup()
    exported("jsonl", "few")  # what is imported at the first use
    result = {"run": name} | MEASURED[name]()
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
