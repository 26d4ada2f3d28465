"""Layers of matchings in one group after the other: the loop between the gains and the pairs.

A layer is a greedy matching: each item at most once, so that its votes are given at the same time and each
still says something new. Then its votes are folded in as if they had come, with the information that is
expected of them, and the gains are computed anew for the next layer.
"""

import numpy as np
from numba import njit

from rating.algorithms.gains import information, match_layer
from rating.algorithms.gains_joint import joint_candidates
from rating.algorithms.gains_local import local_candidates

TAIL = 0.2  # of a layer's best value, below which the next layer begins


@njit(cache=True, error_model="numpy")
def choose_layers(  # type: ignore[no-untyped-def]
    mean, variance, own, ends, edges, pending, asked, cap, count, depth, goal, vote, joint, seed
):
    """(first, second, value, layer): up to `depth` layers of each group, up to `count` pairs of each.

    mean, variance, own: shape (w,), of each member its mean, its variance without the group's common
    shift, and the precision that it has without its edges to other members. ends: where each group ends.
    edges: (low, high, start, tau), of each group its compared pairs, see `groups.Pairs`. pending: (low,
    high, start). asked: (low, high, start, taken). goal: (goal, top). vote: see `information`. joint: the
    largest group whose joint posterior is used.
    """
    room = 0
    begin = 0
    for end in ends:
        room += min(count, depth * ((end - begin) // 2))
        begin = end
    first, second = np.empty(room, np.int64), np.empty(room, np.int64)
    value, layer = np.empty(room), np.empty(room, np.int64)
    filled = 0
    begin = 0
    for g in range(len(ends)):
        end = ends[g]
        w = end - begin
        if w >= 2:
            e0, e1 = edges[2][g], edges[2][g + 1]
            p0, p1 = pending[2][g], pending[2][g + 1]
            a0, a1 = asked[2][g], asked[2][g + 1]
            out = first[filled:], second[filled:], value[filled:], layer[filled:]
            most = min(count, depth * (w // 2))
            waiting = pending[0][p0:p1], pending[1][p0:p1]
            places = asked[0][a0:a1], asked[1][a0:a1], cap - asked[3][a0:a1]
            m, v = mean[begin:end], variance[begin:end].copy()
            if w <= joint:
                known = edges[0][e0:e1], edges[1][e0:e1], edges[3][e0:e1]
                found = _joint_layers(
                    m,
                    v,
                    own[begin:end],
                    known,
                    waiting,
                    places,
                    cap,
                    most,
                    depth,
                    goal,
                    vote,
                    seed + begin,
                    out,
                )
            else:
                found = _local_layers(
                    m, v, waiting, places, most, depth, goal, vote, seed + begin, out
                )
            for k in range(filled, filled + found):
                first[k] += begin
                second[k] += begin
            filled += found
        begin = end
    return first[:filled], second[:filled], value[:filled], layer[:filled]


@njit(cache=True, error_model="numpy")
def _joint_layers(  # type: ignore[no-untyped-def]
    mean, variance, own, known, waiting, places, cap, most, depth, goal, vote, seed, out
):
    w = len(mean)
    precision = np.diag(own)
    busy = np.zeros((w, w), np.bool_)
    for e in range(len(known[0])):
        _add(precision, known[0][e], known[1][e], known[2][e])
    for p in range(len(waiting[0])):
        i, j = waiting[0][p], waiting[1][p]
        f = information(mean[i] - mean[j], variance[i] + variance[j], vote[0], vote[1])
        _add(precision, i, j, f)
        busy[i, j] = busy[j, i] = True
    left = np.full((w, w), cap)
    for a in range(len(places[0])):
        left[places[0][a], places[1][a]] = left[places[1][a], places[0][a]] = places[2][a]
    filled = 0
    for number in range(depth):
        covariance = np.linalg.inv(precision)
        first, second, value = joint_candidates(
            mean, covariance, left, busy, goal[0], goal[1], vote, seed + number
        )
        chosen = match_layer(first, second, value, w, most - filled, TAIL)
        for c in chosen:
            i, j = first[c], second[c]
            out[0][filled], out[1][filled] = i, j
            out[2][filled], out[3][filled] = value[c], number
            filled += 1
            left[i, j] -= 1
            left[j, i] -= 1
            busy[i, j] = busy[j, i] = True
            v = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
            _add(precision, i, j, information(mean[i] - mean[j], v, vote[0], vote[1]))
        if len(chosen) == 0 or filled == most:
            break
    return filled


@njit(cache=True, error_model="numpy")
def _add(precision, i, j, tau):  # type: ignore[no-untyped-def]
    precision[i, i] += tau
    precision[j, j] += tau
    precision[i, j] -= tau
    precision[j, i] -= tau


@njit(cache=True, error_model="numpy")
def _local_layers(mean, variance, waiting, places, most, depth, goal, vote, seed, out):  # type: ignore[no-untyped-def]
    """As `_joint_layers`, without a matrix; a pair comes at most once.

    Pairs whose votes are on their way come only when there are no others.
    """
    w = len(mean)
    busy = len(waiting[0])
    full = np.empty(busy + len(places[0]) + most, np.int64)
    for p in range(busy):
        _learn(mean, variance, waiting[0][p], waiting[1][p], vote)
        full[p] = waiting[0][p] * w + waiting[1][p]
    begin, blocked = 0, busy
    for a in range(len(places[0])):
        if places[2][a] <= 0:
            full[blocked] = places[0][a] * w + places[1][a]
            blocked += 1
    filled = 0
    for number in range(depth):
        first, second, value = local_candidates(
            mean, variance, np.sort(full[begin:blocked]), goal[0], goal[1], vote, seed + number
        )
        chosen = match_layer(first, second, value, w, most - filled, TAIL)
        for c in chosen:
            i, j = first[c], second[c]
            out[0][filled], out[1][filled] = i, j
            out[2][filled], out[3][filled] = value[c], number
            filled += 1
            full[blocked] = i * w + j
            blocked += 1
            _learn(mean, variance, i, j, vote)
        if filled == most or (len(chosen) == 0 and begin == busy):
            break
        if len(chosen) == 0:
            begin = busy
    return filled


@njit(cache=True, error_model="numpy")
def _learn(mean, variance, i, j, vote):  # type: ignore[no-untyped-def]
    """A vote on (i, j) is on its way: what it is expected to leave of both variances."""
    v = variance[i] + variance[j]
    f = information(mean[i] - mean[j], v, vote[0], vote[1])
    shrink = f / (1.0 + f * v)
    variance[i] -= variance[i] ** 2 * shrink
    variance[j] -= variance[j] ** 2 * shrink
