"""The sources that there are, what each is told, and how it is opened.

A further one is an entry of KINDS. Either it `open`s a source of pictures for the engine; or it does the
`whole` import by itself, in one transaction, and says how many it has `added` and `known`, and its `notes`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

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
    raise Invalid(_("This source gives no pictures."), "source")


@dataclass(frozen=True)
class Kind:
    help: str
    takes: tuple[str, ...]
    open: Callable[[Asked], Source] = _nothing
    # What may be uploaded for it, and what the names of such files end in.
    uploads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Does the import without the engine; done twice, it must add nothing. Refused is for the user.
    whole: Callable[[Import, Asked], Mapping[str, Any]] | None = None
    # Refuses at once what cannot be.
    check_whole: Callable[[Asked], object] = lambda asked: None

    def check(self, asked: Asked) -> None:
        if self.whole is None:
            self.open(asked)
        else:
            self.check_whole(asked)

    def check_options(self, source: str, options: dict[str, Any], uploads: Collection[str]) -> None:
        for name in options:
            if name not in self.takes:
                known = ", ".join(self.takes)
                raise Invalid(
                    _("“%(name)s” is no option of %(source)s. Its options: %(known)s.")
                    % {"name": name, "source": source, "known": known},
                    name,
                )
        for name in uploads:
            if name not in self.uploads:
                raise Invalid(
                    _("“%(name)s” cannot be uploaded for %(source)s.")
                    % {"name": name, "source": source},
                    name,
                )
        if "file" in uploads and "path" in options:
            raise Invalid(_("Give either a file or a path of the server, not both."), "path")


KINDS: dict[str, Kind] = {
    Import.Source.FOLDER: Kind(
        gettext_noop("Every picture below a folder of the server, where it lies."),
        ("path", "read_prompts"),
        _later("folder"),
    ),
    Import.Source.ZIP: Kind(
        gettext_noop("The pictures of a zip archive, uploaded or on the server; copied."),
        ("path", "read_prompts"),
        _later("archive"),
        uploads={"file": (".zip",)},
    ),
    Import.Source.MANIFEST: Kind(
        gettext_noop(
            "A CSV or JSONL file that names pictures of the server, with what is known of each; in place."
        ),
        ("path", "folder", "read_prompts"),
        _later("manifest"),
        uploads={"file": (".csv", ".jsonl")},
    ),
    Import.Source.IMAGEFOLDER: Kind(
        gettext_noop("A Hugging Face ImageFolder with its metadata, on the server; in place."),
        ("path", "prompt_column", "read_prompts"),
        _later("imagefolder"),
    ),
    Import.Source.PARQUET: Kind(
        gettext_noop("A Parquet data set on the server; copied."),
        ("path", "image_column", "prompt_column", "read_prompts"),
        _later("parquet"),
    ),
    Import.Source.S3: Kind(
        gettext_noop("The pictures of a bucket that the operator allows; copied."),
        ("bucket", "prefix", "read_prompts"),
        _later("s3"),
    ),
    Import.Source.COMPARISONS: Kind(
        gettext_noop(
            "A CSV file of an Image Ranker, its comparisons (Winner,Loser) or its rankings, for images that "
            "are here."
        ),
        ("path", "criterion", "annotator"),
        uploads={"file": (".csv",)},
        **_whole("ancestor"),
    ),
}
