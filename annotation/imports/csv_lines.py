"""CSV files from elsewhere, line by line: whatever is wrong with one is said with its line."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from annotation.errors import Invalid

LONGEST_CELL = 20_000
MOST_BYTES = 512 * 2**20
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Line:
    """`number` is the line of the file on which the row begins, from 1; cells by their column."""

    number: int
    cells: dict[str, str]


def columns_of(path: Path, field: str) -> list[str]:
    """What the first line says; nothing if that is no line of CSV."""
    try:
        with path.open("rb") as file:
            content = file.readline(LONGEST_CELL)
    except OSError as error:
        raise Invalid(
            _("The file cannot be read: %(strerror)s.") % {"strerror": error.strerror}, field
        ) from None
    encoding = "utf-16" if content.startswith(UTF_16) else "utf-8-sig"
    text = content.decode(encoding, "ignore")
    return [cell.strip() for cell in next(csv.reader([text]), [])]


def read_lines(path: Path, needed: tuple[str, ...], field: str) -> Iterator[Line]:
    """The rows below the header, which has the `needed` columns and no others; empty lines are passed over.

    Invalid, about `field`, names the line that cannot be read.
    """
    reader = csv.reader(io.StringIO(_text(path, field), newline=""), strict=True)
    header: list[str] = []
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Invalid(_broken(path, number, str(error)), field) from None
        if cells is None:
            break
        if not header:
            header = [cell.strip() for cell in cells]
            _check_header(path, header, needed, field)
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            what = _("it has %(cells)s cells, and the first line %(header)s") % {
                "cells": len(cells),
                "header": len(header),
            }
            raise Invalid(_broken(path, number, what), field)
        if max(map(len, cells)) > LONGEST_CELL:
            raise Invalid(_broken(path, number, _("a cell is longer than any name")), field)
        yield Line(number, dict(zip(header, cells, strict=True)))
    if not header:
        _check_header(path, header, needed, field)


def _text(path: Path, field: str) -> str:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise Invalid(
            _("%(name)s cannot be read: %(strerror)s.")
            % {"name": path.name, "strerror": error.strerror},
            field,
        ) from None
    if size > MOST_BYTES:
        raise Invalid(
            _("%(name)s is larger than %(most_bytes)s MB.")
            % {"name": path.name, "most_bytes": MOST_BYTES // 2**20},
            field,
        )
    encoding = "utf-16" if content.startswith(UTF_16) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Invalid(
            _broken(path, line, _("it is not UTF-8. Save it so encoded")), field
        ) from None


def _check_header(path: Path, header: list[str], needed: tuple[str, ...], field: str) -> None:
    if missing := [name for name in needed if name not in header]:
        raise Invalid(
            _(
                "%(name)s is not such a file: its first line has no column %(missing)s. It "
                "should begin with %(needed)s."
            )
            % {"name": path.name, "missing": ", ".join(missing), "needed": ",".join(needed)},
            field,
        )
    if len(set(header)) < len(header):
        raise Invalid(
            _("%(name)s has two columns of the same name in its first line.") % {"name": path.name},
            field,
        )
    refuse_further_columns(path.name, header, needed, field)


def refuse_further_columns(
    name: str, header: list[str], needed: tuple[str, ...], field: str
) -> None:
    """Whatever a column says would otherwise be lost without a word, such as that a row is a tie."""
    if further := [f"“{column[:50]}”" for column in header if column not in needed]:
        raise Invalid(
            _(
                "%(name)s has columns that are not read: %(columns)s. Nothing was imported. Only "
                "%(needed)s are read: a row has one winner, and a file is one person's. Leave out rows that "
                "are ties, import each person's rows as a file of their own, then remove the columns."
            )
            % {"name": name, "columns": ", ".join(further), "needed": ",".join(needed)},
            field,
        )


def _broken(path: Path, line: int, what: str) -> str:
    return _("Line %(line)s of %(name)s cannot be read: %(what)s. Nothing was imported.") % {
        "line": line,
        "name": path.name,
        "what": what,
    }
