"""What ratings say of a comparison that was not made."""

import numpy as np

from rating.algorithms.graph import components
from rating.algorithms.results import CENTRE, LOGITS, UNIT, Floats, Integers, Ratings


def predict(
    ratings: Ratings, first: Integers, second: Integers, annotator: Integers | None = None
) -> Floats:
    """Shape (m,): the probability that first is preferred to second, given that it is no tie.

    first, second: shape (m,), items. annotator: shape (m,), who would compare; where the ratings know people,
    this person's sharpness and pull to the first side count, or a typical person's if unknown.
    Takes the doubts about two strengths as independent but for the shift that their group has in common.
    Cost: O(m + n).
    Source: for the logistic curve under doubt MacKay 1992, "The evidence framework applied to
    classification networks", eq. 2.10.
    """
    from scipy.special import expit, ndtr

    mean, variance = (ratings.mu - CENTRE) / UNIT, (ratings.sigma / UNIT) ** 2
    m, v = mean[first] - mean[second], variance[first] + variance[second]
    if (joint := ratings.posterior) is not None:
        group = components(len(mean), joint.low, joint.high)
        v = np.where(group[first] == group[second], joint.apart[first] + joint.apart[second], v)
    probability: Floats
    if ratings.link == "logistic":
        probability = expit(LOGITS * m / np.sqrt(1 + np.pi / 8 * LOGITS**2 * v))
        return probability
    people = ratings.annotators
    if people is None or annotator is None:
        probability = ndtr(m / np.sqrt(1 + v))
        return probability
    kinds = np.concatenate([people.kinds, people.typical[None]])
    at = np.searchsorted(people.annotator, annotator)
    known = np.append(people.annotator, -1)[at] == annotator
    at = np.where(known, at, len(kinds) - 1)
    weight, a, b, var_a, cov, var_b = np.moveaxis(kinds[at], 2, 0)
    m, v = m[:, None], v[:, None]
    doubt = var_a * (m * m + v) + 2 * cov * m + var_b
    mixed: Floats = np.sum(weight * ndtr((a * m + b) / np.sqrt(1 + a * a * v + doubt)), axis=1)
    return mixed
