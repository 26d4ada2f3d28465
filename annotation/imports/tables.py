"""Tables that people write: CSV with a header, or JSONL. A bad line costs only itself, and is named."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext

from annotation.errors import Invalid
from annotation.strict_json import strict_json

LONGEST_LINE = 2**20
PROMPT_COLUMNS = ("prompt", "text", "caption")


@dataclass(frozen=True)
class Line:
    number: int
    values: dict[str, Any]


@dataclass(frozen=True)
class BadLine:
    number: int
    reason: str


class _Unreadable(Exception):
    """A line that is no text, or is too long."""


class Table:
    """A file of lines; CSV unless its name says JSONL."""

    def __init__(self, path: Path) -> None:
        self.path, self.jsonl = path, path.suffix.lower() == ".jsonl"

    def header(self) -> list[str] | None:
        """The columns of a CSV; of JSONL each line has its own."""
        if self.jsonl:
            return None
        with self.path.open("rb") as file:
            try:
                header = next(csv.reader(_Lines(file), strict=True), [])
            except (csv.Error, _Unreadable) as error:
                raise Invalid(
                    gettext("The header of %(name)s cannot be read: %(error)s.")
                    % {"name": self.path.name, "error": error}
                ) from None
        if not header or len(set(header)) < len(header):
            raise Invalid(
                gettext("The first line of %(name)s must name each column once.")
                % {"name": self.path.name}
            )
        return header

    def lines(self) -> Iterator[Line | BadLine]:
        with self.path.open("rb") as file:
            yield from self._json(file) if self.jsonl else self._csv(file)

    def count(self) -> int:
        if not self.jsonl:
            return sum(1 for _ in self.lines())
        with self.path.open("rb") as file:
            return sum(1 for line in file if line.strip())

    def _json(self, file: BinaryIO) -> Iterator[Line | BadLine]:
        lines = _Lines(file)
        while True:
            try:
                text = next(lines)
                if not text.strip():
                    continue
                values = strict_json(text)
                if not isinstance(values, dict):
                    raise ValueError("it is not an object, such as {“path”: “a.png”}")
                yield Line(lines.number, values)
            except StopIteration:
                return
            except (ValueError, _Unreadable) as error:
                yield BadLine(
                    lines.number,
                    gettext("The line is not usable JSON: %(error)s") % {"error": error},
                )

    def _csv(self, file: BinaryIO) -> Iterator[Line | BadLine]:
        lines = _Lines(file)
        reader = csv.reader(lines, strict=True)
        header = next(reader, [])
        while True:
            began = lines.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _Unreadable) as error:
                yield BadLine(
                    began, gettext("The line is not usable CSV: %(error)s") % {"error": error}
                )
                continue
            if not cells:
                continue
            if len(cells) != len(header):
                yield BadLine(
                    began,
                    gettext("The line has %(cells)s cells, but the header has %(header)s.")
                    % {"cells": len(cells), "header": len(header)},
                )
            else:
                yield Line(began, dict(zip(header, cells, strict=True)))


class _Lines:
    """The lines of a file as text. Goes on after one that is no text, or is too long to be one."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.number = file, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.file.readline(LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = self.file.readline(LONGEST_LINE)
            raise _Unreadable(
                gettext("it is longer than %(longest_line)s MB")
                % {"longest_line": LONGEST_LINE // 2**20}
            )
        if self.number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            raise _Unreadable(
                gettext("it is not UTF-8 at byte %(start)s") % {"start": error.start + 1}
            ) from None


def described(values: Mapping[str, Any], prompt_column: str = "") -> dict[str, Any]:
    """A data set's columns as what an entry has: its prompt, its model, and the rest as metadata."""
    columns = (prompt_column,) if prompt_column else PROMPT_COLUMNS
    prompt = next((name for name in columns if isinstance(values.get(name), str)), None)
    model = "model" if isinstance(values.get("model"), str) else None
    return {
        "prompt": values[prompt] if prompt else "",
        "model": values[model] if model else "",
        "metadata": {
            name: value
            for name, value in values.items()
            if name not in (prompt, model) and value is not None
        },
    }
