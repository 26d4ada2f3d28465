"""Where the bytes of pictures lie: safe paths, and files that are written whole or not at all."""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

from annotation.errors import Busy, Gone
from annotation.models import Image


def source_path(image: Image) -> Path:
    """Where the original lies. Symbolic links are followed here, at each use, and must not lead out."""
    root = Path(image.folder.path) if image.folder else settings.UPLOAD_DIR
    try:
        path = (root / image.path).resolve(strict=True)
    except (OSError, RuntimeError):
        raise Gone(
            _("The file of “%(name)s” is gone from the server.") % {"name": image.name}
        ) from None
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        raise Gone(
            _("The file of “%(name)s” is no longer inside its folder.") % {"name": image.name}
        )
    return path


def content_of(image: Image) -> bytes:
    """The original's bytes; Gone if they are not those that were imported."""
    content = source_path(image).read_bytes()
    if hashlib.sha256(content).hexdigest() != image.sha256:
        raise Gone(
            _("The file of “%(name)s” has changed since it was imported.") % {"name": image.name}
        )
    return content


def write_atomically(path: Path, content: bytes | IO[bytes]) -> None:
    """All or nothing, also if the disk is full or the power fails half-way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                content.seek(0)
                shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, as `fsync` does with the content of a file."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# How often a file that another makes is looked for.
LOOK_SECONDS = 0.05


@contextmanager
def one_at_a_time(paths: Iterable[Path], wait: float | None) -> Iterator[None]:
    """Make these files alone, among all threads and processes that share the folder.

    Whoever comes second waits for so many seconds, then is Busy; None waits for ever. The lock ends with its
    holder. Files share a fixed number of locks, so that none is ever left over.
    """
    folder = lock_folder()
    folder.mkdir(parents=True, exist_ok=True)
    names = {hashlib.sha256(path.name.encode()).hexdigest()[:3] for path in paths}
    end = None if wait is None else time.monotonic() + wait
    with ExitStack() as held:
        for name in sorted(names):  # in one order, so that two never wait for each other
            file = held.enter_context((folder / name).open("ab"))
            _lock(file.fileno(), end)
        yield


def lock_folder() -> Path:
    folder: Path = settings.DERIVATIVE_DIR / "locks"
    return folder


def _lock(descriptor: int, end: float | None) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if end is None else fcntl.LOCK_NB))
        except BlockingIOError:
            if end is not None and time.monotonic() > end:
                raise Busy(
                    _("The picture is just being made. Try again in a few seconds.")
                ) from None
            time.sleep(LOOK_SECONDS)
        else:
            return
