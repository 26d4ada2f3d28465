"""What an export format is, and the writing of rows that all formats share."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TextIO
from uuid import UUID

from annotation.models import Project
from rating.models import RatingRun

SCHEMA_VERSION = 1
# A spreadsheet takes a cell that starts like this for a formula.
FORMULA = re.compile(r"^[\s'\"]*[=+\-@\t\r]")


@dataclass
class Source:
    """What an export is made from, and what it leaves out on the way: a count for each reason."""

    project: Project
    run: RatingRun
    options: dict[str, Any]
    image_url: Callable[[UUID], str]
    left_out: Counter[str] = field(default_factory=Counter)


Row = dict[str, Any]


@dataclass(frozen=True)
class Format:
    """One format: `rows` streams it, in an order that depends on the log and the run alone."""

    key: str
    title: str
    help: str
    files: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Callable[[Source], Iterator[Row]]
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)


def write_rows(format: Format, file: str, source: Source, stream: TextIO) -> Iterator[int]:
    """Write one row after another, and yield how many are written, so that progress can be told."""
    write = _csv_writer(format, stream) if file == "csv" else _jsonl_writer(format, stream)
    for written, row in enumerate(format.rows(source), start=1):
        write(row)
        yield written


def _csv_writer(format: Format, stream: TextIO) -> Callable[[Row], object]:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("schema_version", *format.columns))
    return lambda row: writer.writerow(
        (SCHEMA_VERSION, *(_cell(row[column]) for column in format.columns))
    )


def _jsonl_writer(format: Format, stream: TextIO) -> Callable[[Row], object]:
    def write(row: Row) -> None:
        line = {column: _plain(row[column]) for column in format.columns}
        stream.write(
            json.dumps(line | {"schema_version": SCHEMA_VERSION}, ensure_ascii=False) + "\n"
        )

    return write


def _cell(value: Any) -> Any:
    """As a spreadsheet may safely see it; numbers and times are as exact as in the other files."""
    value = _plain(value)
    if isinstance(value, str) and FORMULA.match(value):
        return "'" + value
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    return value
