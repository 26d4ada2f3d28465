"""Why a picture cannot be used: a code and the numbers of the sentence that the parent makes of it."""

import struct
from typing import Any

# What decoders raise for bytes that make no sense.
DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    struct.error,
)


class Unfit(Exception):
    """The picture is refused; `code` is one of annotation/images/reading.py's sentences."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code, self.details = code, details
