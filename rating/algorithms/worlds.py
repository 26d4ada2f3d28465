"""The doubts that a posterior leaves out: other worlds, each of which explains the comparisons too.

A method takes what all items share, the prior variance and how people see, for as good as it is learnt. With
few comparisons an item or a person that is too sure of itself. Here the same comparisons are rated again
under other values; what they say together is as doubtful as it should be.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rating.algorithms.annotators import CROWD_TOLERANCE, trueskill_annotators
from rating.algorithms.graph import Graph, build_graph
from rating.algorithms.lineups import canonical
from rating.algorithms.results import (
    CENTRE,
    NO_LINEUPS,
    UNIT,
    Floats,
    Integers,
    Lineups,
    NotConverged,
    Ratings,
)
from rating.algorithms.trueskill import PRIOR_VARIANCE, Fit, Stride, trueskill

# Standard deviations of the logarithm of the prior variance, to either side, at which items are rated anew.
MOST_STEPS = 4
NEGLIGIBLE = 3.0
# What is believed of that logarithm before the data: a standard deviation around TrueSkill's.
WIDE = 2.0
# A doubt about that logarithm that shows in no digit of the accuracy.
SURE = 0.04
# Comparisons from which on rating them several times over takes too long, and nothing is left to doubt.
MANY_ROWS = 200_000
# Worlds with other people in them, and the comparisons up to which they are worth their time.
PEOPLED = 12
FEW = 50_000
# How many comparisons of each person it takes to believe as much in what is known of people as in nothing.
STRANGERS = 3.0
UNLIKELY = 0.02

RateAt = Callable[[float], Ratings]


@dataclass(frozen=True)
class World:
    """One way that things may be: how likely, and the ratings if it is so."""

    weight: float
    ratings: Ratings


def likely_worlds(
    ratings: Ratings,
    first: Integers,
    second: Integers,
    label: Integers,
    annotator: Integers | None = None,
    seed: int = 0,
    lineups: Lineups = NO_LINEUPS,
) -> list[World]:
    """The worlds that these comparisons leave open; the arrays and lineups are those that were rated.

    ratings: with annotators or without, which says by which model. For a method whose prior variance is not
    learnt along with a joint posterior, the worlds are those of `trueskill`.
    Cost: about five ratings of all comparisons, with annotators and up to FEW comparisons about 20; none
    with very many items or comparisons.
    Raises NotConverged.
    """
    n, rows = len(ratings.mu), (first, second, label)

    def alike(prior_variance: float | None) -> Ratings:
        return trueskill(n, *rows, lineups=lineups, prior_variance=prior_variance)

    def by_person(prior_variance: float | None) -> Ratings:
        return trueskill_annotators(
            n, *rows, annotator, lineups=lineups, prior_variance=prior_variance
        )

    answers = len(label) + len(lineups)
    if answers > MANY_ROWS:
        return [World(1.0, ratings if ratings.posterior else alike(None))]
    if ratings.annotators is None:
        return scale_worlds(ratings if ratings.method == "trueskill" else alike(None), alike)
    scales = scale_worlds(ratings, by_person)
    if not 0 < answers <= FEW:
        return scales
    graph = build_graph(n, *rows, annotator, lineups.annotator)
    peopled = _scaled(_people_worlds(graph, canonical(lineups), scales, seed) or scales, 1.0)
    strangers = STRANGERS / (STRANGERS + answers / len(graph.people))
    if strangers < UNLIKELY:
        return peopled
    try:
        unknown = scale_worlds(alike(None), alike)
    except NotConverged:
        return peopled
    return _scaled(peopled, 1 - strangers) + _scaled(unknown, strangers)


def _scaled(worlds: list[World], total: float) -> list[World]:
    weight = sum(world.weight for world in worlds)
    return [replace(world, weight=world.weight * total / weight) for world in worlds]


def scale_worlds(ratings: Ratings, rate_at: RateAt) -> list[World]:
    """The ratings under other prior variances, each weighed by how well it explains the comparisons.

    ratings: with a learnt prior variance and a joint posterior. rate_at: rates the same comparisons under
    the prior variance it is given. The evidence of each comes from its slope in the logarithm of the
    variance, (E Σ s²/pv − n)/2, summed along steps that go on until it is NEGLIGIBLE. The prior of that
    logarithm is wider than that of `trueskill`, which would rather not run away than be frank.
    With many items, well known, the ratings are the only world.
    Cost: up to 2 × MOST_STEPS ratings of all comparisons, mostly five; none where the doubt is below SURE.
    Source: MacKay 1992, "Bayesian interpolation", for the slope; Rue, Martino and Chopin 2009 for
    summing over a few values of what all items share.
    """
    doubt = scale_doubt(ratings)
    if ratings.posterior is None or doubt < SURE:
        return [World(1.0, ratings)]
    centre = math.log(ratings.posterior.prior_variance)
    rated, evidence = {0: ratings}, {0: 0.0}
    for way in (1, -1):
        for step in range(way, way * (MOST_STEPS + 1), way):
            try:
                rated[step] = rate_at(math.exp(centre + step * doubt))
            except NotConverged:
                break
            slope = (_slope(rated[step]) + _slope(rated[step - way])) / 2
            evidence[step] = evidence[step - way] + slope * way * doubt
            if evidence[step] < max(evidence.values()) - NEGLIGIBLE:
                break
    best = max(evidence.values())
    weight = {step: math.exp(value - best) for step, value in evidence.items()}
    total = sum(weight.values())
    return [World(weight[step] / total, rated[step]) for step in sorted(rated)]


def scale_doubt(ratings: Ratings) -> float:
    """The standard deviation of the logarithm of the prior variance, given the comparisons.

    As if each item had been measured alone: of the n items, γ are determined by the data.
    """
    if ratings.posterior is None or not len(ratings.mu):
        return 0.0
    variance = ratings.posterior.prior_variance
    n = len(ratings.mu)
    determined = n - float(np.sum((ratings.sigma / UNIT) ** 2)) / variance
    return 1 / math.sqrt(max(determined, 0.0) ** 2 / (2 * n) + 1 / WIDE**2)


def _slope(ratings: Ratings) -> float:
    """The evidence's slope in the logarithm of the prior variance, its prior included."""
    assert ratings.posterior is not None
    variance = ratings.posterior.prior_variance
    squares = np.sum(((ratings.mu - CENTRE) / UNIT) ** 2 + (ratings.sigma / UNIT) ** 2)
    pull = math.log(PRIOR_VARIANCE / variance) / WIDE**2
    return (float(squares) / variance - len(ratings.mu)) / 2 + pull


