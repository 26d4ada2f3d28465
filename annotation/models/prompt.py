import hashlib
import uuid
from typing import Any

from django.db import models

from annotation.models.project import Project
from annotation.names import fold_text


def prompt_digest(text: str) -> str:
    """The same for all texts that read the same, whatever their spaces and line ends (annotation.names)."""
    return hashlib.sha256(fold_text(text).encode()).hexdigest()


class Prompt(models.Model):
    """What the images of a group were made for; only images of one prompt are compared."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="prompts")
    text = models.TextField()
    # Prompts may be longer than an index entry, so uniqueness is by digest.
    digest = models.CharField(max_length=64, editable=False)
    # What the prompt's images are to be judged against, such as the original of an edit: one of them, which
    # is itself not compared.
    reference = models.ForeignKey(
        "annotation.Image",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reference_of",
        editable=False,
    )

    class Meta:
        ordering = ["text", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="prompt_once"),
        ]

    def __str__(self) -> str:
        return self.text[:80]

    def save(self, **kwargs: Any) -> None:
        self.digest = prompt_digest(self.text)
        super().save(**kwargs)
