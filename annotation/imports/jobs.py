"""An import's life: asked for, read by a worker a batch at a time, and done; or taken up again.

Each batch is one transaction: its images, its refusals and the counts. An import that is begun again
reads from the start and passes over what is known, so that nothing is skipped that changed meanwhile.
"""

import logging
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.translation import gettext

from annotation.errors import Invalid, Refused
from annotation.imports.asked import Asked
from annotation.imports.engine import Batch, Reader
from annotation.imports.entries import NO_ROOM, Source, Unavailable
from annotation.imports.kinds import KINDS
from annotation.models import Image, Import, ImportRefusal, Project, User
from annotation.services.images import replace_images
from annotation.services.prompts import prompts_for
from annotation.services.quotas import count_bytes, refuse_beyond_disk
from annotation.services.references import add_references
from annotation.services.revision import raise_revision
from annotation.wake_up import post
from annotation.webhooks import announce

logger = logging.getLogger(__name__)

# A running import whose worker has not been heard of for so long is taken up by another.
LOST_AFTER = timedelta(seconds=60)
HEARTBEAT_SECONDS = 5.0
# What is done whole, in one transaction, shows no sign of life meanwhile.
WHOLE_TAKES = timedelta(minutes=30)
# The counts are written with each batch of new images, and so often while all is known.
STORE_SECONDS = 1.0
# An import that is begun so often without adding one image is given up.
MOST_ATTEMPTS = 20

Progress = Callable[[Import], None]


class Superseded(Exception):
    """Another worker has taken the import up; this one stops without a trace."""


def request_import(
    project: Project,
    user: User,
    source: str,
    options: dict[str, Any],
    uploads: Mapping[str, UploadedFile] | None = None,
) -> Import:
    """A queued import, and word to a worker; if that message is lost, the sweep finds the import.

    What can be seen to be wrong is refused now: a path outside the allowed folders, an unknown column.
    """
    made = _made(project, user, source, options, uploads or {})
    transaction.on_commit(partial(post, "annotation.tasks.run_import", made.id))
    return made


def import_now(
    project: Project, source: str, options: dict[str, Any], on_progress: Progress = lambda _: None
) -> Import:
    """An import that an operator's command does by itself; any place of the server may be read.

    If it is killed, a worker goes on with it; so does the same command again.
    """
    job = _made(project, None, source, options, {}, lease=uuid.uuid4())
    try:
        _run(job, None, on_progress)
    except KeyboardInterrupt:
        _finish(job, Import.Status.FAILED, gettext("It was stopped. Start it again to go on."))
        raise
    job.refresh_from_db()
    return job


def unfinished_imports() -> list[UUID]:
    return list(
        Import.objects.filter(_claimable()).order_by("created_at").values_list("id", flat=True)[:20]
    )


def run_import(import_id: UUID, *, seconds: float | None = None) -> None:
    """Bring the pictures in, unless a worker is at it. After `seconds` it is left to the next worker."""
    job = _claim(import_id)
    if job is not None:
        _run(job, seconds)


def _run(job: Import, seconds: float | None, on_progress: Progress = lambda _: None) -> None:
    try:
        kind, asked = KINDS[job.source], Asked.of(job)
        if kind.whole is not None:
            _beat(job, WHOLE_TAKES)
            _count(job, **kind.whole(job, asked))
        elif not _Reading(job, kind.open(asked)).read(seconds, on_progress):
            _wait(job, "", at_once=True)
            return
    except Superseded:
        logger.warning("import %s was taken up by another worker", job.id)
    except Unavailable as trouble:
        _wait(
            job,
            gettext("%(trouble)s It goes on by itself when that has changed.")
            % {"trouble": trouble},
        )
    except Refused as refusal:
        _finish(job, Import.Status.FAILED, str(refusal))
    except (OperationalError, InterfaceError):
        raise  # The database is away; the lease ends, and the sweep finds the import.
    except OSError as error:
        if error.errno in NO_ROOM:
            _wait(
                job,
                gettext("There is no room left on the disk. It goes on by itself when there is."),
            )
        else:
            logger.exception("import %s failed", job.id)
            _finish(job, Import.Status.FAILED, str(error))
    except Exception as error:
        logger.exception("import %s failed", job.id)
        _finish(job, Import.Status.FAILED, f"{type(error).__name__}: {error}")
    else:
        _finish(job, Import.Status.DONE)


