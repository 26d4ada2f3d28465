import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from annotation.models.project import Project


def message_id() -> str:
    return f"msg_{uuid.uuid4().hex}"


class Webhook(models.Model):
    """An address that is told what happens in a project, in signed messages (Standard Webhooks).

    Its secret is kept nowhere: it is derived from the installation's own secret and the webhook's id.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=2000)
    events = models.JSONField(default=list, blank=True, help_text="Empty for all events.")
    active = models.BooleanField(default=True)
    given_up_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When it was switched off, since nothing had arrived for days.",
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One message to one webhook: due, delivered, or given up; kept for a while, as the log of deliveries.

    It is written with the fact that it tells of, so a lost queue loses none. `key` names the fact: told
    twice, it is one message.
    """

    id = models.CharField(primary_key=True, max_length=40, default=message_id, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    key = models.CharField(max_length=100)
    event = models.CharField(max_length=50)
    payload = models.JSONField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Null once it is delivered or given up.
    next_attempt_at = models.DateTimeField(null=True, blank=True, db_default=Now())
    delivered_at = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_answer = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["webhook", "key"], name="delivery_once"),
        ]
        indexes = [
            models.Index(fields=["webhook", "-created_at"], name="delivery_latest"),
            models.Index(
                fields=["next_attempt_at"],
                name="delivery_due",
                condition=models.Q(next_attempt_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook_id}"

    @property
    def state(self) -> str:
        if self.delivered_at is not None:
            return "delivered"
        return "given_up" if self.next_attempt_at is None else "due"
