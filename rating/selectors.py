"""The only door from the database to arrays, and the reads of stored ratings."""

import hashlib
from dataclasses import dataclass
from itertools import product
from uuid import UUID

import numpy as np
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from numpy.typing import NDArray

from annotation.models import Comparison, Criterion, Image, Outcome, Project, Prompt
from rating.algorithms.results import Integers
from rating.models import Rating, RatingRun

# What says which of two is better. “Both bad” judges the two, not their order; a skip judges nothing.
LABELS = {Outcome.LEFT: 1, Outcome.RIGHT: -1, Outcome.TIE: 0}


@dataclass(frozen=True)
class Group:
    """The images that are ranked together: one criterion and one prompt, with their comparisons.

    images: ids in their order; first, second, label: shape (m,), in the order of the log.
    """

    criterion_id: UUID
    images: list[UUID]
    first: Integers
    second: Integers
    label: Integers


@dataclass(frozen=True)
class Log:
    """What a run reads of a project: all groups, how far the log went, and a digest of all that counts."""

    project_id: UUID
    revision: int
    groups: list[Group]
    comparisons: int
    digest: str


def read_log(project_id: UUID) -> Log:
    """The rated part of the log: not retracted, both images still in the project.

    The revision is read first, so that a comparison that arrives meanwhile leaves the run stale, and
    is read again, rather than current without it.
    """
    revision = Project.objects.values_list("revision", flat=True).get(id=project_id)
    criteria = sorted(Criterion.objects.filter(project=project_id).values_list("id", flat=True))
    prompt_of = dict(
        Image.objects.filter(project=project_id, excluded=False)
        .order_by("id")
        .values_list("id", "prompt_id")
    )
    members: dict[UUID | None, list[UUID]] = {}
    for image, prompt in prompt_of.items():
        members.setdefault(prompt, []).append(image)
    place = {image: at for images in members.values() for at, image in enumerate(images)}
    rows: dict[tuple[UUID, UUID | None], list[tuple[int, int, int]]] = {}
    digest = hashlib.sha256()
    log = (
        Comparison.objects.filter(project=project_id, retracted_at=None, outcome__in=LABELS)
        .order_by("created_at", "id")
        .values_list("criterion_id", "left_id", "right_id", "outcome")
    )
    comparisons = 0
    for criterion, left, right, outcome in log.iterator(chunk_size=10_000):
        if left not in prompt_of or right not in prompt_of:
            continue
        label = LABELS[Outcome(outcome)]
        rows.setdefault((criterion, prompt_of[left]), []).append((place[left], place[right], label))
        digest.update(criterion.bytes + left.bytes + right.bytes + bytes([label + 1]))
        comparisons += 1
    groups = []
    for key in product(criteria, sorted(members, key=str)):
        group = Group(key[0], members[key[1]], *_columns(rows.get(key, [])))
        groups.append(group)
        digest.update(group.criterion_id.bytes + b"".join(image.bytes for image in group.images))
    return Log(project_id, revision, groups, comparisons, digest.hexdigest())


def _columns(rows: list[tuple[int, int, int]]) -> tuple[Integers, Integers, Integers]:
    table: NDArray[np.int64] = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def latest_run(project_id: UUID) -> RatingRun | None:
    return (
        RatingRun.objects.filter(project=project_id).order_by("-revision", "-finished_at").first()
    )


def is_stale(run: RatingRun) -> bool:
    """Whether the project's log goes further than this run has read."""
    return Project.objects.filter(id=run.project_id, revision__gt=run.revision).exists()


def stale_projects() -> list[UUID]:
    """The projects whose log goes further than their ratings."""
    rated = (
        RatingRun.objects.filter(project=OuterRef("id"))
        .order_by("-revision")
        .values("revision")[:1]
    )
    behind = (
        Project.objects.filter(deleted_at=None)
        .annotate(rated=Subquery(rated))
        .filter(Q(rated=None, revision__gt=0) | Q(rated__lt=F("revision")))
    )
    return list(behind.order_by("id").values_list("id", flat=True))


def ratings_of(
    run: RatingRun, criterion: Criterion, prompt: Prompt | None = None
) -> QuerySet[Rating]:
    """In order of rank; with several prompts, prompt by prompt."""
    ratings = Rating.objects.filter(run=run, criterion=criterion).select_related("image__prompt")
    if prompt is not None:
        ratings = ratings.filter(image__prompt=prompt)
    return ratings.order_by("image__prompt__text", "image__prompt_id", "rank", "id")
