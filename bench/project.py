"""A project of any size on a private PostgreSQL, for benchmarks of what users wait for."""

import os
import secrets
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, repeat
from typing import Any

import numpy as np

from tests.servers import guarded_directory, postgres, valkey

# Set for the processes that benchmarks start, and by whoever runs several on the same servers.
READY = "BENCH_SERVERS_READY"
OUTCOMES = np.array(["left", "right", "tie"])


@contextmanager
def servers() -> Iterator[None]:
    """Django on a PostgreSQL and a Valkey of its own, migrated; on those that are there, if READY says so."""
    with ExitStack() as stack:
        if not os.environ.get(READY):
            os.environ |= started(stack)
        import django

        django.setup()
        if not os.environ.get(READY):
            prepare()
            os.environ[READY] = "1"
            stack.callback(os.environ.pop, READY)
        yield


def prepare() -> None:
    """Make the tables and collect the static files, as the first start of the program does."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)


def started(stack: ExitStack) -> dict[str, str]:
    """Start the servers until the stack is left; the environment of a Django that uses them."""
    directory, _ = stack.enter_context(guarded_directory())
    return {
        "DATABASE_URL": stack.enter_context(postgres()).url,
        "REDIS_URL": stack.enter_context(valkey()).url,
        "DATA_DIR": str(directory),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": secrets.token_hex(32),
        "PUBLIC_URL": "http://localhost",
        "ALLOWED_HOSTS": "testserver,localhost",
        "STATIC_ROOT": str(directory / "static"),
    }


def fill(
    name: str,
    images: int,
    comparisons: int,
    *,
    people: int = 50,
    per_prompt: int = 0,
    seed: int = 0,
) -> Any:
    """Make a project with a log: what a busy team leaves after weeks, in seconds.

    The first of the people is its manager. per_prompt: so many images share a prompt, and only those are
    compared; 0: there are no prompts. A fiftieth of the comparisons has a reason.
    """
    from django.db import connection

    from annotation.models import (
        Assignment,
        Comparison,
        Image,
        Pair,
        Project,
        Prompt,
        User,
    )
    from annotation.services.projects import create_project

    # Projects of other names have other ids.
    chance = np.random.default_rng([seed, *name.encode()])
    team = User.objects.bulk_create(User(username=f"{name}-{k}") for k in range(people))
    project = create_project(team[0], name=name, state=Project.State.OPEN)
    criterion = project.criteria.get()
    ids = sorted(_uuids(chance, images))
    prompts = _uuids(chance, images // per_prompt if per_prompt else 0)
    prompt_of = [prompts[min(k // per_prompt, len(prompts) - 1)] for k in range(images) if prompts]
    strength = chance.normal(0, 2**0.5, images)
    pairs = _pairs(chance, images, comparisons, per_prompt or images)
    low, high = np.divmod(pairs, images)
    swap = chance.random(len(pairs)) < 0.5
    left, right = np.where(swap, high, low), np.where(swap, low, high)
    seen = strength[left] - strength[right] + chance.normal(size=len(pairs))
    outcome = OUTCOMES[np.where(np.abs(seen) < 0.1, 2, np.where(seen > 0, 0, 1))].tolist()
    who = [team[k].id for k in chance.integers(0, people, len(pairs)).tolist()]
    asked, said = _uuids(chance, len(pairs)), _uuids(chance, len(pairs))
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    times = [begin + timedelta(seconds=k) for k in range(len(pairs))]
    kept, pair, taken = np.unique(pairs, return_inverse=True, return_counts=True)
    with connection.cursor() as cursor:
        # Foreign keys are right by construction; checking them row by row takes most of the time.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM annotation_pair")
        (base,) = cursor.fetchone()
        copy(
            cursor,
            Prompt,
            id=prompts,
            project=repeat(project.id),
            text=[f"prompt {k}, a cat on a sofa" for k in range(len(prompts))],
            digest=[f"{k:064x}" for k in range(len(prompts))],
        )
        copy(
            cursor,
            Image,
            id=ids,
            project=repeat(project.id),
            prompt=prompt_of or repeat(None),
            name=[f"{k:06d}.png" for k in range(images)],
            model=[f"model-{k % 7}" for k in range(images)],
            path=[f"{k:06d}.png" for k in range(images)],
            sha256=[f"{k:064x}" for k in range(images)],
            bytes=repeat(1),
            width=repeat(768),
            height=repeat(512),
            shuffle=chance.random(images).tolist(),
        )
        low, high = np.divmod(kept, images)
        copy(
            cursor,
            Pair,
            id=range(base, base + len(kept)),
            project=repeat(project.id),
            criterion=repeat(criterion.id),
            low=[ids[k] for k in low.tolist()],
            high=[ids[k] for k in high.tolist()],
            taken=taken.tolist(),
        )
        cursor.execute("SELECT setval('annotation_pair_id_seq', %s)", [base + len(kept)])
        shown: dict[str, Iterable[Any]] = {
            "project": repeat(project.id),
            "criterion": repeat(criterion.id),
            "annotator": who,
            "left": [ids[k] for k in left.tolist()],
            "right": [ids[k] for k in right.tolist()],
            "created_at": times,
        }
        copy(
            cursor,
            Assignment,
            id=asked,
            pair=(base + pair).tolist(),
            strategy=repeat("random"),
            probability=repeat(0.1),
            state=repeat("answered"),
            expires_at=times,
            **shown,
        )
        copy(
            cursor,
            Comparison,
            id=said,
            assignment=asked,
            outcome=outcome,
            reason=["" if k % 50 else "the hand has six fingers" for k in range(len(pairs))],
            duration_ms=[1500 + k % 700 for k in range(len(pairs))],
            **shown,
        )
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")
    Project.objects.filter(id=project.id).update(revision=len(pairs))
    project.refresh_from_db()
    return project


def copy(cursor: Any, model: Any, /, **columns: Iterable[Any]) -> None:
    """Write rows by COPY, past the ORM, from the values of each field; the shortest column ends the table.

    All other fields have their defaults, the database's or the model's: a new one stops no benchmark.
    """
    from django.db import connection

    given = [model._meta.get_field(name) for name in columns]
    others = [field for field in model._meta.local_concrete_fields if _needs_default(field, given)]
    names = ", ".join(connection.ops.quote_name(field.column) for field in (*given, *others))
    table = connection.ops.quote_name(model._meta.db_table)

    def default(field: Any) -> Iterable[Any]:
        """The same for each row, unless it is computed, as a random id is."""
        values = (
            (field.get_default() for _ in count())
            if callable(field.default)
            else repeat(field.get_default())
        )
        return (field.get_db_prep_save(value, connection) for value in values)

    rows = zip(*columns.values(), *map(default, others), strict=False)
    with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


def _needs_default(field: Any, given: list[Any]) -> bool:
    """Return whether the database fills this column neither by itself nor with a NULL that is meant."""
    from django.db.models import NOT_PROVIDED

    if field in given or field.generated or field.db_default is not NOT_PROVIDED:
        return False
    return field.has_default() or not (field.null or field.primary_key)


def _pairs(chance: np.random.Generator, images: int, comparisons: int, together: int) -> np.ndarray:
    """Return low · images + high of each comparison, of two of the same `together` images."""
    first = chance.integers(0, images - images % together, comparisons)
    second = first - first % together
    second += (first + chance.integers(1, together, comparisons) - second) % together
    return np.minimum(first, second) * images + np.maximum(first, second)


def _uuids(chance: np.random.Generator, count: int) -> list[uuid.UUID]:
    raw = chance.bytes(16 * count)
    return [uuid.UUID(bytes=raw[k : k + 16], version=4) for k in range(0, len(raw), 16)]
