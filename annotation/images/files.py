"""Where the bytes of pictures lie: safe paths, and files that are written whole or not at all."""

import hashlib
import os
import tempfile
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from annotation.errors import Gone
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


def write_atomically(path: Path, content: bytes) -> None:
    """All or nothing, also if the disk is full or the power fails half-way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
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
