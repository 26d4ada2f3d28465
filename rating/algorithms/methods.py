"""The rating methods by key: the one list that settings, commands, docs and tests take them from."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from rating.algorithms.results import Integers, Ratings

Rate = Callable[[int, Integers, Integers, Integers, Integers | None], Ratings]


@dataclass(frozen=True)
class Method:
    """One way from comparisons to ratings.

    module: where the function named key is; imported at its first use, since compiled numerics take a
    second to load and a web process never needs them. needs_annotator: refuses comparisons without one.
    needs_order: the result depends on the order of the comparisons.
    """

    key: str
    title: str
    module: str
    needs_annotator: bool = False
    needs_order: bool = False
    joint: bool = True

    def rate(
        self,
        n: int,
        first: Integers,
        second: Integers,
        label: Integers,
        annotator: Integers | None = None,
    ) -> Ratings:
        """Rate n items; the arguments, results and errors are those of the method's own function."""
        function: Rate = getattr(import_module(self.module), self.key)
        return function(n, first, second, label, annotator)


METHODS = {
    method.key: method
    for method in (
        Method(
            "trueskill_annotators",
            "TrueSkill over all comparisons, with how each annotator sees",
            "rating.algorithms.annotators",
            needs_annotator=True,
        ),
        Method(
            "trueskill",
            "TrueSkill over all comparisons, all annotators alike",
            "rating.algorithms.trueskill",
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
