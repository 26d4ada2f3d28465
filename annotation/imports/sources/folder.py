from collections.abc import Iterator
from pathlib import Path

from annotation import images
from annotation.imports.asked import Asked
from annotation.imports.entries import Entry, Refusal, files_below


class FolderSource:
    """Every picture below a folder of the server, used where it lies: neither copied nor moved."""

    identity = ""  # nothing is copied

    def __init__(self, root: Path) -> None:
        self.root = root

    def count(self) -> int:
        return sum(1 for _ in files_below(self.root, images.EXTENSIONS))

    def entries(self) -> Iterator[Entry | Refusal]:
        for file in files_below(self.root, images.EXTENSIONS):
            if isinstance(file, Refusal):
                yield file
            else:
                name = file.relative_to(self.root).as_posix()
                yield Entry(place=name, name=name, home=self.root)


def open_source(asked: Asked) -> FolderSource:
    return FolderSource(asked.folder())
