"""Which split an image belongs to: all that must not be torn apart goes into the same one."""

import hashlib
from collections.abc import Hashable, Iterable
from uuid import UUID

from annotation.names import prompt_key
from rating.exports.format import WHOLE, Facts

# What names a family, the first kind that any of its images has.
PROMPT, GROUP, CONTENT = range(3)


class Splits:
    """Images of one prompt, of one group or of one cluster of duplicates are a family; families are drawn.

    The draw hashes the seed and what the family is made of, never an id: its prompt as `prompt_key` has it;
    without a prompt its group; without either the bytes of its image. So the same prompt is in the same
    split in every round, project and server, and the fractions are met on average; the card counts what
    came of them. A family of several prompts is named by the smallest hash among them. Two families that
    turn out to share a picture become one, and then one of the two may move.
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
            self._draw_all(list(images), duplicates)

    def of(self, image: Facts) -> str:
        return self._of[image.key] if self.fractions else WHOLE

    def _draw_all(self, images: list[Facts], duplicates: dict[UUID, int]) -> None:
        families = _Families()
        for image in images:
            for bond in _bonds(image, duplicates):
                families.join(image.key, bond)
        names: dict[Hashable, tuple[int, str]] = {}
        for image in images:
            root = families.root(image.key)
            names[root] = min(name for name in (names.get(root), _name(image)) if name)
        drawn = {root: self._draw(digest) for root, (_, digest) in names.items()}
        self._of = {image.key: drawn[families.root(image.key)] for image in images}

    def _draw(self, name: str) -> str:
        digest = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
        for split, fraction in self.fractions.items():
            place -= fraction
            if place < 0:
                return split
        return split


def _name(image: Facts) -> tuple[int, str]:
    """What the image would name its family by, and how much that counts."""
    if image.prompt_id is not None:
        return PROMPT, _digest(prompt_key(image.prompt))
    if image.group:
        return GROUP, _digest(image.group)
    return CONTENT, image.sha256


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _bonds(image: Facts, duplicates: dict[UUID, int]) -> Iterable[Hashable]:
    if image.prompt_id is not None:
        yield "prompt", prompt_key(image.prompt)
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
