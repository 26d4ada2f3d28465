from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from annotation.models.criterion import Criterion
from annotation.models.image import Image
from annotation.models.project import Project, Screen


class Fallback(models.TextChoices):
    """Why a pair is a random one where the project's strategy should have chosen it."""

    FAILED = "failed", _("The strategy failed")
    TIMED_OUT = "timed_out", _("The strategy took too long")
    NOTHING = (
        "nothing",
        _("The strategy proposed nothing: no ratings yet, or none left to choose from"),
    )
    EMPTY = "empty", _("The queue was empty: no worker has filled it")


class Proposal(models.Model):
    """One place in a criterion's queue: a pair or a lineup that a worker has prepared for whoever asks next.

    Handing it out deletes the row. The queue is derived: emptied or lost, annotators get random pairs until
    a worker has filled it again. What is in it was legal when it was filled; that is checked
    again when it is handed out.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="proposals")
    criterion = models.ForeignKey(Criterion, models.CASCADE, related_name="proposals")
    screen = models.CharField(max_length=10, choices=Screen, default=Screen.PAIR)
    low = models.ForeignKey(Image, models.CASCADE, null=True, related_name="+")
    high = models.ForeignKey(Image, models.CASCADE, null=True, related_name="+")
    images = models.JSONField(null=True, help_text="The ids of a lineup's images, in their order.")
    # Of the images of a lineup, as in its row, so that who has seen it can be told by the database.
    digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    strategy = models.CharField(max_length=30)
    probability = models.FloatField(
        null=True, help_text="The chance with which it was drawn for its place, if known."
    )
    fallback = models.CharField(
        max_length=10, choices=Fallback, blank=True, default="", db_default=""
    )
    position = models.PositiveIntegerField(help_text="The lower, the sooner it is handed out.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["position", "id"]
        indexes = [
            models.Index(fields=["criterion", "position", "id"], name="proposal_next"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(screen=Screen.PAIR, low__lt=F("high"), images=None)
                | Q(low=None, high=None, images__isnull=False) & ~Q(screen=Screen.PAIR),
                name="proposal_of_a_pair_or_a_lineup",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy} at {self.position}"
