import random
import uuid

from django.db import models
from django.db.models.functions import Now

from annotation.models.project import Project
from annotation.models.prompt import Prompt


def random_place() -> float:
    return random.random()  # noqa: S311 - spreads a sample, hides nothing


class Folder(models.Model):
    """A folder of the server whose images are used where they lie; nothing outside it is ever read."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="folders")
    path = models.CharField(max_length=4096)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(fields=["project", "path"], name="folder_once"),
        ]

    def __str__(self) -> str:
        return self.path


class Image(models.Model):
    """One picture. Its id is random; annotators never learn it, for it would tell which pairs are repeats
    (annotation/showings.py)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="images")
    prompt = models.ForeignKey(Prompt, models.PROTECT, null=True, blank=True, related_name="images")
    name = models.CharField(max_length=400)
    model = models.CharField(max_length=200, blank=True, help_text="What made the picture.")
    metadata = models.JSONField(default=dict, blank=True)
    group = models.CharField(
        max_length=200,
        blank=True,
        help_text="Images of one group never end up in two splits of an export.",
    )
    gold = models.FloatField(
        null=True,
        blank=True,
        help_text="A known quality: of two images of a prompt that have one, the higher is right.",
    )
    prior_score = models.FloatField(
        null=True, blank=True, help_text="A score from elsewhere, such as a model's."
    )
    # Where the bytes are: `path` inside `folder`, or inside the upload directory if that is null.
    folder = models.ForeignKey(
        Folder, models.PROTECT, null=True, blank=True, related_name="images", editable=False
    )
    path = models.CharField(max_length=1000, editable=False)
    sha256 = models.CharField(max_length=64, editable=False, db_index=True)
    # What the picture looks like, in 64 bits: nearly the same picture differs in few of them.
    look = models.BigIntegerField(null=True, editable=False)
    bytes = models.PositiveBigIntegerField(editable=False)
    modified_ns = models.BigIntegerField(editable=False, default=0)
    width = models.PositiveIntegerField(editable=False, help_text="As displayed, in pixels.")
    height = models.PositiveIntegerField(editable=False, help_text="As displayed, in pixels.")
    # The image that its file holds now: what was said of this one stays said of this one.
    replaced_by = models.ForeignKey(
        "self", models.RESTRICT, null=True, blank=True, related_name="replaces", editable=False
    )
    excluded = models.BooleanField(default=False)
    excluded_reason = models.CharField(max_length=300, blank=True)
    # Random and fixed: a sample of images is a range of this column, which an index answers.
    shuffle = models.FloatField(default=random_place, editable=False)
    # The recipe by which a worker has made what is shown (annotation/images/derivatives.py). 0: still to be
    # made; −1, −2: tried so often; GIVEN_UP: not tried again, and made only when somebody asks for it.
    derived = models.SmallIntegerField(default=0, db_default=0, editable=False)
    # The rendition that somebody waits for and only a worker makes, “full:webp,jpeg”, and since when.
    # NEVER: it cannot be made.
    wanted = models.CharField(max_length=60, blank=True, default="", db_default="", editable=False)
    wanted_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    GIVEN_UP = -3
    NEVER = "-"

    class Meta:
        ordering = ["name", "id"]
        indexes = [
            models.Index(fields=["project", "excluded", "shuffle"], name="image_sample"),
            models.Index(fields=["project", "name", "id"], name="image_by_name"),
            models.Index(fields=["prompt", "excluded", "shuffle"], name="image_sample_prompt"),
            models.Index(
                fields=["project", "shuffle"],
                name="image_gold_sample",
                condition=models.Q(gold__isnull=False, excluded=False),
            ),
            models.Index(
                fields=["project", "gold"],
                name="image_gold_range",
                condition=models.Q(gold__isnull=False, excluded=False),
            ),
            models.Index(
                fields=["project", "shuffle"],
                name="image_to_derive",
                condition=models.Q(derived__gt=-3, derived__lte=0, excluded=False),
            ),
            models.Index(
                fields=["wanted_at"],
                name="image_wanted",
                condition=models.Q(wanted_at__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["folder", "path"],
                name="image_path_once",
                condition=models.Q(replaced_by=None),
            ),
        ]

    def __str__(self) -> str:
        return self.name
