"""Random pairs for the benchmark; the product draws its own in the database (pairing/uniform.py)."""

import numpy as np

from rating.algorithms.groups import Asked, Groups, check_asked
from rating.algorithms.results import Floats, Integers

SCARCE = 0.05  # share of legal pairs below which they are listed instead of drawn and refused


def choose_uniform(
    n: int,
    members: Integers,
    count: int,
    asked: Asked,
    *,
    ends: Integers | None = None,
    seed: int = 0,
) -> tuple[Integers, Integers, Floats]:
    """(first, second, probability), shape (c,): different pairs, each drawn from all legal ones alike.

    n: number of items. members, ends, asked, seed: see `choose_adaptive`. probability: with which that very
    pair was drawn where it stands, 1 / the legal pairs that were left. Fewer than count where there are
    no more. Raises ValueError where arguments do not fit one another.
    Cost: O(votes log votes + members + count); where few pairs are legal, O(votes) memory to list them.
    """
    groups = Groups(n, members, ends)
    check_asked(n, asked)
    chance = np.random.default_rng(seed)
    over = asked.taken >= asked.cap
    full = groups.pairs(asked.low[over], asked.high[over])
    # A pair's number: those of its group come after all of the groups before, row by row of the triangle.
    before = np.concatenate([[0], np.cumsum(groups.sizes * (groups.sizes - 1) // 2)])
    group = np.repeat(np.arange(len(groups.ends)), np.diff(full.start))
    closed = np.unique(before[group] + full.high * (full.high - 1) // 2 + full.low)
    legal = int(before[-1]) - len(closed)
    wanted = min(count, legal)
    if legal <= SCARCE * before[-1] or wanted > legal // 2:
        open_ = np.setdiff1d(np.arange(before[-1]), closed, assume_unique=True)
        numbers = chance.choice(open_, wanted, replace=False)
    else:
        numbers = _draw(int(before[-1]), closed, wanted, chance)
    group = np.searchsorted(before, numbers, side="right") - 1
    inside = numbers - before[group]
    high = ((1 + np.sqrt(1 + 8 * inside.astype(float))) / 2).astype(np.int64)
    high -= high * (high - 1) // 2 > inside
    high += high * (high + 1) // 2 <= inside
    low = inside - high * (high - 1) // 2
    begin = groups.starts[group]
    probability = 1 / (legal - np.arange(wanted, dtype=float))
    return members[begin + low], members[begin + high], probability


def _draw(total: int, closed: Integers, wanted: int, chance: np.random.Generator) -> Integers:
    """`wanted` different numbers below total that are not in `closed`, in the order of drawing."""
    drawn: dict[int, None] = {}
    while len(drawn) < wanted:
        tries = chance.integers(0, total, 2 * (wanted - len(drawn)) + 8)
        if len(closed):
            at = np.minimum(np.searchsorted(closed, tries), len(closed) - 1)
            tries = tries[closed[at] != tries]
        drawn |= dict.fromkeys(tries.tolist())
    return np.array(list(drawn)[:wanted], dtype=np.int64)
