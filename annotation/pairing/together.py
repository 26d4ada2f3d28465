"""All questions about a pair at once: what a person is asked of the same two images under other criteria."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from annotation.models import (
    AMISS,
    Assignment,
    Comparison,
    Criterion,
    Pair,
    Project,
    Proposal,
    Purpose,
    Screen,
)
from annotation.pairing.proposals import images_of, proposal_of

TOGETHER = "together"


@dataclass(frozen=True)
class Known:
    """What a person knows of two images: on which sides they saw them, under the ids of which assignment, and
    whether they told that one is broken or unsafe, after which they are asked no more of them."""

    sides: tuple[UUID, UUID] | None = None
    shown_as: UUID | None = None
    amiss: bool = False


def asks_together(project: Project) -> bool:
    """Several images on a screen are asked about one question at a time."""
    return project.criteria_together and project.screen == Screen.PAIR


def known_of(proposal: Proposal, annotator_id: UUID) -> Known:
    """From all criteria, by the few rows that there are of these two images."""
    low, high = images_of(proposal)
    shown = Assignment.objects.filter(
        annotator=annotator_id,
        pair__in=Pair.objects.filter(low=low, high=high),
        purpose=Purpose.RANKING,
    ).order_by("created_at", "id")
    told = Comparison.objects.filter(assignment=OuterRef("id"), cause__in=AMISS, retracted_at=None)
    rows = list(
        shown.annotate(amiss=Exists(told)).values_list(
            *("left_id", "right_id", "id", "shown_as_id", "amiss"), named=True
        )
    )
    if not rows:
        return Known()
    first = rows[0]
    return Known(
        sides=(first.left_id, first.right_id),
        shown_as=first.shown_as_id or first.id,
        amiss=any(row.amiss for row in rows),
    )


def same_images(
    project: Project, criterion: Criterion, shown: Proposal, annotator_id: UUID
) -> Proposal | None:
    """The pair under another criterion, unless this person was shown it there, or it has no place left."""
    low, high = images_of(shown)
    mine = Assignment.objects.filter(pair=OuterRef("id"), annotator=annotator_id)
    gone = Pair.objects.filter(criterion=criterion, low=low, high=high).filter(
        Q(taken__gte=project.overlap) | Exists(mine)
    )
    if gone.exists():
        return None
    return proposal_of(project, criterion, [low, high], strategy=TOGETHER)


def by_pair(assignments: Iterable[Assignment]) -> list[list[Assignment]]:
    """Those of the same two images directly after one another, where the first of them is.

    What was undone comes first, as it is; the others are in the order of the criteria. A check is by itself.
    """
    groups: dict[object, list[Assignment]] = {}
    for shown in assignments:
        pair = shown.purpose == Purpose.RANKING and shown.left_id is not None
        groups.setdefault((shown.left_id, shown.right_id) if pair else shown.id, []).append(shown)
    return [
        [
            *(shown for shown in group if shown.replaces_id),
            *sorted((shown for shown in group if not shown.replaces_id), key=_place),
        ]
        for group in groups.values()
    ]


def _place(shown: Assignment) -> tuple[int, str]:
    return shown.criterion.position, shown.criterion.key
