import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import pyarrow
import pyarrow.parquet
from django.conf import settings
from django.utils.translation import gettext as _

from annotation import images
from annotation.errors import Invalid
from annotation.imports.asked import Asked
from annotation.imports.entries import Entry, Refusal, files_below
from annotation.imports.tables import PROMPT_COLUMNS, described
from annotation.names import fold_text

# So few rows with their pictures are in memory at once.
ROWS = 16
BUFFER_BYTES = 2**20


class ParquetSource:
    """The pictures of a Parquet file, or of all below a folder, read in constant memory, and copied.

    They are in columns as `datasets` writes them, struct<bytes, path>, or of plain bytes; a row of a data
    set of pairs has two. A picture is known by its bytes and its prompt, in whatever row, column or file
    it comes: in data sets of pairs most come in several.
    """

    identity = "parquet"

    def __init__(self, root: Path, image_column: str = "", prompt_column: str = "") -> None:
        self.root, self.prompt_column = root, prompt_column
        self.files = list(self._found())
        if not self.files:
            raise Invalid(_("There is no .parquet file below %(root)s.") % {"root": root}, "path")
        first = self._first()
        schema = first.schema_arrow
        self.columns = _image_columns(first, image_column)
        if prompt_column and prompt_column not in schema.names:
            raise Invalid(
                _("There is no column “%(prompt_column)s”; there are: %(names)s.")
                % {"prompt_column": prompt_column, "names": ", ".join(schema.names)},
                "prompt_column",
            )
        self.telling = _telling_words(
            [
                field.name
                for field in schema
                if _holds_bytes(field.type)
                and any(
                    field.name == column or _are_alike(field.name, column)
                    for column in self.columns
                )
            ]
        )

    @property
    def notes(self) -> str:
        """What the rows say beside the pictures and is not kept."""
        names = self._first().schema_arrow.names
        passed = [
            name
            for name in names
            if name not in self.columns
            and not any(self._keeps(column, name, names) for column in self.columns)
        ]
        if not passed:
            return ""
        return _(
            "Passed over, since it is not about one picture: %(columns)s. Votes are not read from Parquet."
        ) % {"columns": ", ".join(passed)}

    def count(self) -> int:
        rows = 0
        for path in self.files:
            if not isinstance(path, Refusal):
                with suppress(Invalid):
                    rows += self._opened(path).metadata.num_rows
        return rows * len(self.columns)

    def entries(self) -> Iterator[Entry | Refusal]:
        for path in self.files:
            if isinstance(path, Refusal):
                yield path
                continue
            try:
                file = self._opened(path)
                self._check_columns(file.schema_arrow)
            except Invalid as error:
                yield Refusal(f"{self._called(path)}#0", _unreadable(error))
                continue
            yield from self._entries_of(path, file)

    def _entries_of(self, path: Path, file: Any) -> Iterator[Entry | Refusal]:
        """A group of rows that is damaged is named, and the next is read."""
        end = 0
        for group in range(file.num_row_groups):
            row, end = end, end + file.metadata.row_group(group).num_rows
            try:
                for values in self._rows(file, group):
                    for column in self.columns:
                        yield self._entry(path, row, column, values)
                    row += 1
            except (pyarrow.ArrowException, OSError) as error:
                yield Refusal(f"{self._called(path)}#{row}", _unreadable(error))

    def _found(self) -> Iterator[Path | Refusal]:
        if self.root.is_file():
            yield self.root
            return
        if not self.root.is_dir():
            raise Invalid(
                _("There is no file and no folder %(root)s.") % {"root": self.root}, "path"
            )
        yield from files_below(self.root, frozenset({".parquet"}))

    def _first(self) -> Any:
        """The first file that can be read says which columns there are."""
        trouble = []
        for path in self.files:
            try:
                if isinstance(path, Refusal):
                    raise Invalid(f"{path.place}: {path.reason}", "path")
                return self._opened(path)
            except Invalid as error:
                trouble.append(error)
        raise trouble[0]

    def _check_columns(self, schema: Any) -> None:
        for column in self.columns:
            if column not in schema.names:
                raise Invalid(_("it has no column “%(image_column)s”.") % {"image_column": column})

    def _rows(self, file: Any, group: int) -> Iterator[dict[str, Any]]:
        # Other pictures and raw bytes are not read at all.
        columns = [
            field.name
            for field in file.schema_arrow
            if field.name in self.columns or not _holds_bytes(field.type)
        ]
        for batch in file.iter_batches(ROWS, row_groups=[group], columns=columns):
            yield from batch.to_pylist()

    def _entry(self, path: Path, row: int, column: str, values: dict[str, Any]) -> Entry | Refusal:
        several = len(self.columns) > 1
        place = f"{self._called(path)}#{row}" + (f" {column}" if several else "")
        picture = values[column]
        inside = None
        if isinstance(picture, dict):
            inside, picture = picture.get("path"), picture.get("bytes")
        if not picture:
            reason = _("The row has no picture.")
            if inside:
                reason = _("The row has only the picture's path, not its bytes.")
            return Refusal(place, reason)
        if len(picture) > settings.MAX_UPLOAD_BYTES:
            return Refusal(place, _("The picture is too large."))
        name = f"{path.stem}-{row}" + (f"-{column}" if several else "")
        facts = described(self._facts(column, values), self.prompt_column)
        sha256 = hashlib.sha256(picture).hexdigest()
        prompt = hashlib.sha256(fold_text(facts["prompt"]).encode("utf-8", "replace"))
        return Entry(
            place=f"{sha256}|{prompt.hexdigest()}",
            label=place,
            name=PurePath(str(inside)).name if inside else name,
            read=partial(bytes, picture),
            held=len(picture),
            sha256=sha256,
            **facts,
        )

    def _facts(self, column: str, values: dict[str, Any]) -> dict[str, Any]:
        """What the row says of this one picture, its model by that name."""
        facts = {
            name: _plain(value)
            for name, value in values.items()
            if name not in self.columns and self._keeps(column, name, values)
        }
        own = self.telling[column]
        models = [name for name in facts if "model" in _words(name) and own & _words(name)]
        if "model" not in facts and len(models) == 1:
            facts["model"] = facts.pop(models[0])
        return facts

    def _keeps(self, column: str, name: str, names: Iterable[str]) -> bool:
        """Whether this column is kept with the picture: where a row has several, its prompt and its own.

        Then a label never is: it says which of two was preferred.
        """
        wanted = (self.prompt_column,) if self.prompt_column else PROMPT_COLUMNS
        if name == next((prompt for prompt in wanted if prompt in names), None):
            return True
        about = [one for one, telling in self.telling.items() if telling & _words(name)]
        if len(self.columns) > 1:
            return about == [column] and "label" not in _words(name)
        return name not in self.telling and about in ([], [column])

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


