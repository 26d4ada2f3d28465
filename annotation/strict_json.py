"""JSON that every later step can handle: what could not be stored or told back is refused here."""

import json
import math
from typing import Any

from annotation import limits

MOST_LEVELS = limits.JSON_DEPTH


def strict_json(text: bytes | str) -> Any:
    """The value, or a ValueError that says what is wrong with the text."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"it is not UTF-8 at byte {error.start}.") from None
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MOST_LEVELS} levels.") from None
    refuse_unstorable(value)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large.")
    return number


def refuse_unstorable(value: Any) -> None:
    """Without recursion, since depth is one of the things that may be wrong."""
    level = [value]
    for _ in range(MOST_LEVELS):
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                refuse_bad_text(item)
            elif isinstance(item, dict):
                for key in item:
                    refuse_bad_text(key)
                below += item.values()
            elif isinstance(item, list):
                below += item
        if not below:
            return
        level = below
    raise ValueError(f"it is nested deeper than {MOST_LEVELS} levels.")


def refuse_bad_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("it contains the character NUL (\\u0000), which cannot be stored.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it contains half of a surrogate pair (\\ud800 to \\udfff).") from None
