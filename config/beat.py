"""Beat, made for workers that may be away for days and for clocks that may be set back."""

from typing import Any

import redis
from celery.beat import PersistentScheduler
from celery.utils.log import get_logger

from config import broker

logger = get_logger(__name__)
# With so many messages waiting, one more reminder of what is to be done would only fill the broker.
QUEUE_MAX = 200


class Scheduler(PersistentScheduler):
    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            waiting = broker.waiting()
        except redis.RedisError as error:
            logger.warning("The broker is away; %s is not sent: %s", entry.task, error)
            return None
        if waiting >= QUEUE_MAX:
            logger.warning("%s messages wait for a worker; %s is not sent.", waiting, entry.task)
            return None
        return super().apply_async(entry, *args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """What ran in the future, by a clock that has been set back since, is due now."""
        for entry in self.schedule.values():
            now = entry.default_now()
            if entry.last_run_at and entry.last_run_at > now:
                entry.last_run_at = now
                self._heap = None
        return super().tick(*args, **kwargs)
