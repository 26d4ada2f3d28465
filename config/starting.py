"""How each program ends when it cannot start: with one sentence that says what to do."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, OperationalError
from redis.exceptions import RedisError

from config.logs import MaskingFormatter, masked

AWAY = (OperationalError, InterfaceError)


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """End the program with a sentence where its configuration cannot work, or its database is away."""
    try:
        yield
    except ImproperlyConfigured as error:
        sys.exit(f"Pairwright cannot start: {error}")
    except (DatabaseError, InterfaceError) as error:
        # Of others, a statement of ours is the cause. A file that is no database has no class of its own.
        if type(error) not in (*AWAY, DatabaseError):
            raise
        sys.exit(f"Pairwright cannot use its database: {first_line(error)}")


def first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


class Formatter(MaskingFormatter):
    """Logs a database or broker that is away in one line each time: where it was noticed says nothing."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, (*AWAY, RedisError)):
            return super().format(record)
        record = copy(record)
        record.exc_info = record.exc_text = None
        line = super().format(record).partition("\n")[0]
        return line if first_line(error) in line else masked(f"{line}: {first_line(error)}")
