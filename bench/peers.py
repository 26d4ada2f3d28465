"""The published packages, each behind one call: rate(n, first, second, label, annotator) → Rated.

Each is called as its documentation does, with its defaults unless said here. label is 1 or −1: not all know
ties.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from rating.algorithms.methods import METHODS
from rating.algorithms.predict import predict
from rating.algorithms.results import CENTRE, UNIT


@dataclass(frozen=True)
class Rated:
    """mu: shape (n,). sigma likewise, or None. prefers(first, second, annotator): probabilities, shape (m,).

    scale: how a strength of the simulation becomes mu, (offset, factor), where sigma is given.
    spammer: shape (k,), the higher the more suspect, for annotators 0 … k−1.
    """

    mu: np.ndarray
    prefers: Callable
    sigma: np.ndarray | None = None
    scale: tuple[float, float] = (0.0, 1.0)
    spammer: np.ndarray | None = None


def ours(key: str) -> Callable:
    def rate(n, first, second, label, annotator) -> Rated:  # type: ignore[no-untyped-def]
        rated = METHODS[key].rate(n, first, second, label, annotator)
        people = rated.annotators
        return Rated(
            rated.mu,
            lambda a, b, k: predict(rated, a, b, k),
            rated.sigma,
            (CENTRE, UNIT),
            None if people is None else people.spammer,
        )

    return rate


def gaussian(mu, sigma, noise, scale) -> Rated:  # type: ignore[no-untyped-def]
    from scipy.special import ndtr

    mu, sigma = np.array(mu), np.array(sigma)

    def prefers(a, b, k):  # type: ignore[no-untyped-def]
        return ndtr((mu[a] - mu[b]) / np.sqrt(noise**2 + sigma[a] ** 2 + sigma[b] ** 2))

    return Rated(mu, prefers, sigma, scale)


def logistic(score: np.ndarray, spammer: np.ndarray | None = None) -> Rated:
    return Rated(score, lambda a, b, k: 1 / (1 + np.exp(score[b] - score[a])), spammer=spammer)


def trueskill(n, first, second, label, annotator) -> Rated:  # type: ignore[no-untyped-def]
    import trueskill as package

    environment = package.TrueSkill(draw_probability=0)
    people = [environment.create_rating()] * n
    for a, b, y in zip(first.tolist(), second.tolist(), label.tolist(), strict=True):
        winner, loser = (b, a) if y < 0 else (a, b)
        people[winner], people[loser] = package.rate_1vs1(
            people[winner], people[loser], env=environment
        )
    mu, sigma = [p.mu for p in people], [p.sigma for p in people]
    return gaussian(mu, sigma, UNIT, (CENTRE, UNIT))


def openskill(n, first, second, label, annotator) -> Rated:  # type: ignore[no-untyped-def]
    from openskill.models import PlackettLuce

    model = PlackettLuce()
    people = [model.rating() for _ in range(n)]
    for a, b, y in zip(first.tolist(), second.tolist(), label.tolist(), strict=True):
        winner, loser = (b, a) if y < 0 else (a, b)
        (people[winner],), (people[loser],) = model.rate([[people[winner]], [people[loser]]])
    mu, sigma = [p.mu for p in people], [p.sigma for p in people]
    return gaussian(mu, sigma, UNIT, (CENTRE, UNIT))


def choix(n, first, second, label, annotator) -> Rated:  # type: ignore[no-untyped-def]
    import choix as package

    winner, loser = np.where(label > 0, first, second), np.where(label > 0, second, first)
    rows = list(zip(winner.tolist(), loser.tolist(), strict=True))
    return logistic(package.opt_pairwise(n, rows, alpha=0.1))


def evalica(n, first, second, label, annotator) -> Rated:  # type: ignore[no-untyped-def]
    """With a tenth of a tie between neighbours: 0.4.2 gives all items one score if one never lost or won."""
    import evalica as package

    winner = package.Winner
    ring = np.arange(n)
    winners = [winner.X if y > 0 else winner.Y for y in label.tolist()] + [winner.Draw] * n
    scores = package.bradley_terry(
        first.tolist() + ring.tolist(),
        second.tolist() + np.roll(ring, 1).tolist(),
        winners,
        weights=[1.0] * len(label) + [0.1] * n,
    ).scores
    dense = np.empty(n)
    dense[scores.index.to_numpy()] = scores.to_numpy()
    return logistic(np.log(dense))


def trueskillthroughtime(n, first, second, label, annotator) -> Rated:  # type: ignore[no-untyped-def]
    import trueskillthroughtime as package

    winner, loser = np.where(label > 0, first, second), np.where(label > 0, second, first)
    games = [[[str(a)], [str(b)]] for a, b in zip(winner.tolist(), loser.tolist(), strict=True)]
    history = package.History(games, sigma=np.sqrt(2.0), beta=np.sqrt(0.5), gamma=0.0)
    history.convergence(epsilon=1e-3, iterations=10, verbose=False)
    curves = history.learning_curves()
    mu, sigma = np.zeros(n), np.full(n, np.sqrt(2.0))
    for key, curve in curves.items():
        mu[int(key)], sigma[int(key)] = curve[-1][1].mu, curve[-1][1].sigma
    return gaussian(mu, sigma, 1.0, (0.0, 1.0))


def _crowd_frame(first, second, label, annotator):  # type: ignore[no-untyped-def]
    import pandas as pd

    return pd.DataFrame(
        {
            "left": first,
            "right": second,
            "label": np.where(label > 0, first, second),
            "worker": annotator,
        }
    )


def _spread(n: int, scores) -> np.ndarray:  # type: ignore[no-untyped-def]
    dense = np.full(n, float(scores.median()))
    dense[scores.index.to_numpy().astype(int)] = scores.to_numpy()
    return dense


def crowdkit_bt(n, first, second, label, annotator) -> Rated:  # type: ignore[no-untyped-def]
    from crowdkit.aggregation import BradleyTerry

    scores = BradleyTerry(n_iter=100).fit_predict(_crowd_frame(first, second, label, annotator))
    return logistic(np.log(np.maximum(_spread(n, scores), 1e-12)))


def crowdkit_noisy(n, first, second, label, annotator) -> Rated:  # type: ignore[no-untyped-def]
    from crowdkit.aggregation import NoisyBradleyTerry

    model = NoisyBradleyTerry(n_iter=100)
    scores = model.fit_predict(_crowd_frame(first, second, label, annotator))
    skills = model.skills_
    return logistic(_spread(n, scores), -skills.sort_index().to_numpy())


# name: (call, comparisons of its longest timed run, why no longer)
PEERS = {
    "trueskill": (trueskill, 20_000, "one by one"),
    "openskill": (openskill, 20_000, "one by one"),
    "choix": (choix, 10_000, "minutes"),
    "evalica": (evalica, 20_000, "a dense n × n matrix"),
    "trueskillthroughtime": (trueskillthroughtime, 2_000, "minutes"),
    "crowd-kit BradleyTerry": (crowdkit_bt, 200_000, "minutes"),
    "crowd-kit NoisyBradleyTerry": (crowdkit_noisy, 2_000, "minutes"),
}
OURS = {
    f"pairwright {key}": (ours(key), 10**9, "")
    for key in ("trueskill", "trueskill_annotators", "bradley_terry")
}
PACKAGES = {name: name for name in PEERS if " " not in name} | {
    "crowd-kit BradleyTerry": "crowdkit",
    "crowd-kit NoisyBradleyTerry": "crowdkit",
}
# Without the bench group they are left out, and who measures says so.
MISSING = [name for name, package in PACKAGES.items() if find_spec(package) is None]
METHODS_AND_PEERS = {name: method for name, method in (OURS | PEERS).items() if name not in MISSING}
