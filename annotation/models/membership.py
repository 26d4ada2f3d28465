import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from annotation.models.project import Project

# What roles are called where they are named in a sentence.
gettext_noop("annotator"), gettext_noop("reviewer"), gettext_noop("manager")


class Role(models.TextChoices):
    """What a member may do; each role includes the ones before it."""

    ANNOTATOR = "annotator", _("Annotator: compares")
    REVIEWER = "reviewer", _("Reviewer: also sees the results")
    MANAGER = "manager", _("Manager: also changes the project")

    @property
    def called(self) -> str:
        """The role as a word, in the reader's language."""
        return gettext(self.value)

    def includes(self, other: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)

    @property
    def is_blind(self) -> bool:
        """Whether they are not to know which image they see, nor how they are checked."""
        return not self.includes(Role.REVIEWER)


class Membership(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.ANNOTATOR)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # When this person had read the introduction and began to compare; null for who never had to.
    introduced_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Who is paused is shown nothing more; why is in the decisions, too.
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_reason = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        ordering = ["user__username"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project} ({self.role})"

    @property
    def is_blind(self) -> bool:
        return Role(self.role).is_blind
