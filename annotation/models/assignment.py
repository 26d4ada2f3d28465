import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from annotation.models.criterion import Criterion
from annotation.models.image import Image
from annotation.models.lineup import Lineup
from annotation.models.pair import Pair
from annotation.models.project import Project, Screen
from annotation.models.proposal import Fallback


class Purpose(models.TextChoices):
    """What an assignment is for; only those for the ranking enter the ratings and take a place."""

    RANKING = "ranking", "Ranking"
    GOLD = "gold", "Gold: the answer is known"
    REPEAT = "repeat", "Repeat: the same person answered it before"


class Assignment(models.Model):
    """What was shown to whom, when, in which place and why: a lease on one place of a pair or a lineup.

    A pair has a left and a right side; a lineup has its images in `shown`, in the order of the screen.

    open → answered by a comparison; open → released when it expires or an image is excluded.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ANSWERED = "answered", "Answered"
        RELEASED = "released", "Released"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="assignments")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="+")
    screen = models.CharField(max_length=10, choices=Screen, default=Screen.PAIR)
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.RANKING)
    pair = models.ForeignKey(Pair, models.PROTECT, null=True, related_name="assignments")
    lineup = models.ForeignKey(Lineup, models.PROTECT, null=True, related_name="assignments")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="assignments"
    )
    left = models.ForeignKey(Image, models.PROTECT, null=True, related_name="+")
    right = models.ForeignKey(Image, models.PROTECT, null=True, related_name="+")
    shown = models.JSONField(
        null=True, blank=True, help_text="The ids of a lineup's images, in the order of the screen."
    )
    strategy = models.CharField(max_length=30)
    probability = models.FloatField(
        null=True, blank=True, help_text="The chance with which this pair was drawn, if known."
    )
    fallback = models.CharField(
        max_length=10,
        choices=Fallback,
        blank=True,
        default="",
        db_default="",
        help_text="Why it was drawn at random where the strategy should have chosen, if so.",
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    # Whose ids its images are shown under (annotation/showings.py), if not its own: the assignment of the
    # same pair with which it is asked together, or that was undone. It is no new showing.
    shown_as = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_index=False,
    )
    # Set when this person undid their comparison and judges the same pair anew.
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(
                fields=["annotator", "project"],
                name="assignment_own_open",
                condition=Q(state="open"),
            ),
            models.Index(
                fields=["project", "expires_at"],
                name="assignment_expiring",
                condition=Q(state="open"),
            ),
            models.Index(fields=["pair", "annotator"], name="assignment_seen"),
            models.Index(
                fields=["project", "created_at"],
                name="assignment_fallback",
                condition=~Q(fallback=""),
            ),
            models.Index(
                fields=["annotator", "project"],
                name="assignment_checks",
                condition=~Q(purpose="ranking"),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(screen=Screen.PAIR, pair__isnull=False, lineup=None, shown=None)
                & Q(left__isnull=False, right__isnull=False)
                | Q(pair=None, left=None, right=None, lineup__isnull=False, shown__isnull=False)
                & ~Q(screen=Screen.PAIR),
                name="assignment_of_a_pair_or_a_lineup",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pair or self.lineup} for {self.annotator}"

    @property
    def lineup_images(self) -> list[Image] | None:
        """In the order of the screen; None for a pair. For many, prefetch `lineup__images__prompt`."""
        if self.lineup is None:
            return None
        known = {str(image.id): image for image in self.lineup.images.all()}
        return [known[id] for id in self.shown or ()]
