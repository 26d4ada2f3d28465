import os
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext as _

from annotation.errors import Invalid
from annotation.imports.asked import Asked
from annotation.imports.entries import Entry, Refusal, as_on_disk
from annotation.imports.tables import BadLine, Line, Table, described

METADATA = ("metadata.jsonl", "metadata.csv")


class ImageFolderSource:
    """A Hugging Face ImageFolder: each metadata file names pictures beside or below itself; in place."""

    identity = ""  # nothing is copied

    def __init__(self, root: Path, prompt_column: str = "") -> None:
        self.root, self.prompt_column = root, prompt_column
        self.tables = list(_tables_below(root))
        if not self.tables:
            raise Invalid(
                _(
                    "There is no metadata.jsonl or metadata.csv in %(root)s. If the folder holds "
                    "only pictures, import it as a folder."
                )
                % {"root": root},
                "path",
            )
        found, self.unusable = self.tables, list[Refusal]()
        self.tables = []
        for table in found:
            try:
                self._check(table)
                self.tables.append(table)
            except Invalid as error:
                self.unusable.append(Refusal(self._called(table), str(error)))
        if not self.tables:
            raise Invalid(self.unusable[0].reason, "path")

    def _check(self, table: Table) -> None:
        header = table.header()
        if header is not None and "file_name" not in header:
            raise Invalid(
                _("%(table)s has no column “file_name”.") % {"table": self._called(table)}
            )

    def count(self) -> int:
        return len(self.unusable) + sum(table.count() for table in self.tables)

    def entries(self) -> Iterator[Entry | Refusal]:
        yield from self.unusable
        for table in self.tables:
            for line in table.lines():
                where = f"{self._called(table)}, line {line.number}"
                if isinstance(line, BadLine):
                    yield Refusal(where, line.reason)
                    continue
                try:
                    yield self._entry(table.path.parent, line, where)
                except Invalid as error:
                    yield Refusal(where, str(error))

    def _entry(self, folder: Path, line: Line, where: str) -> Entry:
        values = dict(line.values)
        name = values.pop("file_name", None)
        if not isinstance(name, str) or not name:
            raise Invalid(_("It names no file in “file_name”."))
        path = Path(os.path.normpath(folder / as_on_disk(folder, name)))
        if not path.is_relative_to(self.root):
            raise Invalid(_("“%(name)s” leads out of the folder.") % {"name": name[:200]})
        place = path.relative_to(self.root).as_posix()
        return Entry(
            place=place,
            home=self.root,
            name=place,
            label=f"{where}: {name}",
            **described(values, self.prompt_column),
        )

    def _called(self, table: Table) -> str:
        return table.path.relative_to(self.root).as_posix()


def _tables_below(root: Path) -> Iterator[Table]:
    for parent, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in METADATA:
            path = Path(parent, name).resolve()
            # Not a pipe, for which reading would wait, and not what lies elsewhere.
            if name in files and path.is_file() and path.is_relative_to(root):
                yield Table(Path(parent, name))
                break


def open_source(asked: Asked) -> ImageFolderSource:
    return ImageFolderSource(asked.folder(), asked.text("prompt_column"))
