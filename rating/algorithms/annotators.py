"""Global TrueSkill with annotators: how each person sees is inferred along with the items."""

import math
from dataclasses import dataclass

import numpy as np

from rating.algorithms.graph import Graph, build_graph
from rating.algorithms.lineups import (
    LineupFit,
    canonical,
    check_lineups,
)
from rating.algorithms.normal import TABLE
from rating.algorithms.people import CLICKS, judge_people
from rating.algorithms.results import (
    NO_LINEUPS,
    Annotators,
    Floats,
    Integers,
    Lineups,
    NotConverged,
    Ratings,
    check_comparisons,
)
from rating.algorithms.trueskill import DOUBT, HURRY, PRIOR_VARIANCE, Fit, Stride

# What is believed before the data, as strong as so many people: how frequent the kinds are (seeing, clicking,
# reversed), how sharpness and pull spread among those who look, and the pull among those who do not.
PEOPLE = np.array([4.5, 0.4, 0.1])
SPREAD = np.array([0.4, 0.3, 1.0])
SPREAD_PEOPLE = 10.0
# The spread of sharpness is learnt up to here. Where people give few comparisons each, sharpness and prior
# variance explain them ever better together, and would grow without end.
SPREAD_MAX = float(SPREAD[0])
MOST_ROUNDS = 300
JUDGING = 60  # rounds; people then stay as they are, and only the items come to rest
CROWD_TOLERANCE = 0.01
WARM_UP = 3  # sweeps with everybody alike
THOROUGH = 3  # every so many rounds kinds are judged that are out of the question
QUANTILE = 0.025


def trueskill_annotators(
    n: int,
    first: Integers,
    second: Integers,
    label: Integers,
    annotator: Integers | None = None,
    *,
    lineups: Lineups = NO_LINEUPS,
    prior_variance: float | None = None,
    draw_margin: float | None = None,
    tolerance: float = CROWD_TOLERANCE,
) -> Ratings:
    """Rate n items and the people who compared them; the same comparisons in any order give the same bits.

    n: number of items. first (shown on the left), second, label, annotator: shape (m,), see
    `rating.algorithms`. lineups: answers about several items at once, see `rating.algorithms.lineups`.
    Rows of one annotator under several prompts or criteria belong into one call: what is known of a person
    then counts everywhere. prior_variance, draw_margin, tolerance: see `trueskill`.
    Returns mu and sigma of shape (n,), float64, with the joint posterior and `annotators`.
    Raises ValueError if a row is not a comparison of two of the n items, or without annotator; NotConverged.
    Cost: about 10 rounds of 0.4 µs a comparison; about 190 bytes a comparison.
    Source: METHODS.md, "Annotators".
    """
    if annotator is None:
        raise ValueError("trueskill_annotators needs to know who compared: annotator is missing")
    check_comparisons(n, first, second, label, annotator)
    check_lineups(n, lineups)
    lineups = canonical(lineups)
    graph = build_graph(n, first, second, label, annotator, lineups.annotator)
    kinds = everybody_sees(len(graph.people))
    fit = Fit(graph, prior_variance, draw_margin, kinds, lineups)
    crowd = Crowd(graph, fit.lineups, kinds)
    fit.stride = Stride(2, most=0.0)  # the long way is along the scale, which the crowd settles
    fit.alternate = 2 * HURRY  # no turning round: items and people would swing along
    fit.haste = 0.0
    rounds = 0
    while fit.answers:
        before = fit.mean, math.log(fit.shared.prior_variance)
        fit.advance(tolerance)
        if fit.sweeps < WARM_UP:
            continue
        learnt = crowd.judge(fit) if rounds < JUDGING else 0.0
        rounds += 1
        moved = float(np.max(np.abs(fit.mean - before[0]) * np.sqrt(fit.state[0])))
        learnt = max(learnt, abs(math.log(fit.shared.prior_variance) - before[1]))
        if max(moved, learnt) < tolerance:
            break
        if rounds >= MOST_ROUNDS:
            raise NotConverged(f"annotators still change after {MOST_ROUNDS} rounds")
    settings = {
        "tolerance": tolerance,
        "shares": crowd.shares.tolist(),
        "spread": crowd.spread.tolist(),
    }
    return fit.ratings("trueskill_annotators", settings, crowd.results())


