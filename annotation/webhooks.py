"""What is told to webhooks, and the one call by which any part of the program tells it.

`announce` writes a message for each webhook of the project that wants the event, in the caller's
transaction: what is rolled back was never told, and what is committed will be (annotation/delivery.py).
"""

import json
import uuid
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.crypto import salted_hmac

from annotation.models import Delivery, Webhook

# Each event, and what its message holds besides the project's id.
EVENTS = {
    "project.state_changed": "`state`: draft, open, paused or closed; `before`: what it was; where the "
    "project closed itself: `by` (target) and `why`.",
    "run.finished": "`run`, `method`, `comparisons`, `fingerprint`: ratings that differ from those before.",
    "comparisons.milestone": "`comparisons`: the number that the ratings have reached: 10, 20, 50, 100, …",
    "export.finished": "`export`, `status` (done or failed), `format`, `rows`, `sha256`.",
    "annotator.flagged": "`flag`, `annotator`, `signal`, `level` (warn or pause), `summary`: a sentence.",
    "import.finished": "`import`, `status` (done or failed), `added`, `refused`.",
}


def announce(project_id: UUID, event: str, data: dict[str, Any], key: str = "") -> None:
    """Have an event told. `key` names it, so that it is told once, however often it is announced."""
    if not settings.WEBHOOK_TARGETS:
        return
    key = f"{event}:{key or uuid.uuid4().hex}"
    wanting = [
        webhook
        for webhook in Webhook.objects.filter(project=project_id, active=True)
        if not webhook.events or event in webhook.events
    ]
    if wanting:
        payload = payload_of(event, {"project": project_id, **data}, timezone.now())
        Delivery.objects.bulk_create(
            [
                Delivery(webhook=webhook, event=event, key=key, payload=payload)
                for webhook in wanting
            ],
            ignore_conflicts=True,
        )


def payload_of(event: str, data: dict[str, Any], time: datetime) -> dict[str, Any]:
    """As Standard Webhooks has it, in plain JSON."""
    told: dict[str, Any] = json.loads(
        json.dumps({"type": event, "timestamp": time, "data": data}, cls=DjangoJSONEncoder)
    )
    return told


def milestones(before: int, now: int) -> list[int]:
    """The numbers 10, 20, 50, 100, 200, 500, … that were passed on the way from `before` to `now`."""
    passed, ten = [], 10
    while ten <= now:
        passed += [n for n in (ten, 2 * ten, 5 * ten) if before < n <= now]
        ten *= 10
    return passed


def secret_key(webhook: Webhook) -> bytes:
    """With which its messages are signed. Not kept, but derived, so that no copy of the database has it."""
    return salted_hmac("annotation.webhooks", str(webhook.id), algorithm="sha256").digest()
