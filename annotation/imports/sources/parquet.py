import json
import math
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import pyarrow
import pyarrow.parquet
from django.conf import settings
from django.utils.translation import gettext as _

from annotation.errors import Invalid
from annotation.imports.asked import Asked
from annotation.imports.entries import Entry, Refusal, files_below
from annotation.imports.tables import described

# So few rows with their pictures are in memory at once.
ROWS = 16
BUFFER_BYTES = 2**20


class ParquetSource:
    """The pictures of a Parquet file, or of all below a folder, read in constant memory, and copied.

    They are in a column as `datasets` writes it, struct<bytes, path>, or of plain bytes. A picture is
    known by its file and its row.
    """

    def __init__(self, root: Path, image_column: str = "", prompt_column: str = "") -> None:
        self.root, self.prompt_column = root, prompt_column
        self.identity = f"parquet:{root}"
        self.files = list(self._found())
        if not self.files:
            raise Invalid(_("There is no .parquet file below %(root)s.") % {"root": root}, "path")
        schema = self._opened(self.files[0]).schema_arrow
        self.image_column = _image_column(schema, image_column)
        if prompt_column and prompt_column not in schema.names:
            raise Invalid(
                _("There is no column “%(prompt_column)s”; there are: %(names)s.")
                % {"prompt_column": prompt_column, "names": ", ".join(schema.names)},
                "prompt_column",
            )

    def count(self) -> int:
        return sum(self._opened(file).metadata.num_rows for file in self.files)

    def entries(self) -> Iterator[Entry | Refusal]:
        for path in self.files:
            name = self._called(path)
            row = -1
            try:
                for row, values in enumerate(self._rows(path)):
                    yield self._entry(f"{name}#{row}", path, row, values)
            except (pyarrow.ArrowException, OSError, Invalid) as error:
                yield Refusal(
                    f"{name}#{row + 1}",
                    _("The file cannot be read from here: %(error)s") % {"error": error},
                )

    def _found(self) -> Iterator[Path]:
        if self.root.is_file():
            yield self.root
            return
        if not self.root.is_dir():
            raise Invalid(
                _("There is no file and no folder %(root)s.") % {"root": self.root}, "path"
            )
        for file in files_below(self.root, frozenset({".parquet"})):
            if isinstance(file, Refusal):
                raise Invalid(f"{file.place}: {file.reason}", "path")
            yield file

    def _rows(self, path: Path) -> Iterator[dict[str, Any]]:
        file = self._opened(path)
        schema = file.schema_arrow
        if self.image_column not in schema.names:
            raise Invalid(
                _("it has no column “%(image_column)s”.") % {"image_column": self.image_column}
            )
        # Other pictures and raw bytes are not read at all.
        columns = [
            field.name
            for field in schema
            if field.name == self.image_column or not _holds_bytes(field.type)
        ]
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(ROWS, row_groups=[group], columns=columns):
                yield from batch.to_pylist()

    def _entry(self, place: str, path: Path, row: int, values: dict[str, Any]) -> Entry | Refusal:
        picture = values.pop(self.image_column)
        inside = None
        if isinstance(picture, dict):
            inside, picture = picture.get("path"), picture.get("bytes")
        if not picture:
            reason = "The row has no picture."
            if inside:
                reason = "The row has only the picture's path, not its bytes."
            return Refusal(place, reason)
        if len(picture) > settings.MAX_UPLOAD_BYTES:
            return Refusal(place, _("The picture is too large."))
        name = PurePath(str(inside)).name if inside else f"{path.stem}-{row}"
        return Entry(
            place=place,
            name=name,
            read=partial(bytes, picture),
            held=len(picture),
            **described({key: _plain(value) for key, value in values.items()}, self.prompt_column),
        )

    def _called(self, path: Path) -> str:
        return path.name if path == self.root else path.relative_to(self.root).as_posix()

    def _opened(self, path: Path) -> Any:
        resolved = path.resolve()
        if not resolved.is_relative_to(self.root) or not resolved.is_file():
            raise Invalid(
                _("%(path)s leads out of the folder, or is no file.")
                % {"path": self._called(path)},
                "path",
            )
        try:
            return pyarrow.parquet.ParquetFile(
                resolved, buffer_size=BUFFER_BYTES, pre_buffer=False, memory_map=False
            )
        except (pyarrow.ArrowException, OSError) as error:
            raise Invalid(
                _("%(path)s is no usable Parquet file: %(error)s")
                % {"path": self._called(path), "error": error},
                "path",
            ) from None


def _image_column(schema: Any, wanted: str) -> str:
    possible = [field.name for field in schema if _holds_bytes(field.type)]
    if wanted:
        if wanted not in possible:
            raise Invalid(
                _("The column “%(wanted)s” holds no pictures. Those that may: %(possible)s.")
                % {"wanted": wanted, "possible": ", ".join(possible)},
                "image_column",
            )
        return wanted
    declared = [name for name in _declared_images(schema) if name in possible]
    found = declared or possible
    if not found:
        raise Invalid(_("No column of the data set holds pictures or bytes."), "path")
    if len(found) > 1:
        raise Invalid(
            _("Say which column holds the pictures: %(found)s.") % {"found": ", ".join(found)},
            "image_column",
        )
    return found[0]


def _declared_images(schema: Any) -> list[str]:
    """The columns that `datasets` has marked as images, in the metadata of the schema."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return [name for name, kind in features.items() if kind.get("_type") == "Image"]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return []


def _holds_bytes(type: Any) -> bool:
    types = pyarrow.types
    if types.is_struct(type):
        return any(field.name == "bytes" and _holds_bytes(field.type) for field in type)
    return bool(
        types.is_binary(type) or types.is_large_binary(type) or types.is_fixed_size_binary(type)
    )


def _plain(value: Any) -> Any:
    """As JSON has it; what is no number is nothing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) and value.is_finite() else str(value)


def open_source(asked: Asked) -> ParquetSource:
    return ParquetSource(asked.path(), asked.text("image_column"), asked.text("prompt_column"))
