"""Reads a file of comparisons into arrays, or says which lines are bad. No Django, no database."""

import csv
import gzip
import io
import re
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import eq
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

import numpy as np

from rating.algorithms.results import Integers

REQUIRED = ("item_a", "item_b", "label")
OPTIONAL = ("annotator", "context")
LABELS = {"1": 1, "-1": -1, "0": 0}
UNKNOWN = ("", "-1")  # what stands for an annotator whom the source does not name
NOBODY = -1  # their number: one person for all of them, who is not reported
REFUSED_SHOWN = 10
BATCH = 256  # lines taken together; more would not stay in the processor's cache
GZIP = b"\x1f\x8b"
WHOLE = re.compile(r"-?[0-9]{1,18}")
# What the csv module says, as a person would.
QUOTES = {
    "unexpected end of data": "a quote is opened and never closed",
    "field larger": "a cell is too long; is a quote opened and never closed?",
}
Key = TypeVar("Key")


class BadFile(ValueError):
    """The file cannot be rated; the message says why, line by line where it can."""


@dataclass(frozen=True)
class Table:
    """The comparisons of a file, as arrays that do not depend on the order of its lines but by their own.

    contexts: sorted. items: the n names, sorted within their context, contexts in their order. context:
    shape (n,), an index into contexts. first, second, label: shape (m,), see `rating.algorithms`.
    people: the annotators that the file names, sorted. annotator: shape (m,), an index into people or
    NOBODY; None where the file has no such column.
    """

    contexts: list[str]
    items: list[str]
    context: Integers
    first: Integers
    second: Integers
    label: Integers
    people: list[str]
    annotator: Integers | None


def read_table(path: Path) -> Table:
    """Read a CSV file, plain or gzipped (its first bytes tell).

    Raises BadFile, which names the first bad lines and counts them all: half a file is never rated.
    Cost: about 2 µs a line; 32 bytes a line, and the names.
    """
    try:
        with path.open("rb") as file:
            compressed = file.peek(len(GZIP))[: len(GZIP)] == GZIP
            return _read(gzip.open(file) if compressed else file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFile(f"{path} is a damaged gzip file: {error}") from None
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror or error}") from None


