"""The groups that pairs are chosen in: items that may be compared, as those of a prompt."""

from dataclasses import dataclass

import numpy as np

from rating.algorithms.results import Integers

NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Asked:
    """The pairs that were asked so far, or are being asked; all arrays of shape (p,), int64.

    low, high: two items in any order, each pair once. taken: the places of it that are taken, by answers, by
    people who have it on their screens, or by a queue. cap: how many places each pair has. Pairs that
    are not listed have all of them.
    """

    low: Integers
    high: Integers
    taken: Integers
    cap: int


NOTHING_ASKED = Asked(NONE, NONE, NONE, 1)


@dataclass(frozen=True)
class Pairs:
    """Pairs within groups, sorted by group: those of group g are start[g] … start[g + 1] − 1.

    low, high: shape (p,), int64, places of items within their group, low < high. row: shape (p,), int64,
    which of the given pairs each is.
    """

    low: Integers
    high: Integers
    row: Integers
    start: Integers


class Groups:
    """members: shape (w,), int64, items, each once. ends: shape (g,), where each group ends among them.

    n: how many items there are. Raises ValueError where these do not fit one another.
    """

    def __init__(self, n: int, members: Integers, ends: Integers | None = None) -> None:
        ends = np.array([len(members)], dtype=np.int64) if ends is None else ends
        if len(members) and (members.min() < 0 or members.max() >= n):
            raise ValueError(f"members has an item that is not among 0 … {n - 1}")
        if np.any(np.diff(ends) < 0) or (int(ends[-1]) if len(ends) else 0) != len(members):
            raise ValueError("ends must ascend to the number of members")
        self.members, self.ends = members, ends
        self.starts = np.append(0, ends)[: len(ends)].astype(np.int64)
        self.place = np.full(n, -1, dtype=np.int64)
        self.place[members] = np.arange(len(members))
        if np.any(self.place[members] != np.arange(len(members))):
            raise ValueError("an item is twice among the members")
        self.sizes = ends - self.starts
        self.number = np.repeat(np.arange(len(ends)), self.sizes)

    def pairs(self, one: Integers, other: Integers) -> Pairs:
        """The given pairs that are within a group; others are left out. Cost: O(p log p)."""
        one, other = self.place[one], self.place[other]
        low, high = np.minimum(one, other), np.maximum(one, other)
        row = np.flatnonzero(low >= 0)
        row = row[self.number[low[row]] == self.number[high[row]]]
        group = self.number[low[row]]
        order = np.argsort(group, kind="stable")
        row, group = row[order], group[order]
        start = np.searchsorted(group, np.arange(len(self.ends) + 1))
        begin = self.starts[group]
        return Pairs(low[row] - begin, high[row] - begin, row, start)


def check_asked(n: int, asked: Asked) -> None:
    """Raise ValueError unless the pairs are pairs of the n items and the places make sense."""
    if asked.cap < 1:
        raise ValueError(f"cap must be at least 1, not {asked.cap}")
    if not len(asked.low) == len(asked.high) == len(asked.taken):
        raise ValueError("low, high and taken must be of one length")
    check_pairs(n, asked.low, asked.high)


def check_pairs(n: int, one: Integers, other: Integers) -> None:
    if len(one) != len(other):
        raise ValueError("the two columns of pairs must be of one length")
    bad = (one < 0) | (one >= n) | (other < 0) | (other >= n) | (one == other)
    if bad.any():
        raise ValueError(f"pair {int(np.flatnonzero(bad)[0])} is not of two of the {n} items")
