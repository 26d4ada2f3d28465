"""A project of any size on a private PostgreSQL, for benchmarks of what users wait for."""

import os
import secrets
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tests.servers import guarded_directory, postgres, valkey

# width, height, model, metadata, group, modified_ns, excluded, excluded_reason
PICTURE = (768, 512, "", "{}", "", 0, False, "")


@contextmanager
def servers() -> Iterator[None]:
    """Django on a PostgreSQL and a Valkey of its own, migrated."""
    with ExitStack() as stack:
        directory, _ = stack.enter_context(guarded_directory())
        os.environ |= {
            "DATABASE_URL": stack.enter_context(postgres()).url,
            "REDIS_URL": stack.enter_context(valkey()).url,
            "DATA_DIR": str(directory),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SECRET_KEY": secrets.token_hex(32),
            "PUBLIC_URL": "http://localhost",
            "ALLOWED_HOSTS": "testserver,localhost",
            "STATIC_ROOT": str(directory / "static"),
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        yield


def fill(images: int, comparisons: int, people: int = 50, seed: int = 0) -> Any:
    """A project with so many images, and a log of so many comparisons by so many people, half of it random
    pairs twice: what a busy team leaves after weeks. Written past the ORM, in seconds."""
    from django.db import connection

    from annotation.models import Project, User
    from annotation.services.projects import create_project

    chance = np.random.default_rng(seed)
    team = User.objects.bulk_create(User(username=f"{images}-{k}") for k in range(people))
    project = create_project(team[0], name="Benchmark", state=Project.State.OPEN)
    criterion = project.criteria.get()
    ids = sorted(_uuids(chance, images))
    strength = chance.normal(0, 2**0.5, images)
    pairs = _pairs(chance, images, comparisons)
    low, high = np.divmod(pairs, images)
    swap = chance.random(len(pairs)) < 0.5
    left, right = np.where(swap, high, low), np.where(swap, low, high)
    seen = strength[left] - strength[right] + chance.normal(size=len(pairs))
    outcome = np.where(np.abs(seen) < 0.1, "tie", np.where(seen > 0, "left", "right")).tolist()
    who = [team[k].id for k in chance.integers(0, people, len(pairs)).tolist()]
    asked, said = _uuids(chance, len(pairs)), _uuids(chance, len(pairs))
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    times = [begin + timedelta(seconds=k) for k in range(len(pairs))]
    sides = [(ids[a], ids[b]) for a, b in zip(left.tolist(), right.tolist(), strict=True)]
    kept, pair, taken = np.unique(pairs, return_inverse=True, return_counts=True)
    same, shown = (project.id, criterion.id), ("pair", "ranking")
    with connection.cursor() as cursor:
        # Foreign keys are right by construction; checking them row by row takes most of the time.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM annotation_pair")
        (base,) = cursor.fetchone()
        _copy(
            cursor,
            "annotation_image (id, project_id, name, path, sha256, bytes, width, height, model, metadata, "
            '"group", modified_ns, excluded, excluded_reason, shuffle)',
            (
                (id, project.id, f"{k}.png", f"{k}.png", f"{k:064x}", 1, *PICTURE, place)
                for k, (id, place) in enumerate(
                    zip(ids, chance.random(images).tolist(), strict=True)
                )
            ),
        )
        low, high = np.divmod(kept, images)
        _copy(
            cursor,
            "annotation_pair (id, project_id, criterion_id, low_id, high_id, taken)",
            (
                (base + k, *same, ids[a], ids[b], n)
                for k, (a, b, n) in enumerate(
                    zip(low.tolist(), high.tolist(), taken.tolist(), strict=True)
                )
            ),
        )
        cursor.execute("SELECT setval('annotation_pair_id_seq', %s)", [base + len(kept)])
        _copy(
            cursor,
            "annotation_assignment (id, pair_id, annotator_id, left_id, right_id, project_id, criterion_id, "
            "screen, purpose, strategy, probability, state, created_at, expires_at)",
            (
                (
                    asked[k],
                    base + of,
                    who[k],
                    *sides[k],
                    *same,
                    *shown,
                    "random",
                    0.1,
                    "answered",
                    times[k],
                    times[k],
                )
                for k, of in enumerate(pair.tolist())
            ),
        )
        _copy(
            cursor,
            "annotation_comparison (id, assignment_id, annotator_id, left_id, right_id, project_id, "
            "criterion_id, screen, purpose, outcome, reason, duration_ms, created_at)",
            (
                (
                    said[k],
                    asked[k],
                    who[k],
                    *sides[k],
                    *same,
                    *shown,
                    outcome[k],
                    "",
                    1500,
                    times[k],
                )
                for k in range(len(pairs))
            ),
        )
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")
    Project.objects.filter(id=project.id).update(revision=len(pairs))
    project.refresh_from_db()
    return project


def _pairs(chance: np.random.Generator, images: int, comparisons: int) -> np.ndarray:
    """low · images + high of each comparison."""
    first = chance.integers(0, images, comparisons)
    second = (first + chance.integers(1, images, comparisons)) % images
    return np.minimum(first, second) * images + np.maximum(first, second)


def _uuids(chance: np.random.Generator, count: int) -> list[uuid.UUID]:
    raw = chance.bytes(16 * count)
    return [uuid.UUID(bytes=raw[k : k + 16], version=4) for k in range(0, len(raw), 16)]


def _copy(cursor: Any, into: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def peak_mb() -> float:
    """The most memory that this process has held so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")
