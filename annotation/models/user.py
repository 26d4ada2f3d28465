import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person who logs in. What they may do in a project is their Membership's role."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    keys = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="The person's own keys where images are judged, as annotation.keys has them.",
    )