def everybody_sees(k: int) -> Floats:
    """Shape (k, 3, 6): at first everybody sees as well as everybody else."""
    kinds = np.zeros((k, 3, 6))
    kinds[:, 0, 0] = 1.0
    kinds[:, 0, 1], kinds[:, 2, 1] = 1.0, -1.0
    return kinds


@dataclass
class Crowd:
    """What is known of the k people and of people as such.

    kinds: shape (k, 3, 6), see `ep`; shared with the fit. shares: shape (3,), how frequent each kind is.
    spread: shape (3,).
    """

    graph: Graph
    lineups: LineupFit
    kinds: Floats

    def __post_init__(self) -> None:
        k = len(self.graph.people)
        self.shares, self.spread = PEOPLE / PEOPLE.sum(), SPREAD.copy()
        self.evidence = np.zeros((k, 3))
        self.order = np.argsort(self.graph.person, kind="stable")
        self.start = np.searchsorted(self.graph.person[self.order], np.arange(k + 1))
        self.rows = np.zeros((len(self.order), 5))
        for column, values in enumerate((self.graph.outcome, self.graph.count, self.graph.side)):
            self.rows[:, column] = values[self.order]
        self.stride = Stride(5, trusted=True)
        self.rounds = 0

    def judge(self, fit: Fit) -> float:
        """Judge each person by the present items, then people as such; how far the latter moved."""
        self.rounds += 1
        thorough = self.rounds == 1 or self.rounds % THOROUGH == 0
        judge_people(
            self.start,
            self.order,
            self.rows,
            fit.state[5],
            self.lineups.say_of_people(self.kinds, thorough, TABLE),
            fit.shared.draw_margin,
            self.shares,
            self.spread,
            self.kinds,
            self.evidence,
            thorough,
            TABLE,
        )
        if fit.shared.learn_variance:
            self._settle_scale(fit)
        before = np.concatenate([np.log(self.shares[1:] / self.shares[0]), np.log(self.spread)])
        shares, spread = self._shares(), self._spread()
        step = np.concatenate([np.log(shares[1:] / shares[0]), np.log(spread)]) - before
        after = before + self.stride.lengthen(step)
        odds = np.exp(np.append(0.0, after[:2]))
        self.shares, self.spread = odds / odds.sum(), np.exp(after[2:])
        self.spread[0] = min(self.spread[0], SPREAD_MAX)
        return float(np.abs(step).max())

    def _settle_scale(self, fit: Fit) -> None:
        """Strengths times c with sharpness over c explain the data as well: take the most credible c at once.

        Left to themselves, prior variance and sharpness find it too, in hundreds of rounds. Newton's
        method on log c for what changes in the evidence's lower bound: the priors of sharpness and of the
        prior variance, and the entropy of the people's posteriors, which shrink by c.
        """
        weight, a, _, var_a, _, _ = np.moveaxis(self.kinds, 2, 0)
        looks = weight[:, [0, 2]]
        linear = float(np.sum(looks * a[:, [0, 2]] * np.array([1.0, -1.0]))) / self.spread[0] ** 2
        square = float(np.sum(looks * (a**2 + var_a)[:, [0, 2]])) / self.spread[0] ** 2
        people = float(np.sum(looks))
        off = math.log(fit.shared.prior_variance / PRIOR_VARIANCE)
        u = 0.0
        for _ in range(20):
            x = math.exp(-u)
            slope = square * x * x - linear * x - people - 2 * (off + 2 * u) / DOUBT**2
            curvature = max(2 * square * x * x - linear * x, 0.0) + 4 / DOUBT**2
            u += min(max(slope / curvature, -0.5), 0.5)
        factor = math.exp(u)
        fit.rescale(factor)
        self.kinds /= np.array([1.0, factor, 1.0, factor**2, factor, 1.0])

    def _shares(self) -> Floats:
        total = PEOPLE + self.kinds[:, :, 0].sum(axis=0)
        shares: Floats = total / total.sum()
        return shares

    def _spread(self) -> Floats:
        """Expected squares over all people, with SPREAD_PEOPLE who are as believed before the data.

        That of sharpness is at most SPREAD_MAX.
        """
        weight, a, b, var_a, _, var_b = np.moveaxis(self.kinds, 2, 0)
        looks = weight[:, [0, 2]]
        off_centre = (a[:, [0, 2]] - np.array([1.0, -1.0])) ** 2 + var_a[:, [0, 2]]
        pull = b**2 + var_b
        squares = [
            np.sum(looks * off_centre),
            np.sum(looks * pull[:, [0, 2]]),
            np.sum(weight[:, 1] * pull[:, 1]),
        ]
        people = SPREAD_PEOPLE + np.array([looks.sum(), looks.sum(), weight[:, 1].sum()])
        spread: Floats = np.sqrt((SPREAD_PEOPLE * SPREAD**2 + np.array(squares)) / people)
        spread[0] = min(spread[0], SPREAD_MAX)
        return spread

    def results(self) -> Annotators:
        weight, a, b, var_a, _, var_b = np.moveaxis(self.kinds, 2, 0)
        counts = np.bincount(self.graph.person, self.graph.count, minlength=len(weight))
        counts = counts + np.bincount(self.lineups.person, minlength=len(counts))
        low, high = _interval(weight, a, _with_doubt_of_clickers(var_a))
        left, right = _interval(weight, b, var_b)
        return Annotators(
            annotator=self.graph.people,
            comparisons=counts[: len(weight)].astype(np.int64),
            sharpness=np.sum(weight * a, axis=1),
            sharpness_low=low,
            sharpness_high=high,
            side_bias=np.sum(weight * b, axis=1),
            side_bias_low=left,
            side_bias_high=right,
            spammer=weight[:, 1] + weight[:, 2],
            kinds=self.kinds,
            typical=np.array(
                [
                    [self.shares[0], 1.0, 0.0, self.spread[0] ** 2, 0.0, self.spread[1] ** 2],
                    [self.shares[1], 0.0, 0.0, 0.0, 0.0, self.spread[2] ** 2],
                    [self.shares[2], -1.0, 0.0, self.spread[0] ** 2, 0.0, self.spread[1] ** 2],
                ]
            ),
        )


