"""The rating methods by key: the one list that settings, commands, docs and tests take them from."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from rating.algorithms.results import NO_LINEUPS, Integers, Lineups, Ratings

Rate = Callable[..., Ratings]


@dataclass(frozen=True)
class Method:
    """One way from comparisons to ratings.

    module: where the function named key is; imported at its first use, since compiled numerics take a
    second to load and a web process never needs them. needs_annotator: refuses comparisons without one.
    needs_order: the result depends on the order of the comparisons. knows_lineups: takes them as the
    orders that they are; to other methods they are the pairs of neighbouring levels.
    """

    key: str
    title: str
    module: str
    needs_annotator: bool = False
    needs_order: bool = False
    joint: bool = True
    knows_lineups: bool = False

    def rate(
        self,
        n: int,
        first: Integers,
        second: Integers,
        label: Integers,
        annotator: Integers | None = None,
        lineups: Lineups = NO_LINEUPS,
    ) -> Ratings:
        """Rate n items; the arguments, results and errors are those of the method's own function."""
        function: Rate = getattr(import_module(self.module), self.key)
        if not len(lineups):
            return function(n, first, second, label, annotator)
        if self.knows_lineups:
            return function(n, first, second, label, annotator, lineups=lineups)
        better, worse, of = import_module("rating.algorithms.lineups").neighbouring_pairs(lineups)
        if annotator is not None:
            annotator = np.concatenate([annotator, lineups.annotator[of]])
        first, second = np.concatenate([first, better]), np.concatenate([second, worse])
        label = np.concatenate([label, np.ones(len(of), dtype=np.int64)])
        return function(n, first, second, label, annotator)


METHODS = {
    method.key: method
    for method in (
        Method(
            "trueskill_annotators",
            "TrueSkill over all comparisons, with how each annotator sees",
            "rating.algorithms.annotators",
            needs_annotator=True,
            knows_lineups=True,
        ),
        Method(
            "trueskill",
            "TrueSkill over all comparisons, all annotators alike",
            "rating.algorithms.trueskill",
            knows_lineups=True,
        ),
        Method(
            "trueskill_online",
            "TrueSkill one comparison after the other",
            "rating.algorithms.trueskill_online",
            needs_order=True,
            joint=False,
        ),
        Method("bradley_terry", "Bradley–Terry", "rating.algorithms.bradley_terry"),
    )
}
