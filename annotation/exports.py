"""The log of comparisons as Arrow tables, batch by batch: memory does not grow with the log."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection
from django.db.models import CharField, Exists, OuterRef, QuerySet
from django.db.models.functions import Cast

from annotation.models import Assignment, Comparison, Image, Project
from annotation.selectors import pseudonym

BATCH = 20_000
# The first batch is small, so that a download begins at once.
FIRST_BATCH = 1_000
TIME = pa.timestamp("us", tz="UTC")
# Text that repeats: each batch points into one list of what there is.
NAMES = pa.dictionary(pa.int32(), pa.string())
COMPARISON_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "project": pa.string(),
        "criterion": NAMES,
        "prompt": NAMES,
        "left": pa.string(),
        "left_name": NAMES,
        "left_model": NAMES,
        "right": pa.string(),
        "right_name": NAMES,
        "right_model": NAMES,
        "outcome": pa.string(),
        "strength": pa.int16(),
        "reason": pa.string(),
        "annotator": NAMES,
        "duration_ms": pa.int64(),
        "shown_at": TIME,
        "created_at": TIME,
        "retracted_at": TIME,
        "strategy": pa.string(),
        "probability": pa.float64(),
        "gold": NAMES,
        "repeat": pa.bool_(),
    }
)
COMPARISON_COLUMNS = tuple(COMPARISON_SCHEMA.names)


def comparison_batches(project: Project) -> Iterator[pa.RecordBatch]:
    """Every comparison in the log's order, retracted ones too, in the columns of COMPARISON_SCHEMA.

    `gold`: the side that is known to be better, where both images have a known quality. `repeat`: whether
    this person had answered the same pair before.
    Cost: about 5 µs a row; what is held is a batch, and what there is to know of each image.
    """
    images = _Images(project)
    criteria = _Names(project.criteria.values_list("id", "key"))
    people = _People(project)
    rows = _rows(project)
    size = FIRST_BATCH
    while chunk := list(islice(rows, size)):
        yield _batch(project, list(zip(*chunk, strict=True)), images, criteria, people)
        size = BATCH


def text_of(id: UUID) -> str:
    """An id as the database casts it to text."""
    return str(id) if connection.vendor == "postgresql" else id.hex


def _rows(project: Project) -> Iterator[tuple[Any, ...]]:
    before = Assignment.objects.filter(
        pair=OuterRef("assignment__pair"),
        annotator=OuterRef("annotator"),
        state=Assignment.State.ANSWERED,
        created_at__lt=OuterRef("assignment__created_at"),
    )
    text = partial(Cast, output_field=CharField())
    rows: QuerySet[Comparison, tuple[Any, ...]] = (
        Comparison.objects.filter(project=project)
        .order_by("created_at", "id")
        .values_list(
            text("id"),
            text("criterion_id"),
            text("left_id"),
            text("right_id"),
            text("annotator_id"),
            "outcome",
            "strength",
            "reason",
            "duration_ms",
            "assignment__created_at",
            "created_at",
            "retracted_at",
            "assignment__strategy",
            "assignment__probability",
            Exists(before),
        )
    )
    return rows.iterator(chunk_size=BATCH)


def _batch(
    project: Project,
    columns: list[Sequence[Any]],
    images: "_Images",
    criteria: "_Names",
    people: "_People",
) -> pa.RecordBatch:
    id, criterion, left, right, annotator, outcome, strength, reason, *rest = columns
    duration, shown, created, retracted, strategy, probability, repeat = rest
    left_at, right_at = images.places(left), images.places(right)
    arrays = [
        _ids(id),
        pa.repeat(str(project.id), len(id)),
        criteria.column(criterion),
        images.column("prompt", left_at),
        _ids(left),
        images.column("name", left_at),
        images.column("model", left_at),
        _ids(right),
        images.column("name", right_at),
        images.column("model", right_at),
        pa.array(outcome, pa.string()),
        pa.array(strength, pa.int16()),
        pa.array(reason, pa.string()),
        people.column(annotator),
        pa.array(duration, pa.int64()),
        pa.array(shown, TIME),
        pa.array(created, TIME),
        pa.array(retracted, TIME),
        pa.array(strategy, pa.string()),
        pa.array(probability, pa.float64()),
        images.gold(left_at, right_at),
        pa.array([bool(value) for value in repeat], pa.bool_()),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=COMPARISON_SCHEMA)


def _ids(texts: Sequence[str]) -> pa.Array:
    """With hyphens, which SQLite does not keep."""
    ids = pa.array(texts, pa.string())
    if connection.vendor == "postgresql":
        return ids
    parts = [
        pc.utf8_slice_codeunits(ids, start, stop)
        for start, stop in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    ]
    return pc.binary_join_element_wise(*parts, "-")


class _Names:
    """What has an id and a name, as a column of names."""

    def __init__(self, rows: Any) -> None:
        found = list(rows)
        self.place = {text_of(id): at for at, (id, _) in enumerate(found)}
        self.names = pa.array([name for _, name in found], pa.string())

    def column(self, ids: Sequence[str]) -> pa.Array:
        places = pa.array([self.place[id] for id in ids], pa.int32())
        return pa.DictionaryArray.from_arrays(places, self.names)


class _People(_Names):
    """Everybody who compared, under a name that tells outsiders nothing."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.place: dict[str, int] = {}
        self.pseudonyms: list[str] = []
        self.names = pa.array([], pa.string())

    def column(self, ids: Sequence[str]) -> pa.Array:
        new = [id for id in dict.fromkeys(ids) if id not in self.place]
        for id in new:
            self.place[id] = len(self.pseudonyms)
            self.pseudonyms.append(pseudonym(self.project, UUID(id)))
        if new:
            self.names = pa.array(self.pseudonyms, pa.string())
        return super().column(ids)


class _Images:
    """What is told of the images of a project, each once."""

    def __init__(self, project: Project) -> None:
        known = Image.objects.filter(project=project).order_by("id")
        rows = known.values_list("id", "name", "model", "prompt__text", "gold")
        self.place: dict[str, int] = {}
        columns: tuple[list[Any], ...] = ([], [], [], [])
        for id, name, model, prompt, gold in rows.iterator(chunk_size=BATCH):
            self.place[text_of(id)] = len(self.place)
            shown = (name, model, prompt or "", float("nan") if gold is None else gold)
            for column, value in zip(columns, shown, strict=True):
                column.append(value)
        self.known_quality = np.array(columns[3], dtype=np.float64)
        texts = zip(("name", "model", "prompt"), columns, strict=False)
        self.texts = {
            what: pa.array(values, pa.string()).dictionary_encode() for what, values in texts
        }
        self.sides = pa.array(["left", "right"], pa.string())

    def places(self, ids: Sequence[str]) -> Any:
        return np.array([self.place[id] for id in ids], dtype=np.int32)

    def column(self, what: str, places: Any) -> pa.Array:
        text = self.texts[what]
        return pa.DictionaryArray.from_arrays(text.indices.take(pa.array(places)), text.dictionary)

    def gold(self, left: Any, right: Any) -> pa.Array:
        difference = self.known_quality[left] - self.known_quality[right]
        # Not a number, and zero, are no side.
        unknown = ~(np.abs(difference) > 0)
        side = pa.array((difference < 0).astype(np.int32), mask=unknown)
        return pa.DictionaryArray.from_arrays(side, self.sides)
