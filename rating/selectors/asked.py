"""What was asked of a criterion's images, and is being asked now, as arrays for the strategies."""

from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

import numpy as np
from django.db import connection

from annotation.models import Assignment, Criterion, Pair, Purpose
from rating.algorithms.results import Integers
from rating.selectors.log import packed_by_postgres, places

# A pair as the database packs it: two ids as two words each, and the places that are taken.
ROW = np.dtype([("ids", ">u8", (4,)), ("taken", ">i4")])


@dataclass(frozen=True)
class AskedOf:
    """low, high: shape (p,), places among the images; taken: shape (p,), of each pair's places how many."""

    low: Integers
    high: Integers
    taken: Integers


def asked_of(criterion: Criterion, images: list[UUID]) -> AskedOf:
    rows = np.frombuffer(_packed(criterion), dtype=ROW)
    words = rows["ids"].astype(np.uint64).reshape(-1, 2, 2)
    low, high = places(words[:, 0], images), places(words[:, 1], images)
    known = (low >= 0) & (high >= 0)
    return AskedOf(
        np.minimum(low, high)[known],
        np.maximum(low, high)[known],
        rows["taken"].astype(np.int64)[known],
    )


def _packed(criterion: Criterion) -> bytes:
    taken = Pair.objects.filter(criterion=criterion, taken__gt=0).values_list(
        "low_id", "high_id", "taken"
    )
    if connection.vendor != "postgresql":
        return b"".join(
            low.bytes + high.bytes + places_taken.to_bytes(4, "big")
            for low, high, places_taken in taken.iterator(10_000)
        )
    packed = "uuid_send(low) || uuid_send(high) || int4send(taken)"
    return packed_by_postgres(taken, ("low", "high", "taken"), packed)


def on_screens(criterion: Criterion, images: list[UUID]) -> tuple[Integers, Integers]:
    """(low, high), shape (q,): the pairs of places that somebody sees now, alone or in a lineup."""
    shown_now = Assignment.objects.filter(
        criterion=criterion, state=Assignment.State.OPEN, purpose=Purpose.RANKING
    )
    place = {str(image): at for at, image in enumerate(images)}
    pairs = []
    for left, right, shown in shown_now.values_list("left_id", "right_id", "shown"):
        at = [place[id] for id in map(str, shown or (left, right)) if id in place]
        pairs += list(combinations(sorted(at), 2))
    low, high = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return low, high
