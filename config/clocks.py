"""The clocks of web, workers, beat and database, compared.

Leases, times of comparisons and the state of tasks follow the database's clock alone, so a wrong clock
costs nothing of them. It does cost sessions, invitations and logs; `manage.py health` and /readyz tell it.

Each worker and beat tells the broker how far its clock is ahead of the broker's; whoever asks adds how far
the broker's is ahead of the database's.
"""

import logging
import os
import socket
import threading
import time

import redis
from celery.signals import beat_init, worker_ready
from django.db import connection

from config import broker

logger = logging.getLogger(__name__)
PREFIX = "pairwright:clock:"
TELL_SECONDS = 60.0
FORGET_SECONDS = 200
# Asking takes time, too, on a busy machine.
TOLERANCE_SECONDS = 5.0


def offsets() -> dict[str, float]:
    """By how many seconds the clock of each process is ahead of the database's."""
    database = _database_time()
    ahead = {"web": time.time() - database}
    with broker.client() as client:
        broker_ahead = _time_of(client) - database
        for key in client.scan_iter(f"{PREFIX}*"):
            told = client.get(key)
            if told is not None:
                ahead[key.decode().removeprefix(PREFIX)] = float(told) + broker_ahead
    return ahead


def differing() -> dict[str, float]:
    return {name: by for name, by in offsets().items() if abs(by) > TOLERANCE_SECONDS}


def tell(name: str) -> None:
    with broker.client() as client:
        ahead = time.time() - _time_of(client)
        client.set(PREFIX + name, ahead, ex=FORGET_SECONDS)


def _time_of(client: redis.Redis) -> float:
    seconds, microseconds = client.time()
    return float(seconds) + microseconds / 1e6


def _database_time() -> float:
    if connection.vendor != "postgresql":
        return time.time()  # it has the clock of whoever asks
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        return float(cursor.fetchone()[0])


@worker_ready.connect
def _worker(**kwargs: object) -> None:
    _keep_telling("worker")


@beat_init.connect
def _beat(**kwargs: object) -> None:
    _keep_telling("beat")


def _keep_telling(kind: str) -> None:
    name = f"{kind}@{socket.gethostname()}:{os.getpid()}"
    threading.Thread(target=_tell_forever, args=[name], name="clock", daemon=True).start()


def _tell_forever(name: str) -> None:
    while True:
        try:
            tell(name)
        except redis.RedisError as error:
            logger.warning("The broker was not told of this clock: %s", error)
        time.sleep(TELL_SECONDS)
