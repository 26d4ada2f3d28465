"""Import a folder of the server: its images are used where they lie, neither copied nor moved."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotation import images
from annotation.errors import Invalid
from annotation.models import Folder, Image, Project
from annotation.services.revision import raise_revision

BATCH = 200


@dataclass
class Report:
    """What an import did: how many images are new, how many were there, and which files were refused."""

    added: int = 0
    known: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)

    @property
    def seen(self) -> int:
        return self.added + self.known + len(self.refused)


def import_folder(
    project: Project, folder: Path, on_progress: Callable[[Report], None] = lambda report: None
) -> Report:
    """Add every picture below `folder` to the project. Stopped at any moment, it goes on when called again.

    Each batch is one transaction; a file whose path is known already is left alone.
    """
    root = folder.expanduser().resolve()
    if not root.is_dir():
        raise Invalid(
            f"There is no folder {root}. Give the path of a folder with pictures in it.", "folder"
        )
    row, _ = Folder.objects.get_or_create(project=project, path=str(root))
    known = set(Image.objects.filter(folder=row).values_list("path", flat=True))
    report = Report()
    batch: list[Path] = []
    for path in _pictures_below(root):
        if str(path.relative_to(root)) in known:
            report.known += 1
        else:
            batch.append(path)
        if len(batch) == BATCH:
            _add_batch(row, batch, report)
            on_progress(report)
            batch = []
    _add_batch(row, batch, report)
    on_progress(report)
    return report


def _pictures_below(root: Path) -> Iterator[Path]:
    """In the order of their names; hidden files and folders, and folders behind links, are passed over."""
    for parent, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in images.EXTENSIONS:
                yield Path(parent, name)


def _add_batch(folder: Folder, paths: list[Path], report: Report) -> None:
    if not paths:
        return
    root = Path(folder.path)
    # Threads, since decoding runs outside the interpreter's lock.
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        read = list(pool.map(lambda path: _read(root, path), paths))
    rows = []
    for path, facts in zip(paths, read, strict=True):
        if isinstance(facts, str):
            report.refused.append((str(path.relative_to(root)), facts))
        else:
            rows.append(_row(folder, path, facts))
    with transaction.atomic():
        Image.objects.bulk_create(rows)
        raise_revision(folder.project_id)
    report.added += len(rows)


@dataclass(frozen=True)
class _File:
    facts: images.Facts
    sha256: str
    bytes: int
    modified_ns: int


def _read(root: Path, path: Path) -> _File | str:
    """What is in the file, or why it is refused."""
    try:
        resolved = path.resolve(strict=True)
        if not resolved.is_relative_to(root):
            return "The file is a link that leads out of the folder."
        if not resolved.is_file():
            return "This is not a regular file."
        path.as_posix().encode()
        status = resolved.stat()
        if status.st_size > settings.MAX_UPLOAD_BYTES:
            return "The file is too large for a picture."
        content = resolved.read_bytes()
        facts = images.inspect(content)
    except Invalid as error:
        return str(error)
    except UnicodeEncodeError:
        return "The file's name is not valid text."
    except OSError as error:
        return f"The file cannot be read: {error.strerror}."
    except RuntimeError:
        return "The file is a link to itself."
    return _File(facts, hashlib.sha256(content).hexdigest(), len(content), status.st_mtime_ns)


def _row(folder: Folder, path: Path, file: _File) -> Image:
    name = path.relative_to(folder.path).as_posix()
    return Image(
        project_id=folder.project_id,
        folder=folder,
        path=name,
        name=name,
        sha256=file.sha256,
        look=file.facts.look,
        bytes=file.bytes,
        modified_ns=file.modified_ns,
        width=file.facts.width,
        height=file.facts.height,
    )
