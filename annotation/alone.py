"""Doing a thing of a project alone, among all processes and machines."""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection

_locks: defaultdict[tuple[str, UUID], threading.Lock] = defaultdict(threading.Lock)


@contextmanager
def alone(doing: str, about: UUID, *, wait: bool) -> Iterator[bool]:
    """True for one holder at a time; with wait=False: False at once for all others.

    The lock ends with its holder, however that ends.
    """
    if connection.vendor != "postgresql":
        # The embedded worker is one process.
        lock = _locks[doing, about]
        if not lock.acquire(blocking=wait):
            yield False
            return
        try:
            yield True
        finally:
            lock.release()
        return
    digest = hashlib.sha256(f"{doing} {about}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_lock(%s)", [key])
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
            if not cursor.fetchone()[0]:
                yield False
                return
        try:
            yield True
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
