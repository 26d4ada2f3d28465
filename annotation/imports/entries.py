"""The port between the engine and what pictures come from: a source yields entries and refusals.

A source says, in an order of its own that repeats: here is a picture, at a place that identifies it for
ever within this source; or: here is something that is not usable, and why. It reads nothing of a picture
before the engine asks, unless its bytes come along anyway.
"""

import errno
import json
import math
import os
import stat
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from django.conf import settings
from django.utils.translation import gettext as _

from annotation import limits
from annotation.errors import Invalid
from annotation.strict_json import refuse_bad_text, refuse_unstorable

LONGEST = {
    "name": limits.IMAGE_NAME,
    "prompt": limits.PROMPT,
    "model": limits.MODEL_NAME,
    "group": limits.MODEL_NAME,
}
LONGEST_PATH = limits.IMAGE_PATH
LONGEST_METADATA = limits.METADATA
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Unavailable(Exception):
    """The source, or room for what it gives, is not there now: the import waits, and is tried again."""


@dataclass(frozen=True)
class Refusal:
    place: str
    reason: str


class Stamp(NamedTuple):
    """What tells without reading a file whether it has changed.

    version: when it was changed, in nanoseconds; or a number that stands for its content.
    """

    bytes: int
    version: int


@dataclass(frozen=True)
class Entry:
    """One picture that a source has, with what the source knows of it.

    In place: `home` is the folder that it lies in, and `place` its path there; nothing is copied.
    Otherwise `read` gives its bytes (called once, in any thread; Invalid or OSError refuses the entry),
    and a copy is kept.
    """

    place: str
    name: str
    read: Callable[[], bytes] | None = None
    home: Path | None = None
    prompt: str = ""
    model: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""
    gold: float | None = None
    prior_score: float | None = None
    # Whether the other images of its prompt are judged against it.
    reference: bool = False
    # What a refusal calls it, if not by its place.
    label: str = ""
    # If given, the entry is an image that the project has if that has these bytes and this prompt.
    sha256: str = ""
    # Where a place may hold another picture later, and no file of the server says so.
    stamp: Stamp | None = None
    # How many bytes are kept in memory as long as the entry is.
    held: int = 0

    @property
    def called(self) -> str:
        return self.label or self.place

    def complaint(self) -> str | None:
        """What is wrong with the words and numbers, so that the database never has to say it."""
        try:
            self.place.encode()
        except UnicodeEncodeError:
            return _("The file's name is not valid text.")
        for name, longest in LONGEST.items():
            if len(getattr(self, name)) > longest:
                return _("Its %(name)s is longer than %(longest)s characters.") % {
                    "name": name,
                    "longest": f"{longest:,}",
                }
        if self.home is not None and len(os.fsencode(self.place)) > LONGEST_PATH:
            return _("Its path is longer than %(longest_path)s bytes.") % {
                "longest_path": f"{LONGEST_PATH:,}"
            }
        try:
            for text in (self.place, self.name, self.prompt, self.model, self.group):
                refuse_bad_text(text)
            refuse_unstorable(self.metadata)
            if len(json.dumps(self.metadata, allow_nan=False)) > LONGEST_METADATA:
                return _("Its metadata is longer than %(longest_metadata)s characters of JSON.") % {
                    "longest_metadata": f"{LONGEST_METADATA:,}"
                }
        except (TypeError, ValueError) as error:
            return _("A text or the metadata cannot be kept: %(error)s") % {"error": error}
        for name in ("gold", "prior_score"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                return _("Its %(name)s is not a finite number.") % {"name": name}
        return None


class Source(Protocol):
    """Made with what was asked for; raises Invalid at once if that cannot be."""

    # What keeps its places apart from those of other sources, where copies are kept.
    identity: str

    def count(self) -> int | None:
        """How many entries there are, if that is quickly told."""

    def entries(self) -> Iterator[Entry | Refusal]: ...


def as_on_disk(folder: Path, name: str) -> str:
    """The name as the folder spells it: a table may compose letters otherwise, or have backslashes."""
    slashed = name.replace("\\", "/")
    spellings = [name, slashed, *(unicodedata.normalize(form, slashed) for form in ("NFC", "NFD"))]
    return next((one for one in spellings if os.path.lexists(folder / one)), name)


def read_in_place(home: Path, place: str) -> tuple[bytes, int]:
    """The bytes of a file that lies inside the folder, and its time; links must not lead out."""
    try:
        path = (home / place).resolve(strict=True)
        if not path.is_relative_to(home):
            raise Invalid(_("The file is a link that leads out of the folder."))
        return read_regular(path, settings.MAX_UPLOAD_BYTES)
    except RuntimeError:
        raise Invalid(_("The file is a link to itself.")) from None
    except FileNotFoundError:
        if not home.is_dir():
            raise Unavailable(_("The folder %(home)s is not there.") % {"home": home}) from None
        raise Invalid(
            _("There is no such file. Correct the path, or put the file there, and import again.")
        ) from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Invalid(_("The file is a link to itself.")) from None
        raise


def read_regular(path: Path, most: int) -> tuple[bytes, int]:
    """The bytes of a file and its time of change. What is a pipe or a device is never waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Invalid(_("This is not a regular file."))
        if status.st_size > most:
            raise Invalid(_("The file is larger than %(most)s MB.") % {"most": most // 2**20})
        return file.read(most + 1), status.st_mtime_ns


def files_below(root: Path, suffixes: frozenset[str]) -> Iterator[Path | Refusal]:
    """In the order of their names; hidden files and folders, and folders behind links, are passed over.

    A folder that cannot be read is a refusal; the whole of it, a source that is not there.
    """
    unreadable: list[OSError] = []
    for parent, folders, files in os.walk(root, onerror=unreadable.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes:
                yield Path(parent, name)
    for error in unreadable:
        if error.filename == str(root):
            raise Unavailable(
                _("The folder %(root)s cannot be read: %(strerror)s.")
                % {"root": root, "strerror": error.strerror}
            )
        place = Path(error.filename).relative_to(root).as_posix()
        yield Refusal(
            place, _("The folder cannot be read: %(strerror)s.") % {"strerror": error.strerror}
        )
