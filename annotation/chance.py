"""Where chance comes from: which picture is on which side, and which pair is drawn, must not be guessable."""

import random
from collections.abc import Iterator
from contextlib import contextmanager


class Chance(random.SystemRandom):
    """The system's own chance, but in a simulation that of a seed."""

    source: random.Random | None = None

    def random(self) -> float:
        return super().random() if self.source is None else self.source.random()

    def getrandbits(self, k: int) -> int:
        return super().getrandbits(k) if self.source is None else self.source.getrandbits(k)

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """For simulations: the same seed, the same chance, in this process until the end of the block."""
        self.source = random.Random(seed)  # noqa: S311 - nobody is to be surprised
        try:
            yield
        finally:
            self.source = None


chance = Chance()
