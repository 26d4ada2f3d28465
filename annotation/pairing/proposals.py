"""What may be shown to somebody: a pair or a lineup, as a row of the queue that need not be saved."""

import hashlib
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings

from annotation.models import Criterion, Project, Proposal, Screen

RANDOM = "random"
# What somebody undid, and is shown again.
UNDO = "undo"


def proposal_of(
    project: Project,
    criterion: Criterion,
    images: Iterable[UUID],
    *,
    strategy: str = RANDOM,
    probability: float | None = None,
) -> Proposal:
    """Two images are a pair, whatever the project shows otherwise; more are a lineup.

    `probability` is everywhere the chance that the place which this proposal fills (in the queue, or on
    a screen if it was drawn for a person) went to this strategy, and that the strategy drew these images
    for it. So a pair of the random share has share / (how many pairs were legal), and one that an adaptive
    strategy was bound to choose has 1 − share. Among least seen images, and among what others have begun,
    it is the chance within the sample that was drawn first, image by image. None: not known.
    """
    ids = sorted(images)
    proposal = Proposal(
        project=project, criterion=criterion, strategy=strategy, probability=probability, position=0
    )
    if len(ids) == 2:
        proposal.low_id, proposal.high_id = ids
    else:
        proposal.screen = project.screen
        proposal.images = [str(id) for id in ids]
        proposal.digest = lineup_digest(ids)
    return proposal


def images_of(proposal: Proposal) -> list[UUID]:
    """In their order."""
    if proposal.images is not None:
        return sorted(UUID(str(id)) for id in proposal.images)
    return sorted(id for id in (proposal.low_id, proposal.high_id) if id is not None)


def lineup_digest(images: Iterable[UUID]) -> str:
    """Which images a lineup has, whatever their places on a screen."""
    return hashlib.sha256(",".join(str(id) for id in sorted(images)).encode()).hexdigest()


def shows_lineups(project: Project) -> bool:
    return project.screen != Screen.PAIR


def has_picker(project: Project) -> bool:
    """Return whether a strategy should choose for this project; otherwise random pairs are meant."""
    return bool(settings.PAIR_PICKER) and project.strategy != Project.Strategy.RANDOM


def screens_of(project: Project) -> list[str]:
    """What its annotators may be shown: a prompt of two images has no lineup, and is shown as a pair."""
    return sorted({project.screen, Screen.PAIR})
