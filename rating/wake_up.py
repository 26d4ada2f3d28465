"""Telling the worker that a project has new comparisons, without a request ever waiting on the broker.

A request puts the project into a set and goes on. One thread of the process empties the set, so that a
burst of comparisons is one message. A message that is lost costs seconds: the periodic sweep compares
each project's revision with its latest run and finds whatever is behind.
"""

import logging
import os
import threading
import time
from uuid import UUID

from django.conf import settings

logger = logging.getLogger(__name__)

_changed = threading.Condition()
_waiting: set[UUID] = set()
_thread: threading.Thread | None = None
_process = 0


def wake_up(project_id: UUID) -> None:
    """Returns at once, whatever state the broker is in."""
    global _thread, _process
    if not settings.REDIS_URL:
        return
    with _changed:
        _waiting.add(project_id)
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
            projects = list(_waiting)
            _waiting.clear()
        for project_id in projects:
            _send(project_id)


def _send(project_id: UUID) -> None:
    from rating.tasks import recompute_project

    try:
        recompute_project.apply_async([str(project_id)], retry=False, expires=60)
    except Exception as error:
        logger.warning("The broker did not take a wake-up; the sweep will find it: %s", error)
