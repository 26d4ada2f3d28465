"""An export's life: asked for, written by a worker, kept as a file with its checksum."""

import hashlib
import io
import logging
import os
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.models import Q, Sum
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext as _

from annotation.errors import Invalid
from annotation.images.files import sync_folder
from annotation.models import Comparison, Project, User
from annotation.services.quotas import refuse_beyond_disk
from annotation.services.retention import remove_files
from annotation.webhooks import announce
from rating.exports import FORMATS
from rating.exports.card import card
from rating.exports.format import ARCHIVES, WHOLE, Format, Source
from rating.exports.write import members, write
from rating.models import Export, RatingRun
from rating.services import recompute
from rating.wake_up import wake_up_for_export

logger = logging.getLogger(__name__)

# After this time without an end, a running export counts as lost with its worker and is begun again.
LOST_AFTER = timedelta(hours=1)
# So long the row of a removed export says that it was there.
ROWS_KEPT = timedelta(days=365)
# Progress is told this often.
TELL_SECONDS = 1.0


def request_export(project: Project, user: User, format: str, options: dict[str, Any]) -> Export:
    """A queued export, and word to a worker; if that message is lost, the sweep finds the export."""
    wanted = format_named(format)
    file, options = wanted.read_options(options)
    _check_criterion(project, wanted, options)
    written = Export.objects.filter(project__created_by=project.created_by_id)
    refuse_beyond_disk(project, written.aggregate(sum=Sum("bytes"))["sum"] or 0)
    export = Export.objects.create(
        project=project, created_by=user, format=format, file=file, options=options
    )
    transaction.on_commit(partial(wake_up_for_export, export.id))
    return export


def format_named(key: str) -> Format:
    if key not in FORMATS:
        raise Invalid(
            _("There is no format “%(key)s”. Choose one of: %(formats)s.")
            % {"key": key, "formats": ", ".join(FORMATS)},
            "format",
        )
    return FORMATS[key]


def unfinished_exports() -> list[UUID]:
    lost = Q(status=Export.Status.RUNNING, started_at__lt=Now() - LOST_AFTER)
    waiting = Export.objects.filter(Q(status=Export.Status.QUEUED) | lost, removed_at=None)
    return list(waiting.order_by("created_at").values_list("id", flat=True)[:20])


def run_export(export_id: UUID) -> None:
    """Write the file of a queued export. Called twice, or by two workers, it is written once."""
    claimed = (
        Export.objects.filter(id=export_id, removed_at=None)
        .filter(
            Q(status=Export.Status.QUEUED)
            | Q(status=Export.Status.RUNNING, started_at__lt=Now() - LOST_AFTER)
        )
        .update(status=Export.Status.RUNNING, started_at=Now())
    )
    if not claimed:
        return
    export = Export.objects.select_related("project").get(id=export_id)
    try:
        _write(export)
    except Exception as error:
        logger.exception("export %s failed", export_id)
        Export.objects.filter(id=export_id).update(
            status=Export.Status.FAILED, error=str(error)[:1000], finished_at=Now()
        )
    _announce(export_id)


def remove_export(export: Export) -> None:
    """Delete an export's file; its row says so for a year. Removed again, it stays removed.

    One that is being written ends without a file.
    """
    # Without its run, whose ratings are kept no longer than others.
    mine = Export.objects.filter(id=export.id, removed_at=None)
    mine.update(removed_at=Now(), run=None, card="")
    path_of(export).unlink(missing_ok=True)


def remove_old_exports() -> int:
    """Delete the files that are older than EXPORT_DAYS, and after a year their rows; return how many went."""
    Export.objects.filter(removed_at__lt=Now() - ROWS_KEPT).delete()
    removed = 0
    if settings.EXPORT_DAYS > 0:
        limit = Now() - timedelta(days=settings.EXPORT_DAYS)
        for export in Export.objects.filter(finished_at__lt=limit, removed_at=None).defer("card"):
            remove_export(export)
            removed += 1
    return removed + _remove_leftovers()


