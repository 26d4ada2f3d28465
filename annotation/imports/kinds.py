"""The sources that there are, what each is told, and how it is opened.

A further one is an entry of KINDS: either it `open`s a source of pictures for the engine, or it does the
`whole` import by itself (then `check` refuses at once what cannot be).
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from annotation.errors import Invalid
from annotation.imports.asked import Asked
from annotation.imports.entries import Source
from annotation.models import Import


def _later(module: str) -> Callable[[Asked], Source]:
    """The source of a module, loaded when it is needed: some bring heavy libraries."""

    def open_source(asked: Asked) -> Source:
        source: Source = import_module(f"annotation.imports.sources.{module}").open_source(asked)
        return source

    return open_source


def _whole(module: str) -> dict[str, Any]:
    """The functions of a module that does an import by itself, loaded when they are needed, too."""
    path = f"annotation.imports.{module}"
    return {
        "whole": lambda job, asked: import_module(path).whole(job, asked),
        "check_whole": lambda asked: import_module(path).check(asked),
    }


def _nothing(asked: Asked) -> Source:
    raise Invalid("This source gives no pictures.", "source")


@dataclass(frozen=True)
class Kind:
    help: str
    takes: tuple[str, ...]
    open: Callable[[Asked], Source] = _nothing
    # What the names of files that may be uploaded for it end in.
    uploads: tuple[str, ...] = ()
    # Does the import without the engine: adds its rows, counts them on the import, raises Refused.
    whole: Callable[[Import, Asked], None] | None = None
    check_whole: Callable[[Asked], object] = lambda asked: None

    def check(self, asked: Asked) -> None:
        if self.whole is None:
            self.open(asked)
        else:
            self.check_whole(asked)

    def check_options(self, source: str, options: dict[str, Any], uploaded: bool) -> None:
        for name in options:
            if name not in self.takes:
                known = ", ".join(self.takes)
                raise Invalid(f"“{name}” is no option of {source}. Its options: {known}.", name)
        if uploaded and not self.uploads:
            raise Invalid(f"For {source} there is nothing to upload; it is on the server.", "file")
        if uploaded and "path" in options:
            raise Invalid("Give either a file or a path of the server, not both.", "path")


KINDS: dict[str, Kind] = {
    Import.Source.FOLDER: Kind(
        "Every picture below a folder of the server, where it lies.",
        ("path", "read_prompts"),
        _later("folder"),
    ),
    Import.Source.ZIP: Kind(
        "The pictures of a zip archive, uploaded or on the server; copied.",
        ("path", "read_prompts"),
        _later("archive"),
        uploads=(".zip",),
    ),
    Import.Source.MANIFEST: Kind(
        "A CSV or JSONL file that names pictures of the server, with what is known of each; in place.",
        ("path", "folder", "read_prompts"),
        _later("manifest"),
        uploads=(".csv", ".jsonl"),
    ),
    Import.Source.IMAGEFOLDER: Kind(
        "A Hugging Face ImageFolder with its metadata, on the server; in place.",
        ("path", "prompt_column", "read_prompts"),
        _later("imagefolder"),
    ),
    Import.Source.PARQUET: Kind(
        "A Parquet data set on the server; copied.",
        ("path", "image_column", "prompt_column", "read_prompts"),
        _later("parquet"),
    ),
    Import.Source.S3: Kind(
        "The pictures of a bucket that the operator allows; copied.",
        ("bucket", "prefix", "read_prompts"),
        _later("s3"),
    ),
    Import.Source.COMPARISONS: Kind(
        "A CSV file of an Image Ranker, its comparisons (Winner,Loser) or its rankings, for images that "
        "are here.",
        ("path", "criterion", "annotator"),
        uploads=(".csv",),
        **_whole("ancestor"),
    ),
}
