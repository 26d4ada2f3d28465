"""The joint posterior of a project's latest run, kept as a file: probabilities are computed from it.

It is derived, as the run is: a file that is lost comes back with the next change of the log.
"""

import io
from dataclasses import dataclass, fields
from pathlib import Path
from uuid import UUID

import numpy as np
from django.conf import settings
from django.utils.translation import gettext as _

from annotation.errors import Gone, Invalid
from annotation.images import write_atomically
from rating.algorithms.results import Annotators, Floats, Posterior, Ratings
from rating.models import RatingRun
from rating.selectors import Group, Log

DRAWS = 500


@dataclass(frozen=True)
class Kept:
    """The ratings of a run with their joint posterior, and which image each item is."""

    ratings: Ratings
    groups: list[Group]

    def group_of(self, criterion_id: UUID, image_id: UUID) -> Group:
        for group in self.groups:
            if group.criterion_id == criterion_id and image_id in group.images:
                return group
        raise Invalid(_("There is no such image in the ranking."), "image")

    def better(self, criterion_id: UUID, image_id: UUID, other_id: UUID) -> float:
        """P(the image is better than the other), which must be one of its prompt."""
        from rating.algorithms.posterior import order_probability

        group = self.group_of(criterion_id, image_id)
        if other_id not in group.images:
            raise Invalid(
                _("The images are not of one prompt, or one is not in the ranking."), "than"
            )
        a, b = (int(group.items[group.images.index(id_)]) for id_ in (image_id, other_id))
        return order_probability(self.ratings, a, b)

    def among_the_top(self, group: Group, k: int) -> Floats:
        """P(in the top k) of each image of the group, in its order."""
        from rating.algorithms.ranks import draws_of, top_probability

        return top_probability(draws_of(self.ratings, group.items, seed=0, draws=DRAWS), k)


def keep(run: RatingRun, log: Log, ratings: Ratings) -> None:
    """Write the run's posterior, and drop those of the project's earlier runs."""
    posterior = ratings.posterior
    content = io.BytesIO()
    parts = {} if posterior is None else {name: getattr(posterior, name) for name in PARTS}
    if (people := ratings.annotators) is not None:
        parts |= {f"people_{name}": getattr(people, name) for name in PEOPLE}
    np.savez(
        content,
        mu=ratings.mu,
        sigma=ratings.sigma,
        criteria=_bytes([group.criterion_id for group in log.groups]),
        sizes=np.array([len(group.images) for group in log.groups], dtype=np.int64),
        images=_bytes([image for group in log.groups for image in group.images]),
        **parts,
    )
    path = _path(run)
    write_atomically(path, content.getvalue())
    for earlier in path.parent.glob("*.npz"):
        if earlier != path:
            earlier.unlink(missing_ok=True)


# What a joint posterior consists of, and what is known of people.
PARTS = tuple(field.name for field in fields(Posterior))
PEOPLE = tuple(field.name for field in fields(Annotators))


def kept(run: RatingRun) -> Kept:
    try:
        with np.load(_path(run), allow_pickle=False) as file:
            arrays = dict(file)
    except FileNotFoundError:
        raise Gone(_("Only the latest run has probabilities; recompute makes a new one.")) from None
    posterior = None
    if "tau" in arrays:
        parts = {name: arrays[name] for name in PARTS}
        posterior = Posterior(**parts | {"prior_variance": float(parts["prior_variance"])})
    people = None
    if "people_annotator" in arrays:
        people = Annotators(**{name: arrays[f"people_{name}"] for name in PEOPLE})
    ratings = Ratings(arrays["mu"], arrays["sigma"], run.method, run.settings, posterior, people)
    images, groups, n = _ids(arrays["images"]), [], 0
    for criterion, size in zip(_ids(arrays["criteria"]), arrays["sizes"].tolist(), strict=True):
        groups.append(
            Group(criterion, images[n : n + size], np.arange(n, n + size, dtype=np.int64))
        )
        n += size
    return Kept(ratings, groups)


def _path(run: RatingRun) -> Path:
    path: Path = settings.DATA_DIR / "posteriors" / str(run.project_id) / f"{run.id}.npz"
    return path


def _bytes(ids: list[UUID]) -> np.ndarray:
    return np.frombuffer(b"".join(id_.bytes for id_ in ids), dtype=np.uint8).reshape(-1, 16)


def _ids(rows: np.ndarray) -> list[UUID]:
    return [UUID(bytes=row.tobytes()) for row in rows]
