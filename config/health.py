"""Whether the program runs, and whether it can do its work: strangers may ask, and learn just that.

`manage.py health` says the same in sentences.
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from config import broker, clocks

# Written and removed, as a full disk would refuse it.
PROBE_BYTES = 2**16


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"alive": True})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """503 where something that the work needs is missing. Clocks that differ are said, and stop nothing."""
    problems = {part: find() for part, find in PARTS.items()}
    ready = not any(problems.values())
    found = {part: not problem for part, problem in problems.items()}
    # What is away would be waited for once more.
    found["clocks"] = not (ready and clocks_problem())
    response = JsonResponse({"ready": ready, **found}, status=200 if ready else 503)
    if not ready:
        response["Retry-After"] = "5"
    return response


def all_problems() -> dict[str, str]:
    """Each part with what is wrong with it, in a sentence; "" where it is well."""
    return {part: find() for part, find in PARTS.items()} | {"clocks": clocks_problem()}


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            if connection.vendor != "postgresql":
                cursor.execute("SELECT 1")
                return ""
            cursor.execute("SELECT current_setting('transaction_read_only')")
            if cursor.fetchone()[0] == "on":
                return "The database can only be read: is it a standby?"
    except DatabaseError as error:
        return f"The database does not answer: {_first_line(error)}"
    return ""


def _broker() -> str:
    if not settings.REDIS_URL:
        return "REDIS_URL is not set: no worker hears of anything."
    try:
        with broker.client() as client:
            client.set("pairwright:ready", 1, ex=60)  # a full one would refuse it
    except redis.RedisError as error:
        return f"The broker does not take messages: {_first_line(error)}"
    return ""


def _storage() -> str:
    try:
        with tempfile.TemporaryFile(dir=settings.DATA_DIR) as file:
            file.write(bytes(PROBE_BYTES))
    except OSError as error:
        return f"DATA_DIR {settings.DATA_DIR} cannot be written to: {error.strerror}"
    return ""


def clocks_problem() -> str:
    """What is away is told by its own part."""
    with suppress(DatabaseError, redis.RedisError, ValueError):
        return "; ".join(
            f"the clock of {name} is {abs(by):.0f} s {'ahead of' if by > 0 else 'behind'} the database's"
            for name, by in sorted(clocks.differing().items())
        )
    return ""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


PARTS: dict[str, Callable[[], str]] = {
    "database": _database,
    "broker": _broker,
    "storage": _storage,
}