def _remove_leftovers() -> int:
    """Delete what a killed worker or a deleted project has left in the folder of the exports."""
    known = {
        path_of(export).name for export in Export.objects.filter(removed_at=None).defer("card")
    }
    return remove_files(settings.EXPORT_DIR, lambda path: path.name not in known)


def _announce(export_id: UUID) -> None:
    """To the project's webhooks: the export is there, or has failed."""
    export = Export.objects.get(id=export_id)
    told = {"export": export.id, "status": export.status, "format": export.format}
    told |= {"rows": export.rows, "sha256": export.sha256}
    announce(export.project_id, "export.finished", told, key=str(export.id))


def _check_criterion(project: Project, format: Format, options: dict[str, Any]) -> None:
    if format.takes_criterion:
        format.check_criterion(list(project.criteria.all()), options.get("criterion", ""))


def path_of(export: Export) -> Path:
    path: Path = settings.EXPORT_DIR / f"{export.id}.{export.file}"
    return path


def file_name(export: Export) -> str:
    return f"{export.format}-{export.created_at:%Y%m%d-%H%M%S}.{export.file}"


def source_of(project: Project, format: Format, options: dict[str, Any], run: RatingRun) -> Source:
    """What an export of the project is made from: its log as it is now, and the ratings of this run."""
    return Source(
        project=project,
        run=run,
        options=format.with_defaults(options),
        image_url=lambda id: urljoin(settings.PUBLIC_URL, reverse("image", args=[id])),
    )


def _write(export: Export) -> None:
    format = FORMATS[export.format]
    # Again, since the project may have got another criterion while the export waited.
    _check_criterion(export.project, format, export.options)
    source = source_of(export.project, format, export.options, recompute(export.project_id))
    path = path_of(export)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(descriptor, "wb") as raw:
            digest = _Digest(raw)
            rows = _write_rows(export, format, source, digest)
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    sync_folder(path.parent)
    kept = Export.objects.filter(id=export.id, removed_at=None).update(
        status=Export.Status.DONE,
        run=source.run,
        revision=source.run.revision,
        rows=rows,
        progress=1.0,
        left_out={reason: count for reason, count in sorted(source.left_out.items()) if count},
        card=_card(export, format, source),
        bytes=digest.bytes,
        sha256=digest.sha256.hexdigest(),
        finished_at=Now(),
    )
    if not kept:
        path.unlink(missing_ok=True)


def _card(export: Export, format: Format, source: Source) -> str:
    """As it lies in an archive; of a single file, it names that file."""
    if export.file in ARCHIVES:
        files = {split: format.pattern_of(split) for split in members(source)}
    else:
        files = {WHOLE: file_name(export)}
    return card(format, export.file, source, files)


def _write_rows(export: Export, format: Format, source: Source, digest: "_Digest") -> int:
    rows = 0
    total = max(1, Comparison.objects.filter(project=export.project).count())
    told = time.monotonic()
    stream = io.BufferedWriter(digest, 2**20)
    with closing(_Progress(export.id)) as progress:
        for rows in write(format, export.file, source, cast(BinaryIO, stream)):
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                progress.tell(rows, min(0.99, source.read / total))
    stream.flush()
    return rows


class _Progress:
    """Tells how far an export is, by a connection of its own: the other one reads in a transaction."""

    def __init__(self, export_id: UUID) -> None:
        self.export_id = export_id
        shared = connection.vendor != "postgresql"
        self.connection = connection if shared else connections.create_connection(DEFAULT_DB_ALIAS)
        self.shared = shared

    def tell(self, rows: int, share: float) -> None:
        table = Export._meta.db_table
        id = self.export_id.hex if self.shared else self.export_id
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET rows = %s, progress = %s WHERE id = %s",  # noqa: S608
                [rows, share, id],
            )

    def close(self) -> None:
        if not self.shared:
            self.connection.close()


class _Digest(io.RawIOBase):
    """A file that knows the checksum and the length of what went through it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.sha256, self.bytes = file, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        self.bytes += len(data)
        return self.file.write(data)
