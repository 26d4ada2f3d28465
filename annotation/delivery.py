"""Messages on their way to webhooks: claimed from the database, sent, and tried again for about three days.

1. Of each webhook, the message that is due longest; a few at a time.
2. Claim them: one statement counts the attempt and sets the time of the next. A worker that dies
   meanwhile has then merely tried once, and whoever else claims finds them not due.
3. Look up where each leads; sign; send, all at once and outside any transaction. No redirect is followed,
   no proxy of the environment used, a few kilobytes of the answer read, and after a while it is over.
4. Any 2xx is delivered. Everything else is tried again, later each time; 410, or the last attempt, gives up.
"""

import json
import logging
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta

import httpx
from django.core.cache import cache
from django.db import transaction
from django.db.models import (
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    QuerySet,
    Value,
)
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext
from standardwebhooks import Webhook as Signer

from annotation.errors import Refused
from annotation.models import Delivery, Webhook
from annotation.targets import target
from annotation.webhooks import secret_key

logger = logging.getLogger(__name__)

# Seconds until the next attempt: at first soon, then for about three days.
DELAYS = (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 24 * 3600)
# Longer or shorter by up to this share, so that what failed together does not come back together.
JITTER = 0.2
AT_ONCE = 8
TIMEOUT = httpx.Timeout(10, connect=5)
# For a whole attempt, whatever drips in meanwhile.
PATIENCE = 20.0
MOST_OF_AN_ANSWER = 2000
GONE = 410
# How long the log of deliveries goes back.
KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Answer:
    """What came of an attempt: a status, or none; and the beginning of what was said, or why nothing was."""

    status: int | None
    text: str

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def deliver_due() -> int:
    """Send what is due, in rounds; the number of attempts. One at a time in all of the installation.

    So a receiver that hangs keeps one worker from its other work for a few seconds, and never all of them.
    """
    if not due().exists() or not cache.add("delivering", 1, timeout=4 * PATIENCE):
        return 0
    try:
        attempts = 0
        for _ in range(10):
            started = timezone.now()
            claimed = [delivery for delivery in _longest_due() if _claim(delivery)]
            _attempt(claimed)
            attempts += len(claimed)
            if not claimed or timezone.now() - started > timedelta(seconds=5):
                break
        return attempts
    finally:
        cache.delete("delivering")


def due() -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        next_attempt_at__lte=Now(), webhook__active=True, webhook__project__deleted_at=None
    )


def forget_old() -> int:
    """End the log of deliveries where it is older than anybody asks; the number of those that went."""
    old = Delivery.objects.filter(created_at__lt=Now() - KEPT, next_attempt_at=None)
    return old.delete()[0]


def _longest_due() -> list[Delivery]:
    """One of each webhook, so that its messages come in their order and none waits for another's."""
    found: dict[object, Delivery] = {}
    candidates = due().order_by("next_attempt_at", "created_at", "id").select_related("webhook")
    for delivery in candidates[:200]:
        found.setdefault(delivery.webhook_id, delivery)
    return list(found.values())[:AT_ONCE]


def _claim(delivery: Delivery) -> bool:
    usual = DELAYS[min(delivery.attempts, len(DELAYS) - 1)]
    delay = usual * (1 + random.uniform(-JITTER, JITTER))  # noqa: S311 - spreads attempts, hides nothing
    # By the database's clock, which says what is due.
    later = Value(timedelta(seconds=delay), output_field=DurationField())
    next_attempt = ExpressionWrapper(Now() + later, output_field=DateTimeField())
    claimed = due().filter(id=delivery.id, attempts=delivery.attempts)
    return bool(
        Delivery.objects.filter(id__in=claimed.values("id")).update(
            attempts=F("attempts") + 1, next_attempt_at=next_attempt
        )
    )


def _attempt(claimed: Sequence[Delivery]) -> None:
    if not claimed:
        return
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")
    with httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client:
        futures = {threads.submit(_send, client, delivery): delivery for delivery in claimed}
        wait(futures, timeout=PATIENCE)
    # Leaving has closed the connections; who hangs nevertheless is waited for no longer.
    threads.shutdown(wait=False, cancel_futures=True)
    for future, delivery in futures.items():
        answer = (
            future.result()
            if future.done()
            else Answer(None, gettext("There was no whole answer."))
        )
        _settle(delivery, answer)


def _send(client: httpx.Client, delivery: Delivery) -> Answer:
    """Without the database, since it runs in a thread."""
    try:
        where = target(delivery.webhook.url)
        address = where.addresses()[0]
        url = httpx.URL(where.url).copy_with(host=str(address))
        body = json.dumps(delivery.payload, separators=(",", ":"))
        headers = {"Host": where.parts.netloc, **_signed(delivery, body)}
        extensions = {"sni_hostname": where.host}
        with client.stream(
            "POST", url, content=body, headers=headers, extensions=extensions
        ) as response:
            return Answer(response.status_code, _beginning(response))
    except Refused as refusal:
        return Answer(None, str(refusal))
    except Exception as error:
        # Whatever a stranger's server makes of the call, it is its answer, and costs no other message.
        return Answer(None, f"{type(error).__name__}: {error}")


def _signed(delivery: Delivery, body: str) -> dict[str, str]:
    now = timezone.now()
    signature = Signer(secret_key(delivery.webhook)).sign(delivery.id, now, body)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Pairwright webhooks",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


def _beginning(response: httpx.Response) -> str:
    content = b""
    # Raw, since a small answer can be packed that is endless when it is unpacked.
    for chunk in response.iter_raw():
        content += chunk
        if len(content) >= MOST_OF_AN_ANSWER:
            break
    return content[:MOST_OF_AN_ANSWER].decode("utf-8", "replace")


@transaction.atomic
def _settle(delivery: Delivery, answer: Answer) -> None:
    told = {"last_status": answer.status, "last_answer": answer.text.replace("\0", "")[:500]}
    mine = Delivery.objects.filter(id=delivery.id)
    if answer.delivered:
        mine.update(delivered_at=Now(), next_attempt_at=None, **told)
        return
    given_up = answer.status == GONE or delivery.attempts + 1 > len(DELAYS)
    mine.update(**told, **({"next_attempt_at": None} if given_up else {}))
    if given_up:
        _switch_off(delivery, answer)


def _switch_off(delivery: Delivery, answer: Answer) -> None:
    """A webhook that said it is gone, or to which nothing got through for days."""
    webhook = Webhook.objects.select_for_update().get(id=delivery.webhook_id)
    since = webhook.deliveries.filter(delivered_at__gte=delivery.created_at)
    if answer.status != GONE and since.exists():
        return
    logger.warning("webhook %s is switched off: nothing arrives", webhook.id)
    Webhook.objects.filter(id=webhook.id).update(active=False, given_up_at=Now())
    webhook.deliveries.exclude(next_attempt_at=None).update(next_attempt_at=None)
