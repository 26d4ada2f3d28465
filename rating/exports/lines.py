"""Arrow tables as lines of JSON or CSV, column by column, at the speed of Arrow's own loops."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.exports.cells import csv_cell

# What a text must not hold for standing in the line as it is.
# (RE2 knows fewer kinds of space than Python, so they are named.)
ODD = {
    "json": r'["\\\x00-\x1f]',
    "csv": r'[",\r\n]|^[\s\v\x1c-\x1f\x{85}\p{Z}\']*[=+\-@\t\r]',
}
NULL = {"json": "null", "csv": ""}


class Lines:
    """Encodes batches of one schema. What repeats in them, their dictionaries, is encoded once."""

    def __init__(self, kind: str, constant: str, end: str) -> None:
        """constant: what stands in each line beside the columns: first in CSV, last in JSON."""
        self.kind, self.constant, self.end = kind, constant, end
        self._known: dict[int, tuple[tuple[int, int], pa.Array]] = {}

    def of(self, batch: pa.RecordBatch) -> bytes:
        pieces: list[Any] = []
        for at, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
            if self.kind == "json":
                pieces += ["{" if at == 0 else ", ", json.dumps(name) + ": "]
            else:
                pieces += [f"{self.constant}," if at == 0 else ","]
            if self.kind == "json" and b"json" in (batch.schema.field(at).metadata or {}):
                pieces.append(pc.fill_null(column, "null"))
            else:
                pieces.append(self._encoded(at, column))
        pieces.append((f", {self.constant}}}" if self.kind == "json" else "") + self.end)
        lines = pc.binary_join_element_wise(*_merged(pieces), "")
        _, offsets, data = lines.buffers()
        ends = np.frombuffer(offsets, np.int32, len(lines) + 1, lines.offset * 4)
        return bytes(memoryview(data)[ends[0] : ends[-1]]) if data else b""

    def _encoded(self, at: int, column: pa.Array) -> pa.Array:
        if pa.types.is_dictionary(column.type):
            words = column.dictionary
            buffer = words.buffers()[-1]
            same = (buffer.address if buffer else 0, len(words))
            if at not in self._known or self._known[at][0] != same:
                self._known[at] = (same, self._text(words))
            text = self._known[at][1].take(column.indices)
        elif pa.types.is_string(column.type):
            text = self._text(column)
        else:
            text = self._plain(column)
        return pc.fill_null(text, NULL[self.kind])

    def _text(self, column: pa.Array) -> pa.Array:
        """Quoted and escaped where there is need; most columns have none."""
        encode: Callable[[Any], str | None] = csv_cell if self.kind == "csv" else _json_string
        if pc.any(pc.match_substring_regex(column, ODD[self.kind])).as_py():
            return pa.array([encode(value) for value in column.to_pylist()], pa.string())
        if self.kind == "csv":
            return column
        return pc.binary_join_element_wise('"', column, '"', "")

    def _plain(self, column: pa.Array) -> pa.Array:
        """Numbers, truths and times as text."""
        if not pa.types.is_timestamp(column.type):
            return column.cast(pa.string())
        text = column.cast(pa.timestamp("us")).cast(pa.string())
        quote = '"' if self.kind == "json" else ""
        text = pc.binary_replace_slice(text, 10, 11, "T")
        return pc.binary_join_element_wise(quote, text, f"Z{quote}", "")


def _merged(pieces: list[Any]) -> list[Any]:
    """Neighbouring texts as one."""
    merged: list[Any] = []
    for piece in pieces:
        if merged and isinstance(piece, str) and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return merged


def _json_string(value: str | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
