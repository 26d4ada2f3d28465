import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from annotation.models.criterion import Criterion
from annotation.models.project import Project


class Import(models.Model):
    """Pictures that are to come into a project from one place, and how far that has gone.

    A worker holds an import under a `lease` and shows by `heartbeat_at` that it is alive; of one that
    has gone silent any other may take the lease. The counts are written in the same transaction as the
    images, and only by who holds the lease, so they never disagree.
    """

    class Source(models.TextChoices):
        FOLDER = "folder", _("Folder of the server")
        ZIP = "zip", _("Zip archive")
        MANIFEST = "manifest", _("Manifest (CSV or JSONL)")
        IMAGEFOLDER = "imagefolder", _("Hugging Face ImageFolder")
        PARQUET = "parquet", _("Parquet data set")
        S3 = "s3", _("S3-compatible storage")
        COMPARISONS = "comparisons", _("Files of comparisons")

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="imports")
    # Null for an operator's command, which may read any place of the server.
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    source = models.CharField(max_length=20, choices=Source)
    options = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    total = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="How many entries there are, where that can be told."
    )
    added = models.PositiveBigIntegerField(default=0)
    known = models.PositiveBigIntegerField(default=0, help_text="Entries that were there before.")
    changed = models.PositiveBigIntegerField(
        default=0,
        db_default=0,
        help_text="Files that hold another picture than before: each became a new image, and the earlier "
        "one was excluded.",
    )
    refused = models.PositiveBigIntegerField(default=0)
    notes = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="What was passed over, a sentence per line.",
    )
    error = models.TextField(blank=True, help_text="Why it failed, or what it waits for.")
    lease = models.UUIDField(null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="How often it was begun since it last added an image."
    )
    heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(fields=["project", "-created_at"], name="import_latest"),
            models.Index(
                fields=["created_at"],
                name="import_unfinished",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} into {self.project}"


class ImportRefusal(models.Model):
    """One entry that did not come in, and why. Of very many only the first are kept; all are counted."""

    MOST = 10_000

    of = models.ForeignKey(Import, models.CASCADE, related_name="refusals")
    place = models.CharField(max_length=1000, help_text="Which entry: a path, a line, a row.")
    reason = models.CharField(max_length=1000)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


class ImportedFile(models.Model):
    """A file of comparisons that is wholly in the log, for one person and one criterion.

    `digest` holds its person and all its rows (annotation/imports/ancestor.py). A file that begins with
    all of its `rows` is the same file, grown.
    """

    criterion = models.ForeignKey(Criterion, models.CASCADE, related_name="+")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    rows = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["criterion", "annotator", "rows", "digest"], name="imported_file_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rows} rows of {self.annotator}"
