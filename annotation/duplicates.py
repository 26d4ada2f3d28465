"""Which pictures look nearly the same, found without comparing each with each.

A *look* is 64 bits, a signed integer: for each place of a coarse grid, whether it is darker than its
neighbour. Shrinking or saving a picture again changes few of the bits.
"""

from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# In so many bits may two looks of nearly the same picture differ.
MOST_BITS = 4
# A look of which fewer bits than this stand out tells nothing; each further bit apart needs as many again.
BITS_THAT_TELL = 4
# More different looks than these that hang together are a crowd of alike pictures, not one picture.
LARGEST_CLUSTER = 100
# Two looks must agree in so many of the parts that they are cut in: three find far fewer strangers than one.
PARTS_THAT_AGREE = 3
# Of so many looks that agree in them, only those next to each other are compared; else crowds take hours.
LARGEST_CROWD = 200
BITS = 64

Looks = NDArray[np.int64]
Labels = NDArray[np.int64]


def near_duplicates(looks: Looks, most: int = MOST_BITS) -> Labels:
    """For each look the number of its cluster, from 0 in the order of the looks; -1 if it has none.

    looks: shape (n,). Two looks are nearly the same if they differ in at most `most` bits, and in no more
    than either of them allows (`bits_allowed`); a cluster is whatever such pairs hang together. One of more
    than `LARGEST_CLUSTER` different looks is cut again with a bit less, until it is no larger.

    If two differ in at most `most` bits, then of `most + 3` parts of them at least three are the same. So
    for each three parts the looks are sorted by these, and only neighbours that agree in them are compared
    (multi-index hashing, after Norouzi, Punjani and Fleet 2012). 100,000 looks take seconds.
    """
    different, place = np.unique(looks, return_inverse=True)
    cluster = _linked(different, most)
    while most > 0 and len(
        crowd := np.flatnonzero(np.bincount(cluster)[cluster] > LARGEST_CLUSTER)
    ):
        most -= 1
        cluster[crowd] = len(different) + _linked(different[crowd], most)
        cluster = np.unique(cluster, return_inverse=True)[1]
    return _numbered(np.where(bits_allowed(different, most) < 0, -1, cluster)[place])


def bits_allowed(looks: Looks, most: int) -> NDArray[np.int64]:
    """In how many bits another look may differ from this one; -1 if the look tells nothing.

    A picture of one colour, or one that gets steadily darker, has bits that are all the same, as has any
    other such picture. The fewer bits stand out, the closer another look has to be.
    """
    ones = np.bitwise_count(looks.view(np.uint64)).astype(np.int64)
    standing_out = np.minimum(ones, BITS - ones)
    told = standing_out // BITS_THAT_TELL
    return np.where(told == 0, -1, np.minimum(told, most))


def _linked(looks: Looks, most: int) -> Labels:
    """For each of these different looks the number of the cluster that it is in, be it alone."""
    allowed = bits_allowed(looks, most)
    one, other = np.concatenate([_close(looks, allowed, part) for part in _masks(most)], axis=1)
    edges = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(looks),) * 2)
    return connected_components(edges, directed=False)[1].astype(np.int64)


def _masks(most: int) -> list[np.uint64]:
    """The bits of each three of `most + 3` parts."""
    ends = np.linspace(0, BITS, most + PARTS_THAT_AGREE + 1).round().astype(int).tolist()
    parts = [(1 << end) - (1 << start) for start, end in pairwise(ends)]
    return [np.uint64(sum(same)) for same in combinations(parts, PARTS_THAT_AGREE)]


def _close(looks: Looks, allowed: NDArray[np.int64], mask: np.uint64) -> NDArray[np.intp]:
    """The pairs that agree in the bits of `mask` and are near enough, as places in `looks`: shape (2, m)."""
    bits = looks.view(np.uint64)
    telling = np.flatnonzero(allowed >= 0)
    order = telling[np.argsort(bits[telling] & mask, kind="stable")]
    key, bits, allowed = bits[order] & mask, bits[order], allowed[order]
    near: list[NDArray[np.intp]] = [np.empty((2, 0), np.intp)]
    # Those that have a neighbour `step` further on with the same key: ever fewer, soon none.
    here = np.arange(len(order))
    for step in range(1, LARGEST_CROWD):
        here = here[here + step < len(order)]
        here = here[key[here] == key[here + step]]
        if not len(here):
            break
        there = here + step
        apart = np.bitwise_count(bits[here] ^ bits[there])
        close = apart <= np.minimum(allowed[here], allowed[there])
        near.append(np.stack([order[here[close]], order[there[close]]]))
    return np.concatenate(near, axis=1)


def _numbered(label: Labels) -> Labels:
    """Labels that occur twice, counted anew from 0 in the order of their first occurrence; -1 the rest."""
    found, first, place, times = np.unique(
        label, return_index=True, return_inverse=True, return_counts=True
    )
    shared = (found >= 0) & (times > 1)
    number = np.full(len(found), -1, np.int64)
    number[np.flatnonzero(shared)[np.argsort(first[shared])]] = np.arange(shared.sum())
    return number[place]
