import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from annotation.models.criterion import Criterion
from annotation.models.image import Image
from annotation.models.membership import Membership
from annotation.models.project import Project


class Example(models.Model):
    """Two images of which the project's manager says which one is better, and why.

    One that is practised is shown without the answer first. Its images need not be among those that are
    compared: they may be excluded.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="examples")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="examples")
    better = models.ForeignKey(Image, models.PROTECT, related_name="+")
    worse = models.ForeignKey(Image, models.PROTECT, related_name="+")
    explanation = models.TextField(
        blank=True, max_length=2000, help_text="Why it is better; shown to annotators."
    )
    practice = models.BooleanField(
        default=False, help_text="Practised in the introduction, instead of shown there."
    )
    position = models.PositiveIntegerField(
        default=0, help_text="The lower, the sooner it is shown."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(better=F("worse")), name="example_of_two"),
        ]

    def __str__(self) -> str:
        return f"{self.better_id} over {self.worse_id}"


class PracticeAnswer(models.Model):
    """What one person said of a pair that was practised. It is no comparison, and never enters the log.

    Whoever practises again begins another round.
    """

    membership = models.ForeignKey(Membership, models.CASCADE, related_name="practice_answers")
    example = models.ForeignKey(Example, models.CASCADE, related_name="answers")
    round = models.PositiveSmallIntegerField(default=1)
    right = models.BooleanField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            # A double click is one answer.
            models.UniqueConstraint(
                fields=["membership", "example", "round"], name="practice_answer_once"
            ),
        ]

    def __str__(self) -> str:
        return "right" if self.right else "not right"
