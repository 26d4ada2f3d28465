import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from annotation.models.assignment import Assignment, Purpose
from annotation.models.criterion import Criterion
from annotation.models.image import Image
from annotation.models.project import Project, Screen


class Outcome(models.TextChoices):
    LEFT = "left", _("Left is better")
    RIGHT = "right", _("Right is better")
    TIE = "tie", _("Tie")
    BOTH_BAD = "both_bad", _("Both bad")
    SKIP = "skip", _("Skipped")
    ORDERED = "ordered", _("Several images, put in order")


class Cause(models.TextChoices):
    """Why something was skipped."""

    NONE = "", _("Not told")
    BROKEN = "broken", _("An image is broken")
    UNSAFE = "unsafe", _("An image is unsafe")
    UNKNOWN = "unknown", _("I cannot tell")


# Nothing more is asked of somebody about images of which they have said so.
AMISS = [Cause.BROKEN, Cause.UNSAFE]


class Comparison(models.Model):
    """One line of the log: what one person said of one assignment, a pair or a lineup.

    What was said of a lineup is in `levels`: the ids of its images, those that are best first, in lists;
    each image of a list is better than each of the lists after it, and nothing is said within a list.

    Rows are appended, never changed or deleted; undo sets `retracted_at` once. The database itself
    refuses anything else (annotation/log_guard.py). The log's order is (created_at, id).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Unique: the answer to an assignment is one row, however often it is sent.
    assignment = models.OneToOneField(Assignment, models.PROTECT, related_name="comparison")
    # Repeated from the assignment, so that the log can be read without a join.
    project = models.ForeignKey(Project, models.PROTECT, related_name="comparisons")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="+")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="comparisons"
    )
    screen = models.CharField(max_length=10, choices=Screen, default=Screen.PAIR)
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.RANKING)
    left = models.ForeignKey(Image, models.PROTECT, null=True, related_name="+")
    right = models.ForeignKey(Image, models.PROTECT, null=True, related_name="+")
    levels = models.JSONField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome)
    strength = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3)],
        help_text="1 slightly, 2 clearly, 3 much better.",
    )
    cause = models.CharField(
        max_length=10,
        choices=Cause,
        blank=True,
        default=Cause.NONE,
        help_text="Why it was skipped.",
    )
    reason = models.CharField(max_length=1000, blank=True)
    tags = models.JSONField(
        default=list, blank=True, help_text="Those of the project's tags that were ticked."
    )
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    retracted_at = models.DateTimeField(null=True, blank=True)
    retracted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [
            models.Index(fields=["project", "created_at", "id"], name="comparison_log"),
            models.Index(fields=["project", "annotator", "created_at"], name="comparison_own"),
            models.Index(
                fields=["project", "annotator", "created_at"],
                name="comparison_checks",
                condition=~Q(purpose="ranking"),
            ),
            models.Index(
                fields=["project"],
                name="comparison_reported",
                condition=Q(cause__in=["broken", "unsafe"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values), name="comparison_outcome"
            ),
            models.CheckConstraint(
                condition=Q(cause=Cause.NONE) | Q(cause__in=Cause.values, outcome=Outcome.SKIP),
                name="comparison_cause_of_a_skip",
            ),
            models.CheckConstraint(condition=~Q(left=F("right")), name="comparison_of_two"),
            models.CheckConstraint(
                condition=Q(
                    screen=Screen.PAIR, left__isnull=False, right__isnull=False, levels=None
                )
                & ~Q(outcome=Outcome.ORDERED)
                | Q(left=None, right=None, levels__isnull=False, outcome=Outcome.ORDERED)
                & ~Q(screen=Screen.PAIR)
                | Q(left=None, right=None, levels=None, outcome=Outcome.SKIP)
                & ~Q(screen=Screen.PAIR),
                name="comparison_of_a_pair_or_a_lineup",
            ),
            models.CheckConstraint(
                condition=Q(retracted_at__isnull=True, retracted_by__isnull=True)
                | Q(retracted_at__isnull=False, retracted_by__isnull=False),
                name="comparison_retracted_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        if self.levels:
            return " > ".join(", ".join(level) for level in self.levels)
        return f"{self.left_id} {self.outcome} {self.right_id}"

    @property
    def lineup_images(self) -> list[Image] | None:
        """As `Assignment.lineup_images`; for many, prefetch `assignment__lineup__images__prompt`."""
        return None if self.screen == Screen.PAIR else self.assignment.lineup_images
