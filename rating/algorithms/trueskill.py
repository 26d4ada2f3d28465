"""Global TrueSkill: the TrueSkill model inferred over all comparisons at once, whatever their order."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rating.algorithms.ep import solve_means, sweep
from rating.algorithms.graph import Graph, build_graph, components
from rating.algorithms.lineups import (
    LineupFit,
    canonical,
    check_lineups,
    star,
)
from rating.algorithms.normal import TABLE
from rating.algorithms.results import (
    CENTRE,
    NO_LINEUPS,
    UNIT,
    Annotators,
    Floats,
    Integers,
    Lineups,
    NotConverged,
    Posterior,
    Ratings,
    check_comparisons,
)

EMPTY = np.zeros(0, dtype=np.int64)
PRIOR_VARIANCE = 2.0  # TrueSkill's (25/3)² over the noise variance of a comparison, 2 (25/6)²
DRAW_MARGIN = 0.5
DOUBT = 1.0  # standard deviation of the logarithms of both before the data
SMALLEST_MARGIN = 0.01  # below it a tie's equations lose digits, and no data can tell it from 0.01
TOLERANCE = 5e-3
LEARNT = 1.0  # tolerances that a logarithm of what all items share may still move
LONGEST = 0.7  # step of a logarithm
HURRY = 30  # sweeps at full pace
LEARNING = 150  # sweeps; what all items share then stays, and only the items come to rest
MOST_SWEEPS = 300
ALTERNATE = (
    12  # sweeps in one direction; after that forward and backward in turn, which suits chains
)


def trueskill(
    n: int,
    first: Integers,
    second: Integers,
    label: Integers,
    annotator: Integers | None = None,
    *,
    lineups: Lineups = NO_LINEUPS,
    prior_variance: float | None = None,
    draw_margin: float | None = None,
    tolerance: float = TOLERANCE,
) -> Ratings:
    """Rate n items by all comparisons together; the same comparisons in any order give the same bits.

    n: number of items. first, second, label: shape (m,), see `rating.algorithms`; annotator is not used.
    lineups: answers about several items at once, see `rating.algorithms.lineups`.
    prior_variance, draw_margin: in units of the noise of a comparison; None: learnt from the data.
    tolerance: how far a mean may still be from where it comes to rest, in its standard deviations.
    Returns mu and sigma of shape (n,), float64, with the joint posterior.
    Raises ValueError if a row is not a comparison of two of the n items; NotConverged.
    Cost: O(m log m) time to sort, then about 6 sweeps of 0.1 µs a comparison; about 100 bytes a comparison.
    A lineup of four costs about 5 µs a sweep.
    Source: Herbrich, Minka and Graepel 2006; Minka 2001, chapter 3. See METHODS.md.
    """
    del annotator
    check_comparisons(n, first, second, label)
    check_lineups(n, lineups)
    graph = build_graph(n, first, second, label)
    fit = Fit(graph, prior_variance, draw_margin, lineups=canonical(lineups))
    fit.run(tolerance)
    return fit.ratings("trueskill", {"tolerance": tolerance})


@dataclass
class Margins:
    """The two numbers that all items share, and whether they are learnt."""

    prior_variance: float
    draw_margin: float
    learn_variance: bool
    learn_margin: bool


class Stride:
    """Lengthens steps that shrink by a constant factor to where they lead (Aitken's Δ² for vectors).

    Steps that go to and fro are shortened by the same rule.
    """

    def __init__(self, dimensions: int, most: float = 0.95, *, trusted: bool = False) -> None:
        """trusted: steps may be of any length before they are lengthened, as those of EM."""
        self.last = np.zeros(dimensions)
        self.most = most
        self.trusted = trusted

    def lengthen(self, step: Floats) -> Floats:
        """The step to take instead: shape (dimensions,), at most LONGEST each way, unless trusted."""
        last = float(np.sum(self.last**2))
        most = np.maximum(LONGEST, np.abs(step)) if self.trusted else LONGEST
        factor = float(np.sum(step * self.last)) / last if last else 0.0
        self.last = step
        if 0.5 < factor < self.most:
            step, self.last = step / (1 - factor), np.zeros(len(step))
        elif factor < -0.3:
            step = self.last = step / (1 + min(-factor, 3.0))
        return np.clip(step, -most, most)


class Fit:
    """The state of one inference. kinds: shape (k, 3, 6) per annotator, k = 0 without them, see `ep`."""

    def __init__(
        self,
        graph: Graph,
        prior_variance: float | None = None,
        draw_margin: float | None = None,
        kinds: Floats | None = None,
        lineups: Lineups = NO_LINEUPS,
    ) -> None:
        _check_setting("prior_variance", prior_variance, positive=True)
        _check_setting("draw_margin", draw_margin, positive=False)
        self.graph = graph
        self.lineups = LineupFit(lineups, graph.people)
        self.answers = graph.m + len(lineups)
        self.kinds = np.zeros((0, 3, 6)) if kinds is None else kinds
        variance = PRIOR_VARIANCE if prior_variance is None else prior_variance
        ties = float(graph.count[graph.outcome == 0].sum())
        margin = _first_margin(ties, graph.m, variance) if draw_margin is None else draw_margin
        if ties:
            margin = max(margin, SMALLEST_MARGIN)
        self.shared = Margins(
            variance,
            margin,
            learn_variance=prior_variance is None and self.answers > 0,
            learn_margin=draw_margin is None and ties > 0,
        )
        self.shift_share = shift_share(graph, *star(lineups))
        # Half the memory to read, and no check for a negative index.
        self.low, self.high = graph.low.astype(np.uint32), graph.high.astype(np.uint32)
        edges, sites = len(graph.low), len(graph.outcome)
        self.state = (
            np.full(graph.n, 1 / variance),
            np.zeros(graph.n),
            np.zeros((edges, 2)),
            np.zeros((edges, 2)),
            np.zeros((sites, 2)),
            np.zeros((sites if len(self.kinds) else 0, 2)),
        )
        self.sweeps = 0
        self.moved, self.moved_before = 1.0, 1.0
        self.haste = 0.01  # how exactly means are solved for, as a share of their last move
        self.stride = Stride(2)
        self.alternate = ALTERNATE

    def run(self, tolerance: float) -> None:
        """Sweep to rest. Raises NotConverged."""
        while self.answers and not self.advance(tolerance):
            if self.sweeps >= MOST_SWEEPS:
                raise NotConverged(f"ratings still move after {MOST_SWEEPS} sweeps")

    @property
    def pace(self) -> float:
        """Contradictory or one-sided comparisons of few items overshoot at full pace."""
        return 1.0 if self.sweeps < HURRY else 0.5 if self.sweeps < 3 * HURRY else 0.2

    def advance(self, tolerance: float) -> bool:
        """One sweep, the means solved along, and a step of what is learnt; whether all came to rest."""
        graph, shared = self.graph, self.shared
        before = self.mean
        slope, square = sweep(
            self.low,
            self.high,
            graph.start,
            graph.outcome,
            graph.count,
            graph.side,
            graph.person,
            self.kinds,
            shared.draw_margin,
            self.state,
            self.sweeps < self.alternate or self.sweeps % 2 == 0,
            self.pace,
            TABLE,
        )
        if len(self.lineups):
            self.lineups.sweep(self.state[0], self.state[1], self.kinds, self.pace, TABLE)
        self.sweeps += 1
        if self.sweeps == 1:
            return False
        prior = 1 / shared.prior_variance
        exact = max(tolerance / 10, min(self.haste * self.moved, 0.02))
        # Solving for the means moves saturated sites far off; where that goes to and fro, sweeps alone.
        alone = self.sweeps > 2 * HURRY
        calm = alone or (self.sweeps > self.alternate and self.sweeps % 4 != 0)
        solved = not calm and solve_means(
            self.low, self.high, graph.start, prior, self.state, self.lineups.joint(), exact
        )
        moved = float(np.max(np.abs(self.mean - before) * np.sqrt(self.state[0])))
        distance = moved * _what_follows(moved, self.moved_before)
        self.moved, self.moved_before = moved, self.moved
        learnt = self._learn(slope, square) if self.sweeps < LEARNING else 0.0
        return (
            (solved or alone) and distance < tolerance * self.pace and learnt < LEARNT * tolerance
        )

    def _learn(self, slope: float, square: float) -> float:
        """Step both shared numbers; where steps shrink by a constant factor, go to their limit at once."""
        shared = self.shared
        step = np.array(
            [
                self._variance_step() if shared.learn_variance else 0.0,
                self._margin_step(slope, square) if shared.learn_margin else 0.0,
            ]
        )
        size = float(np.abs(step).max())
        step = self.stride.lengthen(step) * self.pace
        variance = shared.prior_variance * math.exp(step[0])
        np.add(self.state[0], 1 / variance - 1 / shared.prior_variance, out=self.state[0])
        shared.prior_variance = variance
        if shared.learn_margin:
            shared.draw_margin = max(shared.draw_margin * math.exp(step[1]), SMALLEST_MARGIN)
        return size

    def rescale(self, factor: float) -> None:
        """Multiply all strengths by factor, as if each person's sharpness were divided by it."""
        precision, shift, *messages, cavity = self.state
        for natural in messages:
            natural /= np.array([factor**2, factor])
        precision /= factor**2
        shift /= factor
        cavity *= np.array([factor, factor**2])
        self.lineups.rescale(factor)
        self.shared.prior_variance *= factor**2

    def _variance_step(self) -> float:
        """A Newton step of log prior_variance towards the evidence's maximum.

        Source: MacKay 1992, "Bayesian interpolation" (γ, the number of well-determined parameters).
        """
        variance = self.shared.prior_variance
        squares = float(np.sum(self.mean**2)) / variance
        determined = self.graph.n - float(np.sum(self.variance)) / variance
        pull = math.log(PRIOR_VARIANCE / variance) / DOUBT**2
        return ((squares - determined) / 2 + pull) / (squares / 2 + 1 / DOUBT**2)

    def _margin_step(self, slope: float, square: float) -> float:
        """A scoring step of log draw_margin towards the evidence's maximum."""
        t = self.shared.draw_margin
        pull = math.log(DRAW_MARGIN / t) / DOUBT**2
        return (slope * t + pull) / (square * t * t + 1 / DOUBT**2)

    @property
    def mean(self) -> Floats:
        mean: Floats = self.state[1] / self.state[0]
        return mean

    @property
    def variance(self) -> Floats:
        return 1 / self.state[0] + self.shared.prior_variance * self.shift_share

    def posterior(self) -> Posterior:
        tau = np.empty(0)
        if self.graph.m:
            tau = np.add.reduceat(self.state[4][:, 0], self.graph.start[:-1])
        return Posterior(
            mean=self.mean,
            prior_variance=self.shared.prior_variance,
            low=np.concatenate([self.graph.low, self.lineups.low.astype(np.int64)]),
            high=np.concatenate([self.graph.high, self.lineups.high.astype(np.int64)]),
            tau=np.concatenate([np.asarray(tau, dtype=np.float64), self.lineups.tau]),
            apart=1 / self.state[0],
        )

    def ratings(
        self, method: str, settings: dict[str, Any], annotators: Annotators | None = None
    ) -> Ratings:
        return Ratings(
            mu=CENTRE + UNIT * self.mean,
            sigma=UNIT * np.sqrt(self.variance),
            method=method,
            settings=settings
            | {
                "prior_variance": self.shared.prior_variance,
                "draw_margin": self.shared.draw_margin,
                "sweeps": self.sweeps,
            },
            posterior=self.posterior(),
            annotators=annotators,
        )


def shift_share(graph: Graph, star_low: Integers = EMPTY, star_high: Integers = EMPTY) -> Floats:
    """Shape (n,): what the messages miss of each variance, in prior variances.

    star_low, star_high: `lineups.star`, since a lineup is told as a whole and so closes no cycle itself.

    Comparisons say nothing of a shift common to a connected group of w items: its mean keeps the variance
    prior/w. Messages carry that along trees, exactly; what goes round cycles they leave out. The share of
    the edges that close cycles, times 1/w, makes up for it within 1 % (METHODS.md).
    """
    low, high = np.concatenate([graph.low, star_low]), np.concatenate([graph.high, star_high])
    group = components(graph.n, low, high)
    size = np.bincount(group)
    edges = np.bincount(group[low], minlength=len(size))
    closing = edges - size + 1
    return (closing / (np.maximum(edges, 1) * size))[group]


def _what_follows(moved: float, before_last: float) -> float:
    """All moves to come, as a multiple of the last one, if they go on shrinking as over the last two."""
    factor = math.sqrt(moved / before_last) if before_last else 1.0
    return min(max(factor / (1 - factor), 0.1), 1.0) if factor < 1 else 1.0


def _first_margin(ties: float, m: int, variance: float) -> float:
    """The margin that gives the share of ties among pairs drawn from the prior."""
    from statistics import NormalDist

    if not ties:
        return 0.0
    share = (ties + 0.5) / (m + 1)
    return NormalDist().inv_cdf((1 + share) / 2) * math.sqrt(1 + 2 * variance)


def _check_setting(name: str, value: float | None, *, positive: bool) -> None:
    if value is None:
        return
    if not math.isfinite(value) or value < 0 or (positive and value == 0):
        raise ValueError(f"{name} must be a {'positive ' if positive else ''}number, not {value}")
