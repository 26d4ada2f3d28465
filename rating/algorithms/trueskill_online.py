"""Sequential TrueSkill: one pass over the comparisons in their order."""

import numpy as np
import trueskill

from rating.algorithms.results import Integers, Ratings, check_comparisons

MU, SIGMA = 25.0, 25.0 / 3
BETA, TAU = SIGMA / 2, SIGMA / 100
DRAW_PROBABILITY = 0.10


def trueskill_online(
    n: int,
    first: Integers,
    second: Integers,
    label: Integers,
    annotator: Integers | None = None,
) -> Ratings:
    """Rate n items by updating the two of each comparison in turn; the result depends on the order.

    n: number of items. first, second, label: shape (m,), see `rating.algorithms`; annotator is not used.
    Returns mu and sigma of shape (n,), float64, in TrueSkill's units.
    Raises ValueError if a row is not a comparison of two of the n items.
    Cost: O(m) time, about 0.4 ms a comparison; O(n) memory.
    Source: Herbrich, Minka and Graepel 2006, "TrueSkill: A Bayesian skill rating system", section 3;
    the arithmetic is that of the package `trueskill` (Lee 2012), whose `rate_1vs1` is called.
    """
    del annotator
    check_comparisons(n, first, second, label)
    environment = trueskill.TrueSkill(MU, SIGMA, BETA, TAU, DRAW_PROBABILITY)
    ratings = [environment.create_rating()] * n
    for a, b, preferred in zip(first.tolist(), second.tolist(), label.tolist(), strict=True):
        winner, loser = (b, a) if preferred < 0 else (a, b)
        ratings[winner], ratings[loser] = trueskill.rate_1vs1(
            ratings[winner], ratings[loser], drawn=preferred == 0, env=environment
        )
    return Ratings(
        mu=np.array([rating.mu for rating in ratings], dtype=np.float64),
        sigma=np.array([rating.sigma for rating in ratings], dtype=np.float64),
        method="trueskill_online",
        settings={
            "mu": MU,
            "sigma": SIGMA,
            "beta": BETA,
            "tau": TAU,
            "draw_probability": DRAW_PROBABILITY,
        },
    )
