"""Run a module as on a machine whose clock is wrong: `python -m tests.ahead SECONDS MODULE ARGUMENT...`."""

import datetime
import runpy
import sys
import time
from typing import Any

seconds = float(sys.argv[1])
true_time = time.time
true_datetime = datetime.datetime


class _Meta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, true_datetime)


class _Datetime(true_datetime, metaclass=_Meta):
    """Every instance is a true one; only what time it is now differs."""

    def __new__(cls, *args: Any, **named: Any) -> Any:
        return true_datetime(*args, **named)

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return true_datetime.now(tz) + datetime.timedelta(seconds=seconds)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(datetime.UTC).replace(tzinfo=None)


if __name__ == "__main__":
    time.time = lambda: true_time() + seconds
    datetime.datetime = _Datetime  # type: ignore[misc]
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
