"""Asking the broker, by short connections that never hang."""

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

SECONDS = 1.0


def client() -> redis.Redis:
    """A client that answers or fails within SECONDS, without trying again."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=SECONDS,
        socket_connect_timeout=SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def waiting(queue: str = "celery") -> int:
    """How many messages no worker has taken yet."""
    with client() as broker:
        return int(broker.llen(queue))
