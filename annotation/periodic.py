"""Tasks that are sent every few seconds, whether or not a worker is there to take them.

A message never expires: that would be decided by comparing the clocks of two machines. Instead, a worker
that finds many of a kind waiting does one and drops the others, by a clock of its own that only counts.
"""

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from celery import shared_task

# Less than the shortest interval of the schedule, with room for a worker that lags.
JUST_DONE_SECONDS = 2.0


def periodic_task(name: str) -> Callable[[Callable[[], None]], Any]:
    """Make a task that a process does once at a time, and not again when it has just done it."""

    def decorate(do: Callable[[], None]) -> Any:
        busy = threading.Lock()
        done_at = -JUST_DONE_SECONDS

        @functools.wraps(do)
        def do_once(task: Any, *about: str) -> None:
            # What a message is about, if it says so, is found by whoever does the task.
            nonlocal done_at
            if task.request.called_directly:
                do()
            elif busy.acquire(blocking=False):
                try:
                    if time.monotonic() - done_at >= JUST_DONE_SECONDS:
                        do()
                        done_at = time.monotonic()
                finally:
                    busy.release()

        return shared_task(name=name, bind=True)(do_once)

    return decorate
