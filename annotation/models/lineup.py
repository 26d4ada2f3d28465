from django.db import models

from annotation.models.criterion import Criterion
from annotation.models.image import Image
from annotation.models.project import Project


class Lineup(models.Model):
    """Three to nine images that were shown together, and how many of the wanted places are taken.

    To a lineup applies what applies to a pair: see there. Its images are of one prompt.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="lineups")
    criterion = models.ForeignKey(Criterion, models.CASCADE, related_name="lineups")
    images = models.ManyToManyField(Image, through="LineupImage", related_name="+")
    # Of the images' ids in their order: which images they are, whatever their places on a screen.
    digest = models.CharField(max_length=64, editable=False)
    taken = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["criterion", "taken", "digest"], name="lineup_open"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["criterion", "digest"], name="lineup_once"),
        ]

    def __str__(self) -> str:
        return f"lineup {self.pk}"


class LineupImage(models.Model):
    lineup = models.ForeignKey(Lineup, models.CASCADE, related_name="members")
    image = models.ForeignKey(Image, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lineup", "image"], name="lineup_image_once"),
        ]

    def __str__(self) -> str:
        return f"{self.image_id} in {self.lineup_id}"
