"""Pairs drawn at random: the share of a project that keeps its estimates honest, and a plain strategy."""

import numpy as np
from numba import njit

from rating.algorithms.gains import jitter, match_layer
from rating.algorithms.groups import Asked, Groups, check_asked
from rating.algorithms.results import Floats, Integers

SCARCE = 0.05  # share of legal pairs below which they are listed instead of drawn and refused
PARTNERS = 8  # next in line that an item is tried with


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


def choose_least_seen(
    n: int,
    members: Integers,
    count: int,
    asked: Asked,
    *,
    ends: Integers | None = None,
    seed: int = 0,
) -> tuple[Integers, Integers]:
    """(first, second), shape (c,): legal pairs of those who were seen least, equals at random.

    In the order of handing out: layers in which each item comes at most once.
    n: number of items. members, ends, asked, seed: see `choose_adaptive`. Raises ValueError likewise.
    Cost: O(votes log votes), and O(members log members) a layer.
    """
    groups = Groups(n, members, ends)
    check_asked(n, asked)
    places = groups.pairs(asked.low, asked.high)
    taken = asked.taken[places.row]
    begin = np.repeat(groups.starts, np.diff(places.start))
    low, high, w = places.low + begin, places.high + begin, len(members)
    seen = np.bincount(low, taken, w) + np.bincount(high, taken, w)
    full = np.unique((low * w + high)[taken >= asked.cap])
    first: list[Integers] = []
    second: list[Integers] = []
    chance = np.random.default_rng(seed)
    while (missing := count - sum(map(len, first))) > 0:
        order = np.lexsort((chance.random(w), seen, groups.number))
        one, other, weight = _in_line(order, groups.number, seen, full, len(first) + seed)
        chosen = match_layer(one, other, weight, w, missing, 0.0)
        if not len(chosen):
            break
        first.append(one[chosen])
        second.append(other[chosen])
        np.add.at(seen, np.concatenate([one[chosen], other[chosen]]), 1)
        full = np.union1d(full, one[chosen] * w + other[chosen])
    if not first:
        return members[:0], members[:0]
    return members[np.concatenate(first)], members[np.concatenate(second)]


@njit(cache=True, error_model="numpy")
def _in_line(order, number, seen, full, seed):  # type: ignore[no-untyped-def]
    """(first, second, weight): each item with the PARTNERS legal ones that come next in order."""
    w = len(order)
    first, second = np.empty(w * PARTNERS, np.int64), np.empty(w * PARTNERS, np.int64)
    weight = np.empty(w * PARTNERS)
    count = 0
    for r in range(w):
        found = 0
        for s in range(r + 1, w):
            low, high = min(order[r], order[s]), max(order[r], order[s])
            if found == PARTNERS or number[low] != number[high]:
                break
            key = low * w + high
            at = np.searchsorted(full, key)
            if at < len(full) and full[at] == key:
                continue
            first[count], second[count] = low, high
            weight[count] = 1.0 / (1.0 + seen[low] + seen[high] + 0.5 * jitter(seed, low, high))
            count += 1
            found += 1
    return first[:count], second[:count], weight[:count]
