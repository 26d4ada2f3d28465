import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Scope(models.TextChoices):
    """What a token may do; none includes another."""

    READ = "read", _("Read: projects, images, comparisons, ratings")
    ANNOTATE = "annotate", _("Annotate: ask for pairs and answer them")
    EXPORT = "export", _("Export: ask for files and download them")
    MANAGE = "manage", _("Manage: change projects, images, members, webhooks")


class Token(models.Model):
    """What one of a person's tokens is called and may do; the digest of its key is knox's.

    No token may do what its person may not. One without scopes may do all that its person may.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.OneToOneField(settings.KNOX_TOKEN_MODEL, models.CASCADE, related_name="about")
    name = models.CharField(max_length=100, blank=True)
    scopes = models.JSONField(default=list, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-key__created", "id"]

    def __str__(self) -> str:
        return f"{self.name or 'unnamed'} of {self.key.user}"

    def may(self, scopes: tuple[str, ...]) -> bool:
        """Whether it reaches what any of these scopes opens; what none opens needs all rights."""
        return not self.scopes or any(scope in self.scopes for scope in scopes)