class _Refusals:
    """Bad lines: the first few in words, all of them counted."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[tuple[int, str]] = []

    def add(self, line: int, reason: str) -> None:
        self.count += 1
        if self.count <= REFUSED_SHOWN:
            self.shown.append((line, reason))

    def raise_any(self) -> None:
        if not self.count:
            return
        lines = [f"line {line}: {reason}" for line, reason in sorted(self.shown)]
        if self.count > len(lines):
            lines.append(f"… and {self.count - len(lines)} more")
        total = "1 line is" if self.count == 1 else f"{self.count} lines are"
        raise BadFile("\n".join([f"{total} refused, so nothing was rated:", *lines]))


class _Numbers(dict[Key, int]):
    """Numbers keys as they come; a known one costs no more than a look into a dict."""

    def __missing__(self, key: Key) -> int:
        number = self[key] = len(self)
        return number


def _read(file: BinaryIO | gzip.GzipFile) -> Table:
    refusals = _Refusals()
    # Bytes that are no UTF-8 become lone surrogates, so that their line can be told.
    text = io.TextIOWrapper(
        cast(BinaryIO, file), encoding="utf-8-sig", errors="surrogateescape", newline=""
    )
    records = _records(_lines(text, refusals), refusals)
    header = next(records, None)
    if header is None:
        refusals.raise_any()
        raise BadFile("the file is empty; its first line must name the columns")
    at = _columns(header[1])
    rows = _Rows(at, len(header[1]))
    while batch := list(islice(records, BATCH)):
        rows.take(batch, refusals)
    refusals.raise_any()
    return rows.table()


def _lines(text: Iterable[str], refusals: _Refusals) -> Iterator[str]:
    """The lines; one that is no text is refused, and stands empty so that the others keep their number."""
    for number, line in enumerate(text, start=1):
        if "\0" in line:
            refusals.add(number, "it has a NUL character")
            yield "\n"
        elif not line.isascii() and not _is_unicode(line):
            refusals.add(number, "it is not UTF-8")
            yield "\n"
        else:
            yield line


def _is_unicode(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def _records(lines: Iterator[str], refusals: _Refusals) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of its first line; empty lines are none."""
    reader = csv.reader(lines, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            refusals.add(line, _say_csv(str(error)))
            continue
        if row:
            yield line, row


def _say_csv(error: str) -> str:
    for start, sentence in QUOTES.items():
        if error.startswith(start):
            return sentence
    return "text follows a closing quote; a quote within quotes must be doubled"


def _columns(header: list[str]) -> dict[str, int]:
    """Where each column is that we read. Raises BadFile if one is missing or there twice."""
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        found = _quote(", ".join(header))
        raise BadFile(
            f"the first line does not name the columns {', '.join(missing)}; it reads {found}"
        )
    known = [name for name in (*REQUIRED, *OPTIONAL) if name in header]
    for name in known:
        if header.count(name) > 1:
            raise BadFile(f"the first line names the column {name} more than once")
    return {name: header.index(name) for name in known}


def _quote(text: str) -> str:
    """Text from the file, short and without what a terminal would obey."""
    return repr(text if len(text) <= 80 else text[:79] + "…")


class _Rows:
    """The comparisons as they are read, names numbered as they come."""

    def __init__(self, at: dict[str, int], width: int) -> None:
        self.at, self.width = at, width
        self.items: _Numbers[tuple[str, str]] = _Numbers()
        self.people: _Numbers[str] = _Numbers()
        self.first, self.second, self.person = array("q"), array("q"), array("q")
        self.label = array("b")

    def take(self, batch: list[tuple[int, list[str]]], refusals: _Refusals) -> None:
        """Add the rows, or refuse the bad ones: then nothing is rated, and the good ones do not matter."""
        rows = [row for _, row in batch]
        if set(map(len, rows)) != {self.width}:
            self._refuse(batch, refusals)
            return
        column = {name: [row[place] for row in rows] for name, place in self.at.items()}
        a, b, label = (column[name] for name in REQUIRED)
        named = all(map(str.strip, a)) and all(map(str.strip, b))
        if not named or any(map(eq, a, b)) or not set(label) <= LABELS.keys():
            self._refuse(batch, refusals)
            return
        context = column.get("context") or [""] * len(rows)
        self.first.extend(map(self.items.__getitem__, zip(context, a, strict=True)))
        self.second.extend(map(self.items.__getitem__, zip(context, b, strict=True)))
        self.label.extend(map(LABELS.__getitem__, label))
        self.person.extend(map(self.people.__getitem__, column.get("annotator", ())))

    def _refuse(self, batch: list[tuple[int, list[str]]], refusals: _Refusals) -> None:
        for line, row in batch:
            if reason := self._fault(row):
                refusals.add(line, reason)

    def _fault(self, row: list[str]) -> str:
        if len(row) != self.width:
            return f"it has {len(row)} columns instead of {self.width}"
        a, b, label = (row[self.at[name]] for name in REQUIRED)
        for name, item in (("item_a", a), ("item_b", b)):
            if not item.strip():
                return f"{name} is empty"
        if label not in LABELS:
            return f"the label is {_quote(label)}, which is none of 1, -1 and 0"
        return f"{_quote(a)} is compared with itself" if a == b else ""

    def table(self) -> Table:
        """With names in their order instead of that of the lines: no result then depends on the latter."""
        keys, item_number = _in_order(self.items, lambda key: key)
        people, person_number = _in_order(self.people, _person_order)
        contexts = sorted({context for context, _ in keys})
        place = {context: k for k, context in enumerate(contexts)}
        annotator = None
        if "annotator" in self.at:
            known = np.array([name not in UNKNOWN for name in people], dtype=bool)
            number = np.where(known, np.cumsum(known) - 1, NOBODY)
            annotator = number[person_number][np.array(self.person, np.int64)]
            people = [name for name in people if name not in UNKNOWN]
        return Table(
            contexts=contexts,
            items=[item for _, item in keys],
            context=np.array([place[context] for context, _ in keys], np.int64),
            first=item_number[np.array(self.first, np.int64)],
            second=item_number[np.array(self.second, np.int64)],
            label=np.array(self.label, np.int64),
            people=people,
            annotator=annotator,
        )


def _in_order(
    numbers: dict[Key, int], order: Callable[[Key], tuple[object, ...]]
) -> tuple[list[Key], Integers]:
    """The keys sorted, and for each number as given the number in this order."""
    keys = list(numbers)
    by_order = sorted(range(len(keys)), key=lambda number: order(keys[number]))
    place = np.empty(len(keys), np.int64)
    place[by_order] = np.arange(len(keys))
    return [keys[number] for number in by_order], place


def _person_order(name: str) -> tuple[int, int, str]:
    """Whole numbers by size, before names."""
    return (0, int(name), name) if WHOLE.fullmatch(name) else (1, 0, name)
