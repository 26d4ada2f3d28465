import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from annotation.errors import Invalid
from annotation.imports.asked import Asked
from annotation.imports.entries import Entry, Refusal, as_on_disk
from annotation.imports.tables import BadLine, Line, Table
from annotation.strict_json import strict_json

COLUMNS = (
    *("path", "name", "prompt", "model", "metadata", "group", "gold", "prior_score"),
    "reference",
)


class ManifestSource:
    """The pictures that a CSV or JSONL file names, where they lie, with what it says of each.

    Paths are relative to `base`. What lies outside of it must be `allowed`, and is held to that folder.
    """

    identity = ""  # nothing is copied

    def __init__(self, path: Path, base: Path, allowed: Callable[[Path], bool]) -> None:
        self.table, self.base, self.allowed = Table(path), base, allowed
        header = self.table.header()
        if header is not None:
            _check_columns(header)
            if "path" not in header:
                raise Invalid(
                    _("The manifest has no column “path”. %(known)s") % {"known": _known()}, "file"
                )

    def count(self) -> int:
        return self.table.count()

    def entries(self) -> Iterator[Entry | Refusal]:
        named: dict[tuple[Path, str], int] = {}
        for line in self.table.lines():
            if isinstance(line, BadLine):
                yield Refusal(_("line %(number)s") % {"number": line.number}, line.reason)
                continue
            try:
                entry = self._entry(line)
                assert entry.home is not None
                first = named.setdefault((entry.home, entry.place), line.number)
                if first != line.number:
                    raise Invalid(_("Line %(first)s names the same file.") % {"first": first})
                yield entry
            except Invalid as error:
                path = line.values.get("path")
                where = {"number": line.number, "path": path}
                has_path = isinstance(path, str) and path
                place = _("line %(number)s: %(path)s") if has_path else _("line %(number)s")
                yield Refusal(place % where, str(error))

    def _entry(self, line: Line) -> Entry:
        values = {name: value for name, value in line.values.items() if value not in (None, "")}
        _check_columns(values)
        path = _text(values, "path")
        if not path:
            raise Invalid(_("It names no file in “path”."))
        home, place = self._located(as_on_disk(self.base, path))
        return Entry(
            place=place,
            home=home,
            name=_text(values, "name") or place,
            prompt=_text(values, "prompt"),
            model=_text(values, "model"),
            metadata=_metadata(values.get("metadata")),
            group=_text(values, "group"),
            gold=_number(values, "gold"),
            prior_score=_number(values, "prior_score"),
            reference=_truth(values, "reference"),
            label=f"line {line.number}: {path}",
        )

    def _located(self, text: str) -> tuple[Path, str]:
        """The folder that must hold the file, and its path there; links are followed when it is read."""
        path = Path(os.path.normpath(self.base / text))
        if path.is_relative_to(self.base):
            home = self.base
        elif self.allowed(path):
            home = _home_of(path)
        else:
            raise Invalid(_("Its path leads out of the folders that may be imported from."))
        return home, path.relative_to(home).as_posix() if path.is_relative_to(home) else path.name


def _home_of(path: Path) -> Path:
    """The folder, outside of the manifest's own, that a file is held to; it must be there."""
    roots = [root for root in settings.IMAGE_ROOTS if path.is_relative_to(root)]
    try:
        home = roots[0] if roots else path.parent.resolve()
        there = home.is_dir()
    except (OSError, RuntimeError, ValueError):
        raise Invalid(_("“%(path)s” cannot be a path.") % {"path": str(path)[:200]}) from None
    if not there:
        raise Invalid(
            _(
                "There is no folder %(folder)s. Correct the path, or make the folder available, and import "
                "again."
            )
            % {"folder": home}
        )
    return home


def _check_columns(names: Any) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        shown = ", ".join(f"“{str(name)[:50]}”" for name in unknown[:5])
        raise Invalid(
            _("Unknown column: %(shown)s. %(known)s") % {"shown": shown, "known": _known()}, "file"
        )


def _known() -> str:
    return _("There may be: %(columns)s.") % {"columns": ", ".join(COLUMNS)}


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise Invalid(_("Its %(name)s must be a text.") % {"name": name})
    return value


def _number(values: dict[str, Any], name: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise Invalid(_("Its %(name)s must be a number.") % {"name": name})
    return number


def _truth(values: dict[str, Any], name: str) -> bool:
    value = values.get(name, False)
    truth = {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower())
    if truth is None:
        raise Invalid(_("Its %(name)s must be true or false.") % {"name": name})
    return truth


def _metadata(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        try:
            value = strict_json(value)
        except ValueError as error:
            raise Invalid(
                _("Its metadata is not usable JSON: %(error)s") % {"error": error}
            ) from None
    if not isinstance(value, dict):
        raise Invalid(_("Its metadata must be a JSON object, such as {“seed”: 7}."))
    return value


def open_source(asked: Asked) -> ManifestSource:
    path = asked.file()
    if path.suffix.lower() not in (".csv", ".jsonl"):
        raise Invalid(_("The name of a manifest ends in .csv or .jsonl."), "path")
    if asked.text("folder"):
        base = asked.folder("folder")
    elif "file" in asked.uploads:
        raise Invalid(
            _(
                "Say in “folder” which folder of the server the paths of the manifest are "
                "relative to."
            ),
            "folder",
        )
    else:
        base = path.parent
    return ManifestSource(path, base, asked.allowed)