def _image_columns(file: Any, wanted: str) -> list[str]:
    """The column that is asked for; else all that are declared to hold pictures, or are seen to."""
    schema = file.schema_arrow
    possible = [field.name for field in schema if _holds_bytes(field.type)]
    if wanted:
        if wanted not in possible:
            raise Invalid(
                _("The column “%(wanted)s” holds no pictures. Those that may: %(possible)s.")
                % {"wanted": wanted, "possible": ", ".join(possible)},
                "image_column",
            )
        return [wanted]
    if not possible:
        raise Invalid(_("No column of the data set holds pictures or bytes."), "path")
    declared = [name for name in _declared_images(schema) if name in possible]
    if declared or len(possible) == 1:
        return declared or possible
    seen = [name for name in possible if _shows_pictures(file, name)]
    if not seen:
        raise Invalid(
            _("Say which column holds the pictures: %(found)s.") % {"found": ", ".join(possible)},
            "image_column",
        )
    return seen


def _shows_pictures(file: Any, column: str) -> bool:
    """Return whether the first value of the column that is there, and can be read, is a picture."""
    for group in range(file.num_row_groups):
        try:
            content = _first_content(file, group, column)
        except (pyarrow.ArrowException, OSError):
            continue
        if content:
            try:
                images.inspect(content, images.IMPORTS)
            except Invalid:
                return False
            return True
    return False


def _first_content(file: Any, group: int, column: str) -> bytes | None:
    for batch in file.iter_batches(ROWS, row_groups=[group], columns=[column]):
        for value in batch.column(0).to_pylist():
            content = value.get("bytes") if isinstance(value, dict) else value
            if content:
                return bytes(content)
    return None


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z]+|[0-9]+", name.lower()))


def _are_alike(one: str, other: str) -> bool:
    """Whether the names of two columns differ in one word only, as `jpg_0` and `jpg_1` do."""
    shared = _words(one) & _words(other)
    return bool(shared) and len(_words(one) - shared) == len(_words(other) - shared) == 1


def _telling_words(columns: list[str]) -> dict[str, set[str]]:
    """For each of several columns the words that only it has: a `model_0` is of the picture in `jpg_0`."""
    return {
        column: _words(column) - set().union(*(_words(one) for one in columns if one != column))
        for column in columns
    }


def _unreadable(error: Exception) -> str:
    return _("The file cannot be read from here: %(error)s") % {"error": error}


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
