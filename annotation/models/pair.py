from django.db import models
from django.db.models import F, Q

from annotation.models.criterion import Criterion
from annotation.models.image import Image
from annotation.models.project import Project


class Pair(models.Model):
    """Two images that were shown together at least once, and how many of the wanted places are taken.

    `taken` counts the open assignments and the judgements in the log (skips and retractions free their
    place). A place is taken under this row's lock, which makes the overlap exact. Pairs that nobody was
    shown have no row, so there is no list of all of them.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="pairs")
    criterion = models.ForeignKey(Criterion, models.CASCADE, related_name="pairs")
    low = models.ForeignKey(Image, models.CASCADE, related_name="+")
    high = models.ForeignKey(Image, models.CASCADE, related_name="+")
    taken = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            # From a random image on: a sample of those with equally many places taken.
            models.Index(fields=["criterion", "taken", "low"], name="pair_open"),
            models.Index(fields=["criterion", "high"], name="pair_high"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["criterion", "low", "high"], name="pair_once"),
            models.CheckConstraint(condition=Q(low__lt=F("high")), name="pair_low_before_high"),
        ]

    def __str__(self) -> str:
        return f"{self.low_id} and {self.high_id}"
