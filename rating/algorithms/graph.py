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
    n: int, first: Integers, second: Integers, label: Integers, annotator: Integers | None = None
) -> Graph:
    """The canonical form; without annotator, who compared and which side was which are dropped.

    first, second, label and annotator: shape (m,), int64, checked before by `check_comparisons`.
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
        people, person = np.unique(annotator, return_inverse=True)
        sides = 2
    persons = max(1, len(people))
    if n * n * 3 * sides * persons > LIMIT:
        raise ValueError(f"{n} items and {persons} annotators are too many for one ranking")
    key = (low * n + high) * 3 + (outcome + 1)
    if annotator is not None:
        key = (key * 2 + swapped) * persons + person
    key.sort()
    first_of_kind = np.flatnonzero(np.diff(key, prepend=-1))
    count = np.diff(first_of_kind, append=len(key)).astype(np.float64)
    key = key[first_of_kind]
    side, person = np.ones(len(key)), np.zeros(len(key), np.int64)
    if annotator is not None:
        key, person = np.divmod(key, persons)
        key, swapped_ = np.divmod(key, 2)
        side = 1.0 - 2.0 * swapped_
    pair, outcome = np.divmod(key, 3)
    start = np.append(np.flatnonzero(np.diff(pair, prepend=-1)), len(pair)).astype(np.int64)
    low, high = np.divmod(pair[start[:-1]], max(n, 1))
    edge, site, start = _interleave(low, start)
    return Graph(
        n=n,
        m=len(first),
        low=low[edge],
        high=high[edge],
        start=start,
        outcome=outcome[site] - 1,
        count=count[site],
        person=person[site],
        side=side[site],
        people=people,
    )


@njit(cache=True, error_model="numpy")
def _interleave(low, start):  # type: ignore[no-untyped-def]
    """(order of edges, order of sites, new start): the first edge of each low item, then the second …

    Neighbouring edges then seldom share an item, so that the processor need not finish one before the next.
    """
    edges = len(low)
    place = np.zeros(edges, np.int64)
    size = np.zeros(edges + 1, np.int64)
    for e in range(edges):
        place[e] = place[e - 1] + 1 if e > 0 and low[e] == low[e - 1] else 0
        size[place[e] + 1] += 1
    for k in range(edges):
        size[k + 1] += size[k]
    edge = np.empty(edges, np.int64)
    for e in range(edges):
        edge[size[place[e]]] = e
        size[place[e]] += 1
    site = np.empty(start[-1], np.int64)
    new_start = np.zeros(edges + 1, np.int64)
    filled = 0
    for k in range(edges):
        for s in range(start[edge[k]], start[edge[k] + 1]):
            site[filled] = s
            filled += 1
        new_start[k + 1] = filled
    return edge, site, new_start


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
