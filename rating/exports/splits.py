"""Which split an image belongs to: all that must not be torn apart goes into the same one."""

import hashlib
from collections.abc import Hashable, Iterable
from uuid import UUID

from rating.exports.format import WHOLE, Facts


class Splits:
    """Images of one prompt, of one group or of one cluster of duplicates are a family; families are drawn.

    The draw is a hash of the seed and of the family's first image, so a family stays where it is when others
    come; the fractions are therefore met on average, and the card counts what came of them.
    """

    def __init__(
        self,
        fractions: dict[str, float],
        seed: int,
        images: Iterable[Facts],
        duplicates: dict[UUID, int],
    ) -> None:
        self.fractions, self.seed = fractions, seed
        self._of: dict[str, str] = {}
        if fractions:
            families = _Families()
            images = list(images)
            for image in images:
                families.join(image.key, image.key)
                for bond in _bonds(image, duplicates):
                    families.join(image.key, bond)
            drawn: dict[Hashable, str] = {}
            # In the order of the keys, so that a family's first image names it.
            for image in sorted(images, key=lambda image: image.id):
                root = families.root(image.key)
                if root not in drawn:
                    drawn[root] = self._draw(image.id)
                self._of[image.key] = drawn[root]

    def of(self, image: Facts) -> str:
        return self._of[image.key] if self.fractions else WHOLE

    def _draw(self, id: UUID) -> str:
        digest = hashlib.sha256(f"{self.seed}:{id}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
        for name, fraction in self.fractions.items():
            place -= fraction
            if place < 0:
                return name
        return name


def _bonds(image: Facts, duplicates: dict[UUID, int]) -> Iterable[Hashable]:
    if image.prompt_id is not None:
        # The same words in other spacing or case are the same prompt to whoever learns from them.
        yield "prompt", " ".join(image.prompt.casefold().split())
    if image.group:
        yield "group", image.group
    if image.id in duplicates:
        yield "duplicates", duplicates[image.id]
    yield "bytes", image.sha256


class _Families:
    """Union-find; whatever can be a key of a dict may be joined."""

    def __init__(self) -> None:
        self.parent: dict[Hashable, Hashable] = {}

    def root(self, one: Hashable) -> Hashable:
        parent = self.parent
        parent.setdefault(one, one)
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    def join(self, one: Hashable, other: Hashable) -> None:
        self.parent[self.root(one)] = self.root(other)
