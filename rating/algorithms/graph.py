"""Comparisons in canonical form: one edge a pair of items, identical comparisons counted once.

The form depends on the set of comparisons alone. Rows in another order, or with sides swapped where
sides carry no information, give the same arrays, hence the same bits of every result made from them.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from rating.algorithms.results import Floats, Integers

LIMIT = 2**62


@dataclass(frozen=True)
class Graph:
    """m comparisons of n items as e edges with q sites, a site being what identical comparisons say.

    low, high: shape (e,), the two items of each edge, low < high: the first pair of
    each low item in ascending order, then the second of each, and so on.
    start: shape (e + 1,); the sites of edge k are start[k] … start[k + 1] − 1.
    outcome: shape (q,), 1: low was preferred, −1: high, 0: a tie. count: shape (q,), float64, how often.
    person: shape (q,), an index into `people`. side: shape (q,), 1.0: low was shown first, −1.0: high was.
    people: shape (k,), the ids of the annotators in their order; empty without annotators.
    """

    n: int
    m: int
    low: Integers
    high: Integers
    start: Integers
    outcome: Integers
    count: Floats
    person: Integers
    side: Floats
    people: Integers


def build_graph(
    n: int,
    first: Integers,
    second: Integers,
    label: Integers,
    annotator: Integers | None = None,
    others: Integers | None = None,
) -> Graph:
    """The canonical form; without annotator, who compared and which side was which are dropped.

    first, second, label and annotator: shape (m,), int64, checked before by `check_comparisons`. others: ids
    of people who belong to `people`, too, though they may have compared no two items.
    Raises ValueError where n² × annotators is too large for 64 bits.
    Cost: O(m log m) time, O(m) memory.
    """
    low, high = np.minimum(first, second), np.maximum(first, second)
    swapped = first != low
    outcome = np.where(swapped, -label, label)
    if annotator is None:
        people, person, sides = np.empty(0, np.int64), np.zeros(1, np.int64), 1
        person = np.zeros(len(first), np.int64)
    else:
        known = annotator if others is None else np.concatenate([annotator, others])
        people, person = _numbered(known)
        person = person[: len(annotator)]
        sides = 2
    persons = max(1, len(people))
    if n * n * 3 * sides * persons > LIMIT:
        raise ValueError(f"{n} items and {persons} annotators are too many for one ranking")
    key = (low * n + high) * 3 + (outcome + 1)
    if annotator is not None:
        key = (key * 2 + swapped) * persons + person
    key.sort()
    low, high, start, outcome, count, person, side = _unpack(key, max(n, 1), sides, persons)
    return Graph(n, len(first), low, high, start, outcome, count, person, side, people)


def _numbered(ids: Integers) -> tuple[Integers, Integers]:
    """The different ids in their order, and for each row which of them it is."""
    least, most = (int(ids.min()), int(ids.max())) if len(ids) else (0, 0)
    if most - least >= 4 * len(ids):
        return np.unique(ids, return_inverse=True)
    # Close together, as they mostly are, they need no sorting.
    there = np.bincount(ids - least) > 0
    place = np.cumsum(there) - 1
    return np.flatnonzero(there) + least, place[ids - least]


@njit(cache=True, error_model="numpy")
def _unpack(key, n, sides, persons):  # type: ignore[no-untyped-def]
    """(low, high, start, outcome, count, person, side) of the sorted keys.

    The edges come in this order: the first of each low item, then the second of each … Neighbouring edges
    then seldom share an item, so that the processor need not finish one before the next.
    """
    per_pair = 3 * sides * persons
    sites, edges = 0, 0
    at_site, at_edge = np.empty(len(key) + 1, np.int64), np.empty(len(key) + 1, np.int64)
    pair, low, place = np.empty(len(key), np.int64), np.empty(len(key), np.int64), 0
    nth, size = np.empty(len(key), np.int64), np.zeros(len(key) + 1, np.int64)
    for r in range(len(key)):
        if r > 0 and key[r] == key[r - 1]:
            continue
        at_site[sites] = r
        of = key[r] // per_pair
        if edges == 0 or of != pair[edges - 1]:
            pair[edges], at_edge[edges], low[edges] = of, sites, of // n
            place = place + 1 if edges > 0 and low[edges] == low[edges - 1] else 0
            nth[edges] = place
            size[place + 1] += 1
            edges += 1
        sites += 1
    at_site[sites], at_edge[edges] = len(key), sites
    for k in range(edges):
        size[k + 1] += size[k]
    edge = np.empty(edges, np.int64)
    for e in range(edges):
        edge[size[nth[e]]] = e
        size[nth[e]] += 1
    lows, highs, start = (
        np.empty(edges, np.int64),
        np.empty(edges, np.int64),
        np.zeros(edges + 1, np.int64),
    )
    outcome, person = np.empty(sites, np.int64), np.empty(sites, np.int64)
    count, side = np.empty(sites), np.empty(sites)
    filled = 0
    for k in range(edges):
        e = edge[k]
        lows[k], highs[k] = low[e], pair[e] - low[e] * n
        for s in range(at_edge[e], at_edge[e + 1]):
            rest = key[at_site[s]] - pair[e] * per_pair
            person[filled] = rest % persons
            rest //= persons
            side[filled] = 1.0 - 2.0 * (rest % sides)
            outcome[filled] = rest // sides - 1
            count[filled] = at_site[s + 1] - at_site[s]
            filled += 1
        start[k + 1] = filled
    return lows, highs, start, outcome, count, person, side


def components(n: int, low: Integers, high: Integers) -> Integers:
    """Shape (n,), int64: which connected group each item is in, numbered in the order of the items.

    low, high: shape (e,), the compared pairs. Items of different groups have never been compared, directly
    or through others; what their ratings say of one another is the prior alone. An item without
    comparisons is a group of its own.
    Cost: O(n + e) time, O(n) memory.
    """
    labels: Integers = _components(n, low, high)
    return labels


@njit(cache=True, error_model="numpy")
def _components(n, low, high):  # type: ignore[no-untyped-def]
    root = np.arange(n)
    for e in range(len(low)):
        i, j = low[e], high[e]
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        while root[j] != j:
            root[j] = root[root[j]]
            j = root[j]
        # The smallest item is the root, so roots come before their groups below.
        root[max(i, j)] = min(i, j)
    number = 0
    label = np.empty(n, np.int64)
    for i in range(n):
        if root[i] == i:
            label[i] = number
            number += 1
        else:
            label[i] = label[root[i]]
    return label
