"""What lineups say of pairs: each image of a level over each of the later ones, in the order of pairs.

They are sorted in a file beside the exports: the log may be larger than memory, and what it implies larger
than the log.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from annotation.levels import implied_pairs
from annotation.models import Comparison, Outcome, Project, Screen
from rating.exports.format import Source, key_of

FETCH = 2000
LEFT_OUT = "several images on the screen"
TABLE = (
    "row (criterion, prompt, low, high, created_at, id, annotator, better, retracted_at, purpose)"
)


def lineups_of(project: Project) -> QuerySet[Comparison]:
    return Comparison.objects.filter(project=project).exclude(screen=Screen.PAIR)


def implied_rows(source: Source) -> Iterator[tuple[Any, ...]]:
    """As the rows of pairs are, the better image standing left; what says nothing is only counted."""
    with (
        tempfile.TemporaryDirectory(prefix=".draft-", dir=settings.EXPORT_DIR) as folder,
        closing(sqlite3.connect(Path(folder, "implied"))) as sorter,
    ):
        sorter.execute("PRAGMA journal_mode = OFF")
        sorter.execute("PRAGMA synchronous = OFF")
        sorter.execute(f"CREATE TABLE {TABLE}")
        places = ", ".join("?" * (TABLE.count(",") + 1))
        sorter.executemany(f"INSERT INTO row VALUES ({places})", _said(source))  # noqa: S608
        rows = sorter.execute(
            "SELECT criterion, low, high, id, annotator, better, created_at, retracted_at, purpose"
            " FROM row ORDER BY criterion, prompt, low, high, created_at, id"
        )
        for criterion, low, high, id, annotator, better, created_at, retracted_at, purpose in rows:
            made, retracted = _time(created_at), retracted_at and _time(retracted_at)
            said = (Outcome.LEFT.value, made, retracted, purpose, True, "")
            yield (criterion, low, high, id, annotator, better, *said)


def _said(source: Source) -> Iterator[tuple[Any, ...]]:
    fields = (
        "id",
        "criterion",
        "annotator",
        "created_at",
        "retracted_at",
        "purpose",
        "levels",
        "cause",
    )
    log = lineups_of(source.project).order_by("created_at", "id").values_list(*fields)
    for id, criterion, annotator, made, retracted, purpose, levels, cause in log.iterator(FETCH):
        source.read += 1
        if source.options["lineups"] == "drop":
            source.left_out[LEFT_OUT] += 1
            continue
        if levels is None:
            source.left_out["retracted" if retracted else skip(cause)] += 1
            continue
        keys = [[key_of(UUID(image)) for image in level] for level in levels]
        facts = (made.astimezone(UTC).isoformat(), key_of(id), key_of(annotator))
        for better, worse in implied_pairs(keys):
            low, high = sorted((better, worse))
            pair = (key_of(criterion), prompt_place(source, low), low, high)
            yield (*pair, *facts, better, retracted and retracted.isoformat(), purpose)


def skip(cause: str) -> str:
    """What is left out, as it is counted: by what was told of why."""
    return f"skip: {cause}" if cause else "skip"


def prompt_place(source: Source, image: str) -> str:
    """By what the prompts of pairs are ordered: their ids, and after them those without one."""
    prompt = source.images[image].prompt_id
    return "~" if prompt is None else key_of(prompt)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
