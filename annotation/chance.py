"""Where chance comes from: which picture is on which side, which pair is drawn, must not be guessable."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

_source: random.Random = random.SystemRandom()


def chance() -> random.Random:
    return _source


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """For simulations: the same seed, the same chance, in this process until the end of the block."""
    global _source
    before, _source = _source, random.Random(seed)  # noqa: S311 - nobody is to be surprised
    try:
        yield
    finally:
        _source = before