def _with_doubt_of_clickers(var_a: Floats) -> Floats:
    """Give the sharpness of who clicks, which is 0 by definition, the doubt that their answers leave.

    As a point it would make the interval one, however few the comparisons: what these can tell of sharpness
    is told by the kind that sees. Shape (k, 3), as var_a.
    """
    doubt = var_a.copy()
    doubt[:, CLICKS] = var_a[:, 0]
    return doubt


def _interval(weight: Floats, centre: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """The 95 % interval of each row's mixture of normals (or points); all arrays of shape (k, 3)."""
    from scipy.special import ndtr

    spread = np.sqrt(np.maximum(variance, 1e-12))

    def quantile(share: float) -> Floats:
        used = np.where(weight > 0, centre, np.nan)
        low = np.nanmin(used - 6 * spread, axis=1)
        high = np.nanmax(used + 6 * spread, axis=1)
        for _ in range(50):
            middle = (low + high) / 2
            mass = np.sum(weight * ndtr((middle[:, None] - centre) / spread), axis=1)
            low, high = np.where(mass < share, middle, low), np.where(mass < share, high, middle)
        found: Floats = (low + high) / 2
        return found

    if not len(weight):
        return np.empty(0), np.empty(0)
    return quantile(QUANTILE), quantile(1 - QUANTILE)
