import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from annotation.models.project import Project


class Flag(models.Model):
    """What was noticed of one person's comparisons in a project, with the facts of that moment.

    A flag is never deleted and its facts never change; `decision` says what became of it, and the rows of
    Decision say who decided so, one after the other. Empty: nobody has decided yet.
    """

    class Signal(models.TextChoices):
        GOLD = "gold", _("Known answers")
        REPEAT = "repeat", _("Repeated pairs")
        SPEED = "speed", _("Speed")
        SIDE = "side", _("Sides")
        TIES = "ties", _("Ties")
        SKIPS = "skips", _("Skips")

    class Level(models.TextChoices):
        WARN = "warn", _("Worth a look")
        PAUSE = "pause", _("Reason to pause")

    class Outcome(models.TextChoices):
        OPEN = "", _("Open")
        DISMISSED = "dismissed", _("Dismissed")
        PAUSED = "paused", _("Paused")
        RESUMED = "resumed", _("Resumed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="flags")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="flags")
    signal = models.CharField(max_length=10, choices=Signal)
    level = models.CharField(max_length=10, choices=Level)
    summary = models.CharField(max_length=500, help_text="What was noticed, in a sentence.")
    facts = models.JSONField(default=dict, help_text="What was counted, and the limit.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    decision = models.CharField(
        max_length=10,
        choices=Outcome,
        default=Outcome.OPEN,
        blank=True,
        help_text="What became of it: dismissed, paused, resumed; empty while it is open.",
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            # However many workers look at the same person at once, they say it once.
            models.UniqueConstraint(
                fields=["project", "annotator", "signal", "level"],
                condition=Q(decision__in=["", "paused"]),
                name="flag_once_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_signal_display()}: {self.summary}"


class Decision(models.Model):
    """What a manager decided of a person, or the program by the settings; appended, never changed."""

    class Kind(models.TextChoices):
        PAUSED = "paused", _("Paused")
        RESUMED = "resumed", _("Resumed")
        DISMISSED = "dismissed", _("Flag dismissed")
        REOPENED = "reopened", _("Flag opened again")
        SET_ASIDE = "set_aside", pgettext_lazy("decision", "Set aside")
        TAKEN_BACK = "taken_back", _("Taken back")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="decisions")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    flag = models.ForeignKey(Flag, models.PROTECT, null=True, blank=True, related_name="decisions")
    reason = models.CharField(max_length=500, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Nobody, if the program did so by the project's settings.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(fields=["project", "annotator", "created_at"], name="decision_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.annotator}: {self.kind}"
