"""A project's webhooks: to whom its events are told. The messages themselves: `announce` and `delivery`."""

from base64 import b64encode
from collections.abc import Sequence
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models.functions import Now
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.errors import Conflict, Invalid
from annotation.models import Delivery, Project, User, Webhook
from annotation.targets import target
from annotation.webhooks import EVENTS, payload_of, secret_key

MOST_WEBHOOKS = 20
TEST = "webhook.test"


@transaction.atomic
def create_webhook(
    project: Project, user: User, url: str, events: Sequence[str] = ()
) -> tuple[Webhook, str]:
    """The webhook and its secret, which is shown to nobody again."""
    Project.objects.select_for_update().get(id=project.id)
    if project.webhooks.count() >= MOST_WEBHOOKS:
        raise Conflict(
            _("A project has up to %(most_webhooks)s webhooks. Delete one first.")
            % {"most_webhooks": MOST_WEBHOOKS}
        )
    webhook = Webhook.objects.create(
        project=project, created_by=user, url=target(url).url, events=_known(events)
    )
    return webhook, f"whsec_{b64encode(secret_key(webhook)).decode()}"


@transaction.atomic
def update_webhook(
    webhook_id: UUID,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    active: bool | None = None,
) -> Webhook:
    """Switched on again, it is told what happens from now on, and not what it has missed."""
    webhook = Webhook.objects.select_for_update().get(id=webhook_id)
    if url is not None:
        webhook.url = target(url).url
    if events is not None:
        webhook.events = _known(events)
    if active is not None:
        webhook.active = active
        if active:
            webhook.given_up_at = None
        else:
            webhook.deliveries.exclude(next_attempt_at=None).update(next_attempt_at=None)
    webhook.save()
    return webhook


def delete_webhook(webhook_id: UUID) -> None:
    Webhook.objects.filter(id=webhook_id).delete()


@transaction.atomic
def redeliver(webhook: Webhook, delivery_id: str) -> Delivery:
    """Send it again, delivered or not: the same message under the same id, which the receiver may know."""
    delivery = webhook.deliveries.select_for_update().filter(id=delivery_id).first()
    if delivery is None:
        raise Http404(_("There is no such delivery of this webhook."))
    if not webhook.active:
        raise Conflict(_("The webhook is switched off. Switch it on first."))
    Delivery.objects.filter(id=delivery.id).update(
        attempts=0, delivered_at=None, next_attempt_at=Now()
    )
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def send_test(webhook: Webhook) -> Delivery:
    """A message that tells of nothing, to see whether it arrives."""
    if not webhook.active:
        raise Conflict(_("The webhook is switched off. Switch it on first."))
    payload = payload_of(TEST, {"project": webhook.project_id}, timezone.now())
    return Delivery.objects.create(
        webhook=webhook, event=TEST, key=f"{TEST}:{uuid4().hex}", payload=payload
    )


def _known(events: Sequence[str]) -> list[str]:
    unknown = sorted(set(events) - set(EVENTS))
    if unknown:
        raise Invalid(
            _("There is no event “%(unknown)s”. Choose among: %(events)s.")
            % {"unknown": unknown[0], "events": ", ".join(EVENTS)},
            "events",
        )
    return [event for event in EVENTS if event in events]
