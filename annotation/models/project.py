import secrets
import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now


def new_pseudonym_key() -> str:
    return secrets.token_hex(32)


class Project(models.Model):
    """What is compared, by whom, and under which rules; `revision` says how far its log goes.

    Each change of the log, or of what is rated from it, raises `revision` in its own transaction, so
    that anything derived can tell whether it is behind, whatever messages were lost.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        OPEN = "open", "Open"
        PAUSED = "paused", "Paused"
        CLOSED = "closed", "Closed"

    class Strategy(models.TextChoices):
        RANDOM = "random", "Random: legal pairs, least seen first"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    instructions = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    allow_tie = models.BooleanField(default=True, help_text="Annotators may answer “tie”.")
    overlap = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="Comparisons wanted of each pair, each by another person.",
    )
    quota = models.PositiveIntegerField(
        null=True, blank=True, help_text="Most comparisons of one person; empty for no limit."
    )
    lease_seconds = models.PositiveIntegerField(
        default=1800,
        validators=[MinValueValidator(1), MaxValueValidator(7 * 24 * 3600)],
        help_text="How long a pair stays reserved for the person it was shown to.",
    )
    strategy = models.CharField(max_length=30, choices=Strategy, default=Strategy.RANDOM)
    random_share = models.FloatField(
        default=0.1,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Share of the pairs that is chosen at random whatever the strategy.",
    )
    revision = models.PositiveBigIntegerField(default=0, editable=False)
    # Kept here, not derived from SECRET_KEY, so that pseudonyms outlive a change of that key.
    pseudonym_key = models.CharField(max_length=64, default=new_pseudonym_key, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # A deleted project is seen by nobody, but its log stays: comparisons are never erased.
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(overlap__gte=1), name="project_overlap_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name
