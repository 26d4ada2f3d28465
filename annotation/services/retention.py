"""What is kept how long; docs/operators.md has the whole table.

Nothing of the log, no image with a row and nothing that cannot be made again goes by itself.
"""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from annotation import images
from annotation.models import Image, Import, Invitation
from annotation.tokens import delete_expired_tokens

# A file that is younger may be one that is just being written.
SETTLED = timedelta(days=1)
# Originals whose image is gone are kept longer, for those who restore a backup.
ORIGINALS = timedelta(days=7)
TOKENS = timedelta(days=1)
INVITATIONS = timedelta(days=90)
DRAFT = ".draft-"
# So many names are looked up in the database at a time.
PORTION = 1000


def forget_stale() -> dict[str, int]:
    """Delete what is of no use any more, and return how much of each went."""
    now = timezone.now()
    invitations = Invitation.objects.filter(expires_at__lt=now - INVITATIONS, accepted_at=None)
    return {
        "sessions": Session.objects.filter(expire_date__lt=now).delete()[0],
        "tokens": delete_expired_tokens(now - TOKENS),
        "invitations": invitations.delete()[0],
        "uploads of imports": _forget_imports(),
        "originals": _forget_originals(),
        "renditions": _forget_renditions(),
    }


def remove_files(
    folder: Path, stale: Callable[[Path], bool], older_than: timedelta = SETTLED
) -> int:
    """Delete the files below the folder that are stale and not new; return how many."""
    removed = 0
    for path in _settled(folder, older_than):
        if stale(path):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _settled(folder: Path, older_than: timedelta) -> Iterator[Path]:
    """Yield the files below the folder that are not new.

    Locks stay: whoever holds one whose file is gone keeps out nobody who opens it anew.
    """
    limit = time.time() - older_than.total_seconds()
    for place, _, names in os.walk(folder):
        if Path(place) != images.lock_folder():
            yield from (path for name in names if _changed(path := Path(place, name)) < limit)


def _changed(path: Path) -> float:
    """When the file was written; never, if it has just gone."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _forget_imports() -> int:
    """Delete uploads whose import has ended, or never began."""
    waiting = Import.objects.filter(status__in=[Import.Status.QUEUED, Import.Status.RUNNING])
    needed = {str(id) for id in waiting.values_list("id", flat=True)}
    root: Path = settings.IMPORT_DIR
    removed = remove_files(root, lambda path: path.relative_to(root).parts[0] not in needed)
    for folder in root.iterdir() if root.is_dir() else ():
        empty = folder.is_dir() and not any(folder.iterdir())
        if empty and _changed(folder) < time.time() - SETTLED.total_seconds():
            folder.rmdir()
    return removed


def _forget_originals() -> int:
    """Delete uploaded originals that no image names."""
    root: Path = settings.UPLOAD_DIR
    known = Image.objects.filter(folder=None)
    return _remove_unknown(
        root, lambda path: path.relative_to(root).as_posix(), known, "path", ORIGINALS
    )


def _forget_renditions() -> int:
    """Delete what was made of images that are gone, or by an older recipe; it can be made again."""
    root: Path = settings.DERIVATIVE_DIR
    of_old_recipes = remove_files(root, lambda path: _recipe(path) != images.RECIPE)
    return of_old_recipes + _remove_unknown(
        root, lambda path: path.name.partition("-")[0], Image.objects.all(), "sha256", SETTLED
    )


def _recipe(path: Path) -> int | None:
    parts = path.name.split("-")
    return int(parts[1]) if len(parts) > 2 and parts[1].isdecimal() else None


def _remove_unknown(
    root: Path, name_of: Callable[[Path], str], rows: Any, field: str, older_than: timedelta
) -> int:
    """Delete the files whose name is in no row; a portion of names is looked up at a time."""
    removed = 0
    portion: list[Path] = []

    def remove() -> int:
        names = {name_of(path) for path in portion}
        known = set(rows.filter(**{f"{field}__in": names}).values_list(field, flat=True))
        gone = [path for path in portion if name_of(path) not in known]
        for path in gone:
            path.unlink(missing_ok=True)
        portion.clear()
        return len(gone)

    for path in _settled(root, older_than):
        portion.append(path)
        if len(portion) == PORTION:
            removed += remove()
    return removed + (remove() if portion else 0)