def forget_upload(job: Import) -> None:
    shutil.rmtree(settings.IMPORT_DIR / str(job.id), ignore_errors=True)


# --- Asking ------------------------------------------------------------------------------------------


def _made(
    project: Project,
    user: User | None,
    source: str,
    options: dict[str, Any],
    uploads: Mapping[str, UploadedFile],
    lease: UUID | None = None,
) -> Import:
    """The import's row, queued, or running under the caller's own lease."""
    if source not in KINDS:
        raise Invalid(
            gettext("There is no source “%(source)s”. Choose one of: %(kinds)s.")
            % {"source": source, "kinds": ", ".join(KINDS)},
            "source",
        )
    kind = KINDS[source]
    kind.check_options(source, options, uploads)
    job = Import(project=project, created_by=user, source=source, options=dict(options))
    asked = Asked.of(job)
    if user is not None:
        refuse_beyond_disk(project, sum(upload.size or 0 for upload in uploads.values()))
    try:
        for name, upload in uploads.items():
            asked.keep(name, upload, kind.uploads[name])
        kind.check(asked)
        if lease is not None:
            job.status, job.lease, job.attempts = Import.Status.RUNNING, lease, 1
            job.heartbeat_at = job.started_at = timezone.now()
        job.save()
    except BaseException:
        forget_upload(job)
        raise
    return job


# --- The lease ---------------------------------------------------------------------------------------


def _claimable() -> Q:
    # By the database's clock, which all workers share.
    silent = Q(heartbeat_at=None) | Q(heartbeat_at__lt=Now() - LOST_AFTER)
    return silent & Q(status__in=[Import.Status.QUEUED, Import.Status.RUNNING])


def _claim(import_id: UUID) -> Import | None:
    """The import under a lease of our own, with what it has counted set back, or None."""
    lease = uuid.uuid4()
    claimed = Import.objects.filter(_claimable(), id=import_id).update(
        status=Import.Status.RUNNING,
        lease=lease,
        attempts=F("attempts") + 1,
        heartbeat_at=Now(),
        started_at=Coalesce("started_at", Now()),
        error="",
    )
    if not claimed:
        return None
    job = Import.objects.select_related("project", "created_by").get(id=import_id)
    if job.project.deleted_at is not None:
        _finish(job, Import.Status.FAILED, gettext("The project was deleted."))
        return None
    if job.attempts > MOST_ATTEMPTS:
        _finish(
            job,
            Import.Status.FAILED,
            gettext(
                "Its worker was lost %(times)s times and nothing was added. Look into the "
                "worker's log, then ask for it again."
            )
            % {"times": MOST_ATTEMPTS},
        )
        return None
    return job


def _beat(job: Import, ahead: timedelta = timedelta(0)) -> None:
    """A sign of life, if the lease is still ours; `ahead`: how long no further one will come."""
    if not Import.objects.filter(id=job.id, lease=job.lease).update(heartbeat_at=Now() + ahead):
        raise Superseded


def _wait(job: Import, why: str, at_once: bool = False) -> None:
    Import.objects.filter(id=job.id, lease=job.lease).update(
        status=Import.Status.QUEUED,
        lease=None,
        # Who says that they wait has not been lost.
        attempts=0,
        heartbeat_at=None if at_once else Now(),
        error=why,
    )


def _finish(job: Import, status: Import.Status, error: str = "") -> None:
    done = Import.objects.filter(
        id=job.id, status__in=[Import.Status.QUEUED, Import.Status.RUNNING]
    )
    if job.lease is not None:
        done = done.filter(lease=job.lease)
    with transaction.atomic():
        finished = done.update(status=status, error=error[:1000], lease=None, finished_at=Now())
        if finished:
            _announce(job, status)
    if finished:
        forget_upload(job)


def _announce(job: Import, status: Import.Status) -> None:
    """To the project's webhooks: the import is through, or has failed."""
    counts = Import.objects.values("added", "refused").get(id=job.id)
    told = {"import": job.id, "status": status, **counts}
    announce(job.project_id, "import.finished", told, key=f"{job.id}:{status}")


