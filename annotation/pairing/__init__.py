"""The port between collecting and choosing: what an annotator is shown next.

A worker keeps a queue of proposals for each criterion (annotation/services/queue.py), which the picker named
in settings.PAIR_PICKER fills; people are handed the first one that they may have. Whether a proposal is
legal (images of one prompt, none excluded, new to this person, a place left) is decided here alone, when
it is handed out. With an empty queue, for whatever reason, people get random pairs, and never an error; such
a pair says why (`fallback`), and the dashboard tells managers.

The modules, in the order in which they are tried: handout.py (the queue), begun.py (what others have begun),
fresh.py and lineups.py (what nobody was shown); places.py claims what was found, and
together.py what else is asked of the same images. uniform.py and drawing.py are for the worker that fills
the queue.
"""

from collections.abc import Callable
from uuid import UUID

from annotation.models import Criterion, Fallback, Project, Proposal
from annotation.pairing import begun, fresh, handout, lineups
from annotation.pairing.places import (
    Missed,
    Place,
    claim,
    claim_place,
    free_place,
    free_places,
    wait_for,
)
from annotation.pairing.proposals import has_picker, images_of, shows_lineups
from annotation.pairing.together import Known, asks_together, by_pair, known_of, same_images

__all__ = [
    "TRIES",
    "Known",
    "Missed",
    "Picker",
    "Place",
    "asks_together",
    "by_pair",
    "claim",
    "claim_next",
    "claim_place",
    "free_place",
    "free_places",
    "has_picker",
    "images_of",
    "known_of",
    "same_images",
    "wait_for",
]

# So many proposals of the queue are tried; then something is drawn.
TRIES = 20

# For a project, one of its criteria, and a number: so many proposals, not saved, the best first. Each has its
# images (`low` and `high`, or `images`), its `strategy` and its `probability`. It may propose fewer.
Picker = Callable[[Project, Criterion, int], list[Proposal]]


def claim_next(
    project: Project, criterion: Criterion, annotator_id: UUID, attempt: int = 0
) -> Place | Missed | None:
    """A place that is this person's in the caller's transaction; None if there is nothing for them.

    Missed: somebody else was quicker, or what was proposed is not legal any more. The caller then ends the
    transaction and tries again, so that a transaction holds the lock of one pair at most and waits for none;
    after TRIES it waits (`wait_for`) in between.
    """
    proposal, empty = None, False
    if attempt < TRIES:
        proposal = handout.take(project, criterion, annotator_id)
        empty = proposal is None and handout.is_empty(project, criterion)
    if proposal is None:
        proposal = _draw(project, criterion, annotator_id)
        if proposal is None:
            return None
        if empty and has_picker(project):
            proposal.fallback = Fallback.EMPTY
    return claim(project, proposal) or Missed(proposal)


def _draw(project: Project, criterion: Criterion, annotator_id: UUID) -> Proposal | None:
    """Without the queue: first what others have begun, so that the overlap is reached early and agreement
    can be measured; then what nobody was shown; at the end, whatever a thorough search finds."""
    if shows_lineups(project):
        return (
            begun.draw_lineup(project, criterion, annotator_id)
            or lineups.draw(project, criterion, annotator_id)
            or lineups.search(project, criterion, annotator_id)
        )
    return (
        begun.draw_pair(project, criterion, annotator_id)
        or fresh.draw(project, criterion)
        or fresh.search(project, criterion)
        or begun.search_pair(project, criterion, annotator_id)
    )
