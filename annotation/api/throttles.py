"""How much one person, and one token, may ask of the service: more than anybody needs, and less than a flood.

Each web process counts in its own memory. So a request costs no statement and no message, nothing that
can be away decides whether a vote is taken, and N processes let up to N times the limit through.
"""

import threading
import time
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from annotation.models import Token

SAFE = ("GET", "HEAD", "OPTIONS")
# More counters than this are looked through for those that are full again.
MOST_COUNTERS = 10_000


class Allowances:
    """A limit a minute for each key, which may be spent at once and grows back steadily.

    The generic cell rate algorithm: of each key one number is kept, the time at which all of its
    allowance will have grown back (ITU-T I.371, Annex A).
    """

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, key: str, per_minute: int, now: float) -> float:
        """0 if there is something left, which is then spent; otherwise the seconds until there is."""
        if per_minute <= 0:
            return 0.0
        with self._lock:
            if len(self._full_at) > MOST_COUNTERS:
                self._full_at = {key: at for key, at in self._full_at.items() if at > now}
            full_at = max(self._full_at.get(key, 0.0), now) + 60 / per_minute
            if full_at - now > 60:
                return full_at - now - 60
            self._full_at[key] = full_at
            return 0.0


allowances = Allowances()


class Limits(BaseThrottle):
    """Reads and writes apart, so that a script that reads much does not keep its person from voting."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return True
        kind = "READS" if request.method in SAFE else "WRITES"
        now = time.monotonic()
        waits = [
            allowances.wait(f"{kind} {who}", getattr(settings, f"{limit}_{kind}_PER_MINUTE"), now)
            for limit, who in self._who(request)
        ]
        self._wait = max(waits)
        return self._wait == 0

    def wait(self) -> float:
        # Not 0, which would be told as no time at all.
        return max(1.0, self._wait)

    def _who(self, request: Request) -> list[tuple[str, str]]:
        who = [("PERSON", f"person {request.user.pk}")]
        if isinstance(request.auth, Token):
            who.append(("TOKEN", f"token {request.auth.pk}"))
        return who
