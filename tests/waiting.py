"""Waiting for what must happen, instead of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], deadline: float = 10.0) -> T:
    """The first true value of `condition`, asked again and again; fails when `deadline` seconds are over."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {deadline:g} s: {condition.__qualname__}"
        time.sleep(0.02)
