"""The broker: short connections that never hang, and a transport that outlives a full Redis."""

from typing import Any

import redis
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.redis import Transport as RedisTransport
from redis.backoff import NoBackoff
from redis.retry import Retry

SECONDS = 1.0


class Transport(RedisTransport):
    """A full Redis is like one that is away: a worker waits and connects anew, instead of ending."""

    def _get_errors(self) -> Any:
        connection, channel = super()._get_errors()
        return (*connection, redis.exceptions.OutOfMemoryError), channel


def use_transport() -> None:
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"


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