# --- Reading -----------------------------------------------------------------------------------------


class _Reading:
    """One attempt at an import, from the first entry of its source to the last or to the time limit."""

    def __init__(self, job: Import, source: Source) -> None:
        self.job, self.source = job, source
        # What an earlier attempt added is found again, but was not there before the import.
        self.added_before, self.found = job.added + job.changed, 0
        self.beat = _every(HEARTBEAT_SECONDS, partial(_beat, job))
        self.reader = Reader(
            job.project,
            source.identity,
            read_prompts=job.options.get("read_prompts", True),
            unlimited=job.created_by_id is None,
            alive=self.beat,
        )

    def read(self, seconds: float | None, on_progress: Progress) -> bool:
        """Whether it came to the end."""
        end = None if seconds is None else time.monotonic() + seconds
        self.begin()
        store_now = _every(STORE_SECONDS, lambda: self.store(Batch()))
        for batch in self.reader.batches(self.source.entries()):
            self.found += batch.known
            if batch.read or batch.refused:
                self.store(batch)
            else:
                store_now()
            on_progress(self.job)
            if end is not None and time.monotonic() > end:
                self.store(Batch())
                return False
        self.store(Batch())
        on_progress(self.job)
        return True

    def begin(self) -> None:
        """What an earlier attempt found known or refused is found again."""
        counts: dict[str, Any] = {"known": 0, "refused": 0, "total": self.source.count()}
        counts["notes"] = getattr(self.source, "notes", "")
        with transaction.atomic():
            _count(self.job, **counts)
            self.job.refusals.all().delete()
        _remember(self.job, counts)

    def store(self, batch: Batch) -> None:
        """The batch with its counts, in one transaction; what another import added meanwhile is known."""
        while True:
            changed = sum(read.replaces is not None for read in batch.read)
            counts = {
                "added": self.job.added + len(batch.read) - changed,
                "changed": self.job.changed + changed,
                "known": max(0, self.found - self.added_before),
                "refused": self.job.refused + len(batch.refused),
                "attempts": 0 if batch.read else self.job.attempts,
            }
            try:
                with transaction.atomic():
                    _count(self.job, **counts)
                    self._store_rows(batch)
            except IntegrityError:
                new = self.reader.without_known(batch.read)
                if len(new) == len(batch.read):
                    raise
                self.found += len(batch.read) - len(new)
                batch.read = new
            else:
                _remember(self.job, counts)
                return

    def _store_rows(self, batch: Batch) -> None:
        room = max(0, ImportRefusal.MOST - self.job.refused)
        ImportRefusal.objects.bulk_create(
            ImportRefusal(of=self.job, place=_shown(one.place), reason=_shown(one.reason))
            for one in batch.refused[:room]
        )
        if batch.read:
            prompts = prompts_for(self.job.project, (read.prompt for read in batch.read))
            for read in batch.read:
                read.image.prompt = prompts.get(read.prompt)
            replaced = {read.replaces: read.image for read in batch.read if read.replaces}
            references = replace_images(replaced)
            Image.objects.bulk_create(read.image for read in batch.read)
            references += [read.image for read in batch.read if read.reference]
            add_references(list(dict.fromkeys(references)))
            copied = [read.image.bytes for read in batch.read if read.image.folder_id is None]
            count_bytes(self.job.project, sum(copied))
            raise_revision(self.job.project_id)


def _count(job: Import, **counts: Any) -> None:
    """Write the counts, if the lease is still ours."""
    mine = Import.objects.filter(id=job.id, lease=job.lease, status=Import.Status.RUNNING)
    if not mine.update(**counts, heartbeat_at=Now()):
        raise Superseded


def _remember(job: Import, counts: dict[str, Any]) -> None:
    """As the database has them now."""
    for name, value in counts.items():
        setattr(job, name, value)


def _shown(text: str) -> str:
    """As it can be kept: names of files may be no text at all."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")[:1000]


def _every(seconds: float, do: Callable[[], None]) -> Callable[[], None]:
    """`do`, but no more often than that."""
    last = time.monotonic()

    def perhaps() -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            do()
            last = time.monotonic()

    return perhaps
