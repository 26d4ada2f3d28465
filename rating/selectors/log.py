"""From the log in the database to arrays, without an object a comparison."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection
from django.db.models import Case, QuerySet, Value, When
from numpy.typing import NDArray

from annotation.models import Comparison, Criterion, Image, Outcome, Project, Purpose, Screen
from rating.algorithms.methods import METHODS, Method
from rating.algorithms.results import Integers, Lineups
from rating.models import RatingPlan, SetAside
from rating.selectors.lineups import (
    as_lineups,
    comparisons_in,
    read_answers,
    screen_of,
    update_digest,
)

Words = NDArray[np.uint64]

# What says which of two is better. "Both bad" judges the two, not their order; a skip judges nothing.
LABELS = {Outcome.LEFT.value: 1, Outcome.RIGHT.value: -1, Outcome.TIE.value: 0}
COLUMNS = ("criterion_id", "left_id", "right_id", "annotator_id")
# A comparison as the database packs it.
ROW = np.dtype([("ids", ">u8", (2 * len(COLUMNS),)), ("label", ">i2")])


@dataclass(frozen=True)
class Group:
    """The images that are ranked together, those of one criterion and one prompt.

    items: shape (w,), their places among all items of the log; images: their ids, in the same order.
    """

    criterion_id: UUID
    images: list[UUID]
    items: Integers


@dataclass(frozen=True)
class Log:
    """What a run reads of a project: m comparisons of n items, an item being an image under a criterion.

    first (left), second, label, annotator: shape (m,), see `rating.algorithms`; annotator counts `people`.
    lineups: what was said of several at once.
    Without a method that needs the order, the rows are in a canonical order, whatever that of the log.
    digest: of all of it, so that equal digests mean equal ratings.
    """

    project_id: UUID
    revision: int
    method: Method
    groups: list[Group]
    first: Integers
    second: Integers
    label: Integers
    annotator: Integers
    lineups: Lineups
    people: list[UUID]
    digest: str

    @property
    def n(self) -> int:
        return sum(len(group.images) for group in self.groups)

    @property
    def answers(self) -> int:
        return len(self.label) + len(self.lineups)

    @cached_property
    def _screen_of_lineups(self) -> list[Screen]:
        parts = np.split(self.lineups.level, self.lineups.start[1:-1])
        return [screen_of(np.bincount(levels).tolist()) for levels in parts if len(levels)]

    @property
    def screens(self) -> dict[str, int]:
        """How many of each kind there are."""
        counted = Counter(str(screen) for screen in self._screen_of_lineups)
        return ({"pair": len(self.label)} if len(self.label) else {}) | counted

    @property
    def comparisons_worth(self) -> float:
        """As many comparisons of two as it is worth, about."""
        sizes = np.diff(self.lineups.start).tolist()
        of = zip(self._screen_of_lineups, sizes, strict=True)
        return len(self.label) + sum(comparisons_in(screen, size) for screen, size in of)

    def without(self, screen: str) -> "Log":
        """As if nothing had been asked by this kind of screen."""
        if screen == Screen.PAIR:
            none = np.empty(0, dtype=np.int64)
            return replace(self, first=none, second=none, label=none, annotator=none)
        kept = np.array([kind != screen for kind in self._screen_of_lineups], dtype=bool)
        sizes = np.diff(self.lineups.start)
        members = np.repeat(kept, sizes)
        lineups = Lineups(
            np.concatenate([[0], np.cumsum(sizes[kept])]).astype(np.int64),
            self.lineups.item[members],
            self.lineups.level[members],
            self.lineups.annotator[kept],
        )
        return replace(self, lineups=lineups)


def method_of(project_id: UUID) -> Method:
    plan = RatingPlan.objects.filter(project=project_id).first()
    return METHODS[plan.method if plan else RatingPlan.DEFAULT]


def read_log(project_id: UUID) -> Log:
    """The rated part of the log: no checks, not retracted, by nobody set aside, both images still there.

    The revision is read first, so that a comparison that arrives meanwhile leaves the run stale, and
    is read again, rather than current without it.
    """
    revision = Project.objects.values_list("revision", flat=True).get(id=project_id)
    method = method_of(project_id)
    criteria = sorted(Criterion.objects.filter(project=project_id).values_list("id", flat=True))
    groups = _groups(project_id, criteria)
    without = list(SetAside.objects.filter(project=project_id).values_list("annotator", flat=True))
    ids, label = _read_rows(project_id, without, in_order=method.needs_order)
    images = [
        image for group in groups[: len(groups) // max(1, len(criteria))] for image in group.images
    ]
    answers = read_answers(project_id, without, criteria, images)
    people, annotator = _people(ids[:, 3], {annotator for annotator, _ in answers})
    criterion = places(ids[:, 0], criteria)
    left, right = places(ids[:, 1], images), places(ids[:, 2], images)
    known = (criterion >= 0) & (left >= 0) & (right >= 0)
    offset = criterion * len(images)
    rows = np.stack([offset + left, offset + right, label, annotator], axis=1)[known]
    if not method.needs_order:
        rows = rows[np.lexsort(rows.T)]
    digest = hashlib.sha256(np.ascontiguousarray(rows).tobytes())
    for id_ in (*criteria, *images, *people):
        digest.update(id_.bytes)
    digest.update(repr([len(group.images) for group in groups]).encode())
    update_digest(digest, answers)
    first, second, label, annotator = np.ascontiguousarray(rows.T)
    return Log(
        project_id,
        revision,
        method,
        groups,
        first,
        second,
        label,
        annotator,
        as_lineups(answers, {person: at for at, person in enumerate(people)}),
        people,
        digest.hexdigest(),
    )


def _groups(project_id: UUID, criteria: list[UUID]) -> list[Group]:
    """Criterion by criterion, prompt by prompt; the images of each in the order of their ids."""
    by_prompt: dict[UUID | None, list[UUID]] = {}
    used = Image.objects.filter(project=project_id, excluded=False).order_by("id")
    for image, prompt in used.values_list("id", "prompt_id").iterator(chunk_size=10_000):
        by_prompt.setdefault(prompt, []).append(image)
    groups, n = [], 0
    for criterion in criteria:
        for key in sorted(by_prompt, key=str):
            images = by_prompt[key]
            groups.append(Group(criterion, images, np.arange(n, n + len(images), dtype=np.int64)))
            n += len(images)
    return groups


# --- Rows --------------------------------------------------------------------------------------------


def _read_rows(project_id: UUID, without: list[UUID], *, in_order: bool) -> tuple[Words, Integers]:
    """The ids of COLUMNS as pairs of words, shape (m, 4, 2), and the labels, shape (m,)."""
    comparisons = Comparison.objects.filter(
        project=project_id, retracted_at=None, purpose=Purpose.RANKING, outcome__in=LABELS
    ).exclude(annotator__in=without)
    comparisons = comparisons.order_by(*(("created_at", "id") if in_order else ()))
    packed = _log_by_postgres if connection.vendor == "postgresql" else _packed
    rows = np.frombuffer(packed(comparisons), dtype=ROW)
    ids = rows["ids"].astype(np.uint64).reshape(-1, len(COLUMNS), 2)
    return ids, rows["label"].astype(np.int64)


def _log_by_postgres(comparisons: QuerySet[Comparison]) -> bytes:
    labels = Case(*(When(outcome=key, then=Value(value)) for key, value in LABELS.items()))
    rows = comparisons.order_by().values_list(*COLUMNS, "created_at", "id", labels)
    names = (*COLUMNS, "created_at", "id", "label")
    packed = " || ".join([*(f"uuid_send({name})" for name in COLUMNS), "int2send(label::int2)"])
    order = "ORDER BY created_at, id" if comparisons.query.order_by else ""
    return packed_by_postgres(rows, names, packed, order)


def packed_by_postgres(
    rows: QuerySet[Any, Any], names: Sequence[str], packed: str, order: str = ""
) -> bytes:
    """All rows as one value, packed by the database: neither parsing nor an object a row.

    names: of the query's columns, in `packed` and `order`. The order is in the aggregate itself, which need
    not keep that of an inner query. One value crosses as up to a gigabyte of digits, which is 7
    million comparisons.
    """
    query, parameters = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT string_agg({packed}, ''::bytea {order}) "  # noqa: S608
            f"FROM ({query}) AS packed ({', '.join(names)})",
            parameters,
        )
        return bytes(cursor.fetchone()[0] or b"")


def _packed(comparisons: QuerySet[Comparison]) -> bytes:
    return b"".join(
        b"".join(id_.bytes for id_ in ids) + LABELS[outcome].to_bytes(2, "big", signed=True)
        for *ids, outcome in comparisons.values_list(*COLUMNS, "outcome").iterator(10_000)
    )


# --- Ids to places -----------------------------------------------------------------------------------


def _words(ids: list[UUID]) -> Words:
    content = b"".join(id_.bytes for id_ in ids)
    return np.frombuffer(content, dtype=">u8").astype(np.uint64).reshape(-1, 2)


def places(wanted: Words, table: list[UUID]) -> Integers:
    """Shape (m,): the place in the table of each id, given as two words; -1 where it is not there."""
    if not table:
        return np.full(len(wanted), -1, dtype=np.int64)
    words = _words(table)
    order = np.lexsort((words[:, 1], words[:, 0]))
    high = words[order, 0]
    at = np.minimum(np.searchsorted(high, wanted[:, 0]), len(high) - 1)
    # Ids are random: two that share their first half are not expected in the life of the universe.
    found = (words[order[at]] == wanted).all(axis=1)
    return np.where(found, order[at], -1).astype(np.int64)


def _people(wanted: Words, others: set[UUID]) -> tuple[list[UUID], Integers]:
    """The people who compared, and others, in the order of their ids, and each row's place among them."""
    if others:
        people, annotator = _people(wanted, set())
        everybody = sorted({*people, *others})
        place = {person: at for at, person in enumerate(everybody)}
        return everybody, np.array([place[person] for person in people], dtype=np.int64)[annotator]
    high, row, annotator = np.unique(wanted[:, 0], return_index=True, return_inverse=True)
    low = wanted[row, 1]
    people = [UUID(int=int(a) << 64 | int(b)) for a, b in zip(high, low, strict=True)]
    return people, annotator.astype(np.int64)
