"""Tables written to a stream, row by row or batch by batch, as CSV, JSON, JSONL or Parquet."""

import json
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from rating.exports.cells import csv_cell, json_line
from rating.exports.lines import Lines

# A row group is written when it has so many rows, or so many bytes of pictures.
GROUP_ROWS = 20_000
GROUP_BYTES = 32 * 2**20
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/jsonl; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "tar": "application/x-tar",
    "zip": "application/zip",
}
IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


class Table(Protocol):
    def write(self, row: dict[str, Any]) -> None: ...
    def write_batch(self, batch: pa.RecordBatch) -> None: ...
    def close(self) -> None: ...


def table(
    kind: str,
    stream: BinaryIO,
    columns: tuple[str, ...],
    schema: pa.Schema | None,
    version: int | None,
) -> Table:
    """A table of this kind on the stream. version: of the schema, in each row; None leaves it out."""
    if kind == "parquet":
        assert schema is not None
        return _Parquet(stream, schema, version)
    if kind == "csv":
        return _Csv(stream, columns, version)
    return _Json(stream, columns, version, is_list=kind == "json")


class _Csv:
    def __init__(self, stream: BinaryIO, columns: tuple[str, ...], version: int | None) -> None:
        self.stream, self.columns = stream, columns
        self.first = "" if version is None else f"{version},"
        header = ",".join(csv_cell(column) or "" for column in columns)
        stream.write((("" if version is None else "schema_version,") + header + "\n").encode())
        self.lines = Lines("csv", self.first.removesuffix(","), "\n")

    def write(self, row: dict[str, Any]) -> None:
        cells = (csv_cell(row[column]) or "" for column in self.columns)
        self.stream.write((self.first + ",".join(cells) + "\n").encode())

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self.stream.write(self.lines.of(batch))

    def close(self) -> None:
        pass


class _Json:
    """A row a line; as one list, the lines stand between brackets."""

    def __init__(
        self, stream: BinaryIO, columns: tuple[str, ...], version: int | None, *, is_list: bool
    ) -> None:
        self.stream, self.columns, self.is_list = stream, columns, is_list
        self.version = {} if version is None else {"schema_version": version}
        self.lines = Lines("json", json.dumps(self.version)[1:-1], ",\n" if is_list else "\n")
        self.begun = False
        if is_list:
            stream.write(b"[\n")

    def write(self, row: dict[str, Any]) -> None:
        line = json_line({name: row[name] for name in self.columns if name in row} | self.version)
        self._separate()
        self.stream.write((line if self.is_list else line + "\n").encode())

    def write_batch(self, batch: pa.RecordBatch) -> None:
        text = self.lines.of(batch)
        self._separate()
        # Between two batches, the separator is written before the second.
        self.stream.write(text[: -len(self.lines.end)] if self.is_list else text)

    def _separate(self) -> None:
        if self.begun and self.is_list:
            self.stream.write(b",\n")
        self.begun = True

    def close(self) -> None:
        if self.is_list:
            self.stream.write(b"\n]\n" if self.begun else b"]\n")


class _Parquet:
    """Row group by row group; the file's metadata hold no time, so that the same rows are the same bytes."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema, version: int | None) -> None:
        self.schema = described(schema, version)
        self.writer = pq.ParquetWriter(stream, self.schema, compression="zstd")
        self.rows: list[dict[str, Any]] = []
        self.bytes = 0
        self.batches: list[pa.RecordBatch] = []

    def write(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        self.bytes += sum(_size(value) for value in row.values())
        if len(self.rows) >= GROUP_ROWS or self.bytes >= GROUP_BYTES:
            self._flush()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        plain = [
            column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
            for column in batch.columns
        ]
        self.batches.append(pa.RecordBatch.from_arrays(plain, schema=self.schema))
        if sum(map(len, self.batches)) >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self.rows:
            rows = pa.RecordBatch.from_pylist(self.rows, schema=self.schema)
            self.batches.append(rows)
        if self.batches:
            self.writer.write_table(pa.Table.from_batches(self.batches, self.schema), 2**30)
        self.rows, self.bytes, self.batches = [], 0, []

    def close(self) -> None:
        self._flush()
        self.writer.close()


def described(schema: pa.Schema, version: int | None) -> pa.Schema:
    """Without dictionaries; with the schema's version; and with what `datasets` needs to know of pictures."""
    fields = [
        pa.field(field.name, field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in schema
    ]
    metadata = {} if version is None else {"schema_version": str(version)}
    if any(_holds_image(field.type) for field in fields):
        features = {field.name: feature(field.type) for field in fields}
        metadata["huggingface"] = json.dumps({"info": {"features": features}})
    return pa.schema(fields, metadata=metadata)


def feature(kind: pa.DataType) -> Any:
    """A column's type in the words of `datasets`."""
    if kind == IMAGE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        # `Sequence` is read by every version; `List` by the newer ones only.
        inner = feature(kind.value_type)
        return (
            [inner]
            if pa.types.is_struct(kind.value_type) and kind.value_type != IMAGE
            else {
                "feature": inner,
                "_type": "Sequence",
            }
        )
    if pa.types.is_struct(kind):
        return {field.name: feature(field.type) for field in kind}
    names = {pa.float64(): "float64", pa.bool_(): "bool", pa.binary(): "binary"}
    return {"dtype": names.get(kind, str(kind)), "_type": "Value"}


def _holds_image(kind: pa.DataType) -> bool:
    return kind == IMAGE or (pa.types.is_list(kind) and _holds_image(kind.value_type))


def _size(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list) else 0
