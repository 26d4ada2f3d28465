"""The strategies of the ancestor, the Flask app image-ranker by Quentin Wach, as they are there.

Its list of all N² pairs is not kept: the next ones are found without it.
"""

import heapq

import numpy as np
from numba import njit

from rating.algorithms.groups import Asked, Groups, check_asked
from rating.algorithms.results import Integers, Ratings

A_COMPARISON = 0.8  # what each comparison of an item counts against it, in points of the 25-scale


def smart_shuffle(
    ratings: Ratings,
    members: Integers,
    count: int,
    asked: Asked,
    *,
    ends: Integers | None = None,
) -> tuple[Integers, Integers]:
    """(first, second), shape (c,): the pairs with the smallest |mu − mu'| + 0.8 (comparisons of both).

    Of those that were never shown; once all were, of those that were shown once, and so on up to the cap.
    The ancestor sorts anew after every third comparison ("auto-shuffle"); its ratings are sequential, mu 0
    and sigma 8.33, which is our scale but for the offset.
    members, ends, asked: see `choose_adaptive`. Raises ValueError likewise.
    Cost: O((members + count + shown pairs that come before) log members); no list of all pairs.
    Source: smart_shuffle in app.py of image-ranker.
    """
    n = len(ratings.mu)
    groups = Groups(n, members, ends)
    check_asked(n, asked)
    order = np.lexsort((ratings.mu[members], groups.number))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    inside = groups.pairs(asked.low, asked.high)
    taken = asked.taken[inside.row]
    begin = np.repeat(groups.starts, np.diff(inside.start))
    one, other = rank[inside.low + begin], rank[inside.high + begin]
    w = len(members)
    compared = (np.bincount(one, taken, w) + np.bincount(other, taken, w)) * A_COMPARISON
    key = np.minimum(one, other) * w + np.maximum(one, other)
    mu = ratings.mu[members][order]
    found = np.empty(0, dtype=np.int64)
    for shown in range(1, asked.cap + 1):
        if len(found) >= count or w < 2:
            break
        skip = np.unique(np.concatenate([key[taken >= shown], found]))
        start = groups.starts[groups.number[order]]
        more = _smallest(mu + compared, compared - mu, start, skip, count - len(found))
        found = np.concatenate([found, more])
    return members[order[found // w]], members[order[found % w]]


@njit(cache=True, error_model="numpy")
def _smallest(upper, lower, start, skip, count):  # type: ignore[no-untyped-def]
    """Keys i · w + j of the `count` smallest upper[j] + lower[i], start[j] ≤ i < j, that are not in skip.

    A heap of ranges of i, each with its best: taking one splits its range in two (Frederickson 1993).
    """
    w = len(upper)
    levels = 1
    while 1 << levels < w:
        levels += 1
    least = np.empty((levels + 1, w), np.int64)  # where lower is least among 2^k from i on
    least[0] = np.arange(w)
    for k in range(1, levels + 1):
        for i in range(w):
            half = min(i + (1 << (k - 1)), w - 1)
            a, b = least[k - 1, i], least[k - 1, half]
            least[k, i] = a if lower[a] <= lower[b] else b
    heap = [(np.inf, 0, 0, 0, 0)]
    for j in range(w):
        if start[j] < j:
            i = _argmin(lower, least, start[j], j)
            heap.append((upper[j] + lower[i], j, i, start[j], j))
    heapq.heapify(heap)
    found = np.empty(count, np.int64)
    filled = 0
    while filled < count:
        total, j, i, begin, end = heapq.heappop(heap)
        if total == np.inf:
            break
        key = i * w + j
        at = np.searchsorted(skip, key)
        if at == len(skip) or skip[at] != key:
            found[filled] = key
            filled += 1
        if begin < i:
            best = _argmin(lower, least, begin, i)
            heapq.heappush(heap, (upper[j] + lower[best], j, best, begin, i))
        if i + 1 < end:
            best = _argmin(lower, least, i + 1, end)
            heapq.heappush(heap, (upper[j] + lower[best], j, best, i + 1, end))
    return found[:filled]


@njit(cache=True, error_model="numpy")
def _argmin(lower, least, begin, end):  # type: ignore[no-untyped-def]
    k = 0
    while 1 << (k + 1) <= end - begin:
        k += 1
    a, b = least[k, begin], least[k, end - (1 << k)]
    return a if lower[a] <= lower[b] else b


def sequential_elimination(
    n: int,
    remaining: Integers,
    count: int,
    *,
    ends: Integers | None = None,
    seed: int = 0,
) -> tuple[Integers, Integers]:
    """(first, second), shape (c,): neighbours in the ring of those who have not lost, each item once.

    A quick cull: who loses is out; a group of w has its winner after w − 1 comparisons, and no order below.
    n: number of items. remaining: shape (w,), the items that lost no comparison and are on nobody's
    screen, in the order of the images. ends: see `choose_adaptive`. seed: which neighbours come first.
    Cost: O(w log w).
    Source: initialize_image_pairs and update_elo (exclude_loser) in app.py of image-ranker, which
    shuffles the ring of the remaining images anew after each comparison and shows its first pair.
    """
    groups = Groups(n, remaining, ends)
    following = np.arange(1, len(remaining) + 1)
    last = groups.ends[groups.sizes > 0] - 1
    following[last] = groups.starts[groups.sizes > 0]
    used = np.zeros(len(remaining), dtype=bool)
    pairs: list[tuple[int, int]] = []
    for i in np.random.default_rng(seed).permutation(len(remaining)).tolist():
        j = int(following[i])
        if len(pairs) == count:
            break
        if i != j and not used[i] and not used[j]:
            used[i] = used[j] = True
            pairs.append((i, j))
    one, other = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return remaining[one], remaining[other]
