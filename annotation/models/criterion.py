import uuid

from django.core.validators import RegexValidator
from django.db import models

from annotation.models.project import Project


class Criterion(models.Model):
    """A question asked about each pair; every criterion has its own ratings."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="criteria")
    key = models.CharField(
        max_length=50,
        validators=[RegexValidator(r"^[a-z][a-z0-9_-]*$", "Use small letters, digits, - and _.")],
    )
    question = models.CharField(max_length=300, default="Which image is better?")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "key"]
        verbose_name_plural = "criteria"
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="criterion_key_once"),
        ]

    def __str__(self) -> str:
        return self.key
