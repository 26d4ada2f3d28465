"""What was asked of a criterion's images, and is being asked now, as arrays for the strategies."""

from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

import numpy as np
from django.db import connection

from annotation.models import Assignment, Criterion, Pair, Purpose
from rating.algorithms.results import Integers
from rating.selectors.log import places

# A pair as the database packs it: two ids as two words each, and the places that are taken.
ROW = np.dtype([("ids", ">u8", (4,)), ("taken", ">i4")])


@dataclass(frozen=True)
class AskedOf:
    """low, high: shape (p,), places among the images; taken: shape (p,), of each pair's places how many.

    shown_low, shown_high: shape (q,), the pairs that are on somebody's screen now, alone or in a lineup.
    """

    low: Integers
    high: Integers
    taken: Integers
    shown_low: Integers
    shown_high: Integers


def asked_of(criterion: Criterion, images: list[UUID]) -> AskedOf:
    rows = np.frombuffer(_packed(criterion), dtype=ROW)
    words = rows["ids"].astype(np.uint64).reshape(-1, 2, 2)
    low, high = places(words[:, 0], images), places(words[:, 1], images)
    known = (low >= 0) & (high >= 0)
    shown_low, shown_high = _shown(criterion, images)
    return AskedOf(
        np.minimum(low, high)[known],
        np.maximum(low, high)[known],
        rows["taken"].astype(np.int64)[known],
        shown_low,
        shown_high,
    )


def _packed(criterion: Criterion) -> bytes:
    """Postgres packs all of them into one value: neither parsing nor an object a pair."""
    taken = Pair.objects.filter(criterion=criterion, taken__gt=0).values_list(
        "low_id", "high_id", "taken"
    )
    if connection.vendor != "postgresql":
        return b"".join(
            low.bytes + high.bytes + places_taken.to_bytes(4, "big")
            for low, high, places_taken in taken.iterator(10_000)
        )
    query, parameters = taken.query.sql_with_params()
    packed = "uuid_send(low) || uuid_send(high) || int4send(taken)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT string_agg({packed}, ''::bytea) FROM ({query}) AS pairs (low, high, taken)",  # noqa: S608
            parameters,
        )
        return bytes(cursor.fetchone()[0] or b"")


def _shown(criterion: Criterion, images: list[UUID]) -> tuple[Integers, Integers]:
    on_screens = Assignment.objects.filter(
        criterion=criterion, state=Assignment.State.OPEN, purpose=Purpose.RANKING
    )
    place = {str(image): at for at, image in enumerate(images)}
    pairs = []
    for left, right, shown in on_screens.values_list("left_id", "right_id", "shown"):
        at = [place[id] for id in map(str, shown or (left, right)) if id in place]
        pairs += list(combinations(sorted(at), 2))
    low, high = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return low, high
