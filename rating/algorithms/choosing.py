"""Which pairs to show next, chosen by what their votes are expected to gain.

Everything here is a function of its arguments: the same ratings, pairs and seed give the same bits.
Who sees which of the two on the left is tossed elsewhere.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rating.algorithms.gains import RANKING, TOP, TRAINING
from rating.algorithms.groups import NONE, Asked, Groups, check_asked, check_pairs
from rating.algorithms.layers import choose_layers
from rating.algorithms.results import CENTRE, UNIT, Floats, Integers, Ratings

Goal = Literal["ranking", "top", "training"]
GOALS: dict[str, int] = {"ranking": RANKING, "top": TOP, "training": TRAINING}
# Items of a group up to which gains come from its joint posterior: 40 ms a choice. METHODS.md compares.
JOINT = 400


@dataclass(frozen=True)
class Chosen:
    """Pairs in the order in which they should be handed out; all arrays of shape (c,).

    first, second: int64, items, first before second among the members. value: float64, what a vote is
    expected to gain, in the unit of the goal: comparable within one choice only. layer: int64; a layer
    holds each item at most once, so that its votes can be given at the same time and each still says
    something new.
    """

    first: Integers
    second: Integers
    value: Floats
    layer: Integers

    def __len__(self) -> int:
        return len(self.first)


def choose_adaptive(
    ratings: Ratings,
    members: Integers,
    count: int,
    asked: Asked,
    *,
    goal: Goal = "ranking",
    top: int = 10,
    ends: Integers | None = None,
    pending: tuple[Integers, Integers] = (NONE, NONE),
    seed: int = 0,
) -> Chosen:
    """Up to count legal pairs of members whose votes are expected to gain most; fewer if there are no more.

    ratings: from any method; its joint posterior and what is known of people are used where it has them.
    members: shape (w,), int64, the items that may be compared, each once. ends: where each of several groups
    (a prompt under a criterion) ends among the members; None: they are one. Pairs are of one group, and
    count is shared between groups by value, every item weighing the same.
    asked: which pairs have no place left. pending: (one, other), shape (q,) each, int64, pairs whose votes
    are on their way; they count as come, with the information that is expected of them.
    goal: "ranking", the order of all; "top", who the best `top` of each group are; "training", certain
    preferences for as many images and groups as possible. seed: splits ties.
    Raises ValueError where arguments do not fit one another.
    Cost: O(votes log votes + members), and for each layer of a group of w ≤ JOINT items O(w³) time and
    O(w²) memory (50 items: 0.3 ms, 400: 40 ms), of a larger one O(w log w), 3 µs an item, and O(w).
    Source: METHODS.md, "Choosing pairs".
    """
    n = len(ratings.mu)
    groups = Groups(n, members, ends)
    check_asked(n, asked)
    check_pairs(n, *pending)
    if goal not in GOALS:
        raise ValueError(f"goal must be one of {', '.join(GOALS)}, not {goal}")
    if top < 1 or count < 0:
        raise ValueError(f"top must be at least 1 and count at least 0, not {top} and {count}")
    if count == 0 or len(members) < 2:
        return Chosen(NONE, NONE, np.empty(0), NONE)
    mean, variance, own, edges = _beliefs(ratings, groups)
    waiting, places = groups.pairs(*pending), groups.pairs(asked.low, asked.high)
    depth = count if len(groups.ends) == 1 else 2 * -(-2 * count // len(members))
    while True:
        first, second, value, layer = choose_layers(
            mean,
            variance,
            own,
            groups.ends,
            edges,
            (waiting.low, waiting.high, waiting.start),
            (places.low, places.high, places.start, asked.taken[places.row]),
            asked.cap,
            count,
            depth,
            (GOALS[goal], top),
            _typical_vote(ratings),
            JOINT,
            seed,
        )
        if len(first) >= count or depth >= count:
            break
        depth = min(4 * depth, count)  # Some groups had no more: take deeper layers of the others.
    best = np.argsort(-value, kind="stable")[:count]
    best = best[np.lexsort((-value[best], layer[best]))]
    return Chosen(members[first[best]], members[second[best]], value[best], layer[best])


Edges = tuple[Integers, Integers, Integers, Floats]


def _beliefs(ratings: Ratings, groups: Groups) -> tuple[Floats, Floats, Floats, Edges]:
    """(mean, variance, own precision) of the members, and the edges among them; see `choose_layers`.

    An edge that leaves its group (to an image that was excluded since) adds to the member's own precision,
    as much as the other end is known.
    """
    members, joint = groups.members, ratings.posterior
    mean, variance = known_alone(ratings, members)
    if joint is None:
        no_start = np.zeros(len(groups.ends) + 1, np.int64)
        return mean, variance, 1 / variance, (NONE, NONE, no_start, np.empty(0))
    inside = groups.pairs(joint.low, joint.high)
    leaving = np.ones(len(joint.low), bool)
    leaving[inside.row] = False
    own = np.full(len(joint.mean), 1 / joint.prior_variance)
    for one, other in ((joint.low, joint.high), (joint.high, joint.low)):
        told = joint.tau[leaving] / (1 + joint.tau[leaving] * joint.apart[other[leaving]])
        np.add.at(own, one[leaving], told)
    edges = inside.low, inside.high, inside.start, joint.tau[inside.row]
    return mean, variance, own[members], edges


def known_alone(ratings: Ratings, members: Integers) -> tuple[Floats, Floats]:
    """Mean and variance of the members' strengths, without the shift that a group has in common."""
    joint = ratings.posterior
    if joint is None:
        return (ratings.mu[members] - CENTRE) / UNIT, (ratings.sigma[members] / UNIT) ** 2
    return joint.mean[members], joint.apart[members]


def _typical_vote(ratings: Ratings) -> tuple[float, float]:
    """(share of the votes that come from looking, mean square of sharpness among those) so far."""
    people = ratings.annotators
    if people is None or not people.comparisons.sum():
        return 1.0, 1.0
    weight, sharpness, _, doubt, _, _ = np.moveaxis(people.kinds, 2, 0)
    seen = (weight * people.comparisons[:, None])[:, [0, 2]]
    looks = float(seen.sum())
    squares = float(np.sum(seen * (sharpness**2 + doubt)[:, [0, 2]]))
    return looks / float(people.comparisons.sum()), squares / max(looks, 1e-9)
