"""Telling the worker that there is something to do, without a request ever waiting on the broker.

A request puts a message into a set and goes on. One thread of the process empties the set, so that a
burst of comparisons is one message. A message that is lost costs seconds: a periodic sweep compares
what was done with what is to be done, and does what is behind.
"""

import logging
import os
import threading
import time
from uuid import UUID

from django.conf import settings

logger = logging.getLogger(__name__)

# A task's name and what it is about.
Message = tuple[str, UUID]

_changed = threading.Condition()
_waiting: set[Message] = set()
_thread: threading.Thread | None = None
_process = 0


def post(task: str, about: UUID) -> None:
    """Have a worker do the task of this name. Returns at once, whatever state the broker is in."""
    global _thread, _process
    if not settings.REDIS_URL:
        return
    with _changed:
        _waiting.add((task, about))
        # A forked web worker has the variables of its parent, but not its threads.
        if _thread is None or not _thread.is_alive() or _process != os.getpid():
            _process = os.getpid()
            _thread = threading.Thread(target=_send_forever, name="wake-up", daemon=True)
            _thread.start()
        _changed.notify()


def _send_forever() -> None:
    while True:
        with _changed:
            _changed.wait_for(lambda: _waiting)
        time.sleep(settings.WAKE_UP_SECONDS)
        with _changed:
            messages = list(_waiting)
            _waiting.clear()
        for message in messages:
            _send(message)


def _send(message: Message) -> None:
    from celery import current_app

    task, about = message
    try:
        current_app.send_task(task, [str(about)], retry=False)
    except Exception as error:
        logger.warning("The broker did not take a wake-up; the sweep will find it: %s", error)
