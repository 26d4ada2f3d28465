"""How probable each order is, for as many pairs as an export has."""

import math
from functools import cached_property
from statistics import NormalDist

import numpy as np

from rating.exports.format import Facts, key_of
from rating.models import RatingRun
from rating.posteriors import Kept
from rating.services.runs import kept_posterior

NORMAL = NormalDist()
# Whatever the posterior says, nothing is certain; it also keeps log-odds finite.
SURE = 1e-6


class Orders:
    """Probabilities from a run's joint posterior, solved once for all pairs that were compared."""

    def __init__(self, run: RatingRun) -> None:
        self.kept: Kept = kept_posterior(run)
        self.ratings = self.kept.ratings
        self._items = {
            (key_of(group.criterion_id), key_of(image)): int(item)
            for group in self.kept.groups
            for image, item in zip(group.images, group.items.tolist(), strict=True)
        }

    def better(self, criterion: str, one: Facts, other: Facts) -> float | None:
        """P(one is better than the other), to six digits; None where an image has no rating."""
        a, b = self._items.get((criterion, one.key)), self._items.get((criterion, other.key))
        if a is None or b is None:
            return None
        posterior = self.ratings.posterior
        if posterior is None:
            ratings = self.ratings
            spread = math.hypot(ratings.sigma[a], ratings.sigma[b])
            return _probability((ratings.mu[a] - ratings.mu[b]) / spread)
        variance = self._variance(min(a, b), max(a, b))
        return _probability((posterior.mean[a] - posterior.mean[b]) / math.sqrt(variance))

    def mu(self, criterion: str, image: Facts) -> float | None:
        item = self._items.get((criterion, image.key))
        return None if item is None else float(self.ratings.mu[item])

    def _variance(self, low: int, high: int) -> float:
        posterior = self.ratings.posterior
        assert posterior is not None
        keys, order = self._edges
        wanted = low * len(posterior.mean) + high
        at = int(np.searchsorted(keys, wanted))
        if at < len(keys) and keys[at] == wanted:
            return float(self._variances[order[at]])
        # Never compared in the rated part of the log: without the shift that both have in common.
        return float(posterior.apart[low] + posterior.apart[high])

    @cached_property
    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        posterior = self.ratings.posterior
        assert posterior is not None
        keys = posterior.low * len(posterior.mean) + posterior.high
        order = np.argsort(keys, kind="stable")
        return keys[order], order

    @cached_property
    def _variances(self) -> np.ndarray:
        from rating.algorithms.differences import difference_variances

        assert self.ratings.posterior is not None
        return difference_variances(self.ratings.posterior)


def _probability(z: float) -> float:
    return round(min(max(NORMAL.cdf(float(z)), SURE), 1 - SURE), 6)


def log_odds(p: float) -> float:
    return round(math.log(p / (1 - p)), 4)