def _people_worlds(graph: Graph, lineups: Lineups, scales: list[World], seed: int) -> list[World]:
    """Worlds in which each person is one of those who they may be; prior variances as often as likely."""
    chance = np.random.default_rng(seed)
    summed = np.cumsum([world.weight for world in scales])
    worlds = []
    for k in range(PEOPLED):
        at = min(int(np.searchsorted(summed, (k + 0.5) / PEOPLED)), len(scales) - 1)
        ratings = scales[at].ratings
        assert ratings.annotators is not None
        assert ratings.posterior is not None
        kinds = _drawn(ratings.annotators.kinds, chance)
        variance, margin = ratings.posterior.prior_variance, ratings.settings["draw_margin"]
        fit = Fit(graph, variance, margin, kinds, lineups)
        fit.stride = Stride(2, most=0.0)
        try:
            fit.run(CROWD_TOLERANCE)
        except NotConverged:
            continue
        worlds.append(World(1.0, fit.ratings(ratings.method, {}, ratings.annotators)))
    return worlds


def _drawn(kinds: Floats, chance: np.random.Generator) -> Floats:
    """Shape (k, 3, 6): each person of one kind for sure, with a sharpness and a pull drawn from it."""
    k = len(kinds)
    summed = np.cumsum(kinds[:, :, 0], axis=1)
    kind = np.minimum((chance.random((k, 1)) * summed[:, -1:] > summed).sum(axis=1), 2)
    _, a, b, var_a, cov, var_b = kinds[np.arange(k), kind].T
    noise = chance.standard_normal((2, k))
    spread = np.sqrt(np.maximum(var_a, 0.0))
    slope = np.divide(cov, spread, out=np.zeros(k), where=spread > 0)
    drawn: Floats = np.zeros_like(kinds)
    at = np.arange(k), kind
    drawn[:, 2, 1] = -1.0
    drawn[(*at, 0)] = 1.0
    drawn[(*at, 1)] = a + spread * noise[0]
    drawn[(*at, 2)] = b + slope * noise[0] + np.sqrt(np.maximum(var_b - slope**2, 0.0)) * noise[1]
    return drawn
