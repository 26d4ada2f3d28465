"""The log of comparisons as Arrow tables, batch by batch: memory does not grow with the log."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from django.db import connection, transaction
from django.db.models import CharField, Exists, F, OuterRef, QuerySet
from django.db.models.functions import Cast

from annotation.models import Assignment, Comparison, Image, Project, Purpose
from annotation.selectors import pseudonym

BATCH = 10_000
# The first batch is small, so that a download begins at once.
FIRST_BATCH = 500
TIME = pa.timestamp("us", tz="UTC")
# Text that repeats: each batch points into one list of what there is.
NAMES = pa.dictionary(pa.int32(), pa.string())
# Text that is JSON: in files of JSON it is the value itself, in the others text.
JSON = {"json": "text"}
_KINDS: dict[str, pa.DataType] = {
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
    "screen": pa.string(),
    "shown": pa.string(),
    "outcome": pa.string(),
    "levels": pa.string(),
    "strength": pa.int16(),
    "cause": pa.string(),
    "reason": pa.string(),
    "tags": pa.string(),
    "annotator": NAMES,
    "duration_ms": pa.int64(),
    "shown_at": TIME,
    "created_at": TIME,
    "retracted_at": TIME,
    "strategy": pa.string(),
    "probability": pa.float64(),
    "purpose": pa.string(),
    "gold": NAMES,
    "repeat": pa.bool_(),
}
COMPARISON_SCHEMA = pa.schema(
    [
        pa.field(name, kind, metadata=JSON if name in ("shown", "levels", "tags") else None)
        for name, kind in _KINDS.items()
    ]
)
COMPARISON_COLUMNS = tuple(COMPARISON_SCHEMA.names)


def comparison_batches(project: Project) -> Iterator[pa.RecordBatch]:
    """Every comparison in the log's order, retracted ones too, in the columns of COMPARISON_SCHEMA.

    Of more than two images `shown` has the ids, in the order of the screen, and `levels` what was said of
    them; they have no sides. `gold`: the side that is known to be better, where both images have a known
    quality. `repeat`: whether this person had answered the same before.
    Cost: about 10 µs a row, most of it the database's; what is held is a batch, and what there is to know
    of each image. The log is text until Arrow reads it: objects would cost three times as much.
    """
    images = _Images(project)
    criteria = _Names(project.criteria.values_list("id", "key"))
    people = _People(project)
    read = _copied if connection.vendor == "postgresql" else _fetched
    for log in read(_log(project)):
        yield _batch(project, log, images, criteria, people)


def text_of(id: UUID) -> str:
    """An id as the database writes it as text."""
    return str(id) if connection.vendor == "postgresql" else id.hex


def _batch(
    project: Project, log: pa.Table, images: "_Images", criteria: "_Names", people: "_People"
) -> pa.RecordBatch:
    of = {name: log.column(name).combine_chunks() for name in log.column_names}
    left, right = (images.places(of[side].to_pylist()) for side in ("left", "right"))
    columns = of | {
        "id": _ids(of["id"]),
        "project": pa.repeat(str(project.id), len(log)),
        "criterion": criteria.column(of["criterion"].to_pylist()),
        "prompt": images.column("prompt", images.first_places(left, of["shown"])),
        "left": _ids(of["left"]),
        "left_name": images.column("name", left),
        "left_model": images.column("model", left),
        "right": _ids(of["right"]),
        "right_name": images.column("name", right),
        "right_model": images.column("model", right),
        "annotator": people.column(of["annotator"].to_pylist()),
        "gold": images.gold(left, right),
        "repeat": pc.or_(of["repeat"], pc.equal(of["purpose"], Purpose.REPEAT.value)),
        **{name: _times(of[name]) for name in ("shown_at", "created_at", "retracted_at")},
    }
    arrays = [columns[name] for name in COMPARISON_COLUMNS]
    return pa.RecordBatch.from_arrays(arrays, schema=COMPARISON_SCHEMA)


# --- Reading the log ---------------------------------------------------------------------------------

TEXT = pa.string()
# The columns as they are read, and what they are read from.
READ = {
    "id": (TEXT, "id"),
    "criterion": (TEXT, "criterion_id"),
    "left": (TEXT, "left_id"),
    "right": (TEXT, "right_id"),
    "annotator": (TEXT, "annotator_id"),
    "screen": (TEXT, "screen"),
    "shown": (TEXT, "assignment__shown"),
    "outcome": (TEXT, "outcome"),
    "levels": (TEXT, "levels"),
    "strength": (pa.int16(), "strength"),
    "cause": (TEXT, "cause"),
    "reason": (TEXT, "reason"),
    "tags": (TEXT, "tags"),
    "duration_ms": (pa.int64(), "duration_ms"),
    "shown_at": (TEXT, "assignment__created_at"),
    "created_at": (TEXT, "created_at"),
    "retracted_at": (TEXT, "retracted_at"),
    "strategy": (TEXT, "assignment__strategy"),
    "probability": (pa.float64(), "assignment__probability"),
    "purpose": (TEXT, "purpose"),
    "repeat": (pa.bool_(), "repeat"),
}
AS_READ = pa.schema({name: kind for name, (kind, _) in READ.items()})
# Ids, times and JSON, which would become objects.
CAST = (
    *("id", "criterion", "left", "right", "annotator", "shown", "levels", "tags"),
    *("shown_at", "created_at", "retracted_at"),
)


def _log(project: Project) -> QuerySet[Comparison]:
    before = Assignment.objects.filter(
        pair=OuterRef("assignment__pair"),
        annotator=OuterRef("annotator"),
        state=Assignment.State.ANSWERED,
        created_at__lt=OuterRef("assignment__created_at"),
    )
    log = Comparison.objects.filter(project=project).order_by("created_at", "id")
    return log.annotate(repeat=Exists(before))


def _fetched(log: QuerySet[Comparison]) -> Iterator[pa.Table]:
    columns = [
        Cast(source, CharField()) if name in CAST else F(source)
        for name, (_, source) in READ.items()
    ]
    rows = log.values_list(*columns).iterator(chunk_size=BATCH)
    while chunk := list(islice(rows, BATCH)):
        yield pa.table([list(column) for column in zip(*chunk, strict=True)], schema=AS_READ)


def _copied(log: QuerySet[Comparison]) -> Iterator[pa.Table]:
    """By COPY, which writes the next rows while we read these, as text that Arrow parses by itself."""
    query, parameters = log.values_list(
        *(source for _, source in READ.values())
    ).query.sql_with_params()
    size = FIRST_BATCH
    with transaction.atomic(), connection.cursor() as cursor:
        # Along the index of the log from its beginning, instead of a sort of everything before the first row.
        for slow_start in ("sort", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{slow_start} = off")
        with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)", parameters) as copy:
            # Each message is a row.
            rows = iter(copy)
            while chunk := b"".join(islice(rows, size)):
                yield _parsed(chunk)
                size = BATCH


def _parsed(rows: bytes) -> pa.Table:
    return pyarrow.csv.read_csv(
        pa.py_buffer(rows),
        pyarrow.csv.ReadOptions(
            use_threads=False, block_size=len(rows) + 1, column_names=list(READ)
        ),
        pyarrow.csv.ParseOptions(newlines_in_values=True),
        pyarrow.csv.ConvertOptions(
            column_types=AS_READ,
            null_values=[""],
            strings_can_be_null=True,
            # COPY writes an empty text in quotes, and nothing without.
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )


def _ids(ids: pa.Array) -> pa.Array:
    """With hyphens, which SQLite does not keep."""
    if connection.vendor == "postgresql":
        return ids
    parts = [
        pc.utf8_slice_codeunits(ids, start, stop)
        for start, stop in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    ]
    return pc.binary_join_element_wise(*parts, "-")


def _times(texts: pa.Array) -> pa.Array:
    """As the database writes them, in UTC: with the zone on PostgreSQL, without it on SQLite."""
    if connection.vendor == "postgresql":
        texts = pc.utf8_slice_codeunits(texts, 0, -len("+00"))
    return pc.assume_timezone(texts.cast(pa.timestamp("us")), "UTC")


# --- What repeats ------------------------------------------------------------------------------------


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
        # The last place, −1, is that of no image.
        self.known_quality = np.array([*columns[3], float("nan")], dtype=np.float64)
        texts = zip(("name", "model", "prompt"), columns, strict=False)
        self.texts = {
            what: pa.array(values, pa.string()).dictionary_encode() for what, values in texts
        }
        self.sides = pa.array(["left", "right"], pa.string())

    def places(self, ids: Sequence[str | None]) -> Any:
        """−1 for no image, which the sides of more than two are."""
        return np.array([-1 if id is None else self.place[id] for id in ids], dtype=np.int32)

    def first_places(self, left: Any, shown: pa.Array) -> Any:
        """Of one image of each row, whether a pair's left one or the first that was shown."""
        if shown.null_count == len(shown):
            return left
        first = [text and text_of(UUID(text[2:38])) for text in shown.to_pylist()]
        return np.where(left < 0, self.places(first), left)

    def column(self, what: str, places: Any) -> pa.Array:
        text = self.texts[what]
        wanted = pa.array(places, pa.int32(), mask=places < 0)
        return pa.DictionaryArray.from_arrays(text.indices.take(wanted), text.dictionary)

    def gold(self, left: Any, right: Any) -> pa.Array:
        difference = self.known_quality[left] - self.known_quality[right]
        # Not a number, and zero, are no side.
        unknown = ~(np.abs(difference) > 0)
        side = pa.array((difference < 0).astype(np.int32), mask=unknown)
        return pa.DictionaryArray.from_arrays(side, self.sides)
