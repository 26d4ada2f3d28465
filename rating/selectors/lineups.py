"""What was said of several images at once, as arrays."""

import hashlib
import math
from collections.abc import Iterator
from uuid import UUID

import numpy as np

from annotation.models import Comparison, Outcome, Purpose, Screen
from rating.algorithms.results import NO_LINEUPS, Lineups

# Of a lineup: who answered, and the items of each level, best first.
Answer = tuple[UUID, list[list[int]]]


def read_answers(
    project_id: UUID, without: list[UUID], criteria: list[UUID], images: list[UUID]
) -> list[Answer]:
    """The rated lineups in an order that depends on their set alone.

    Images that are no longer in the project are left out of them: what was said of the others stands.
    """
    said = Comparison.objects.filter(
        project=project_id,
        retracted_at=None,
        purpose=Purpose.RANKING,
        outcome=Outcome.ORDERED,
    ).exclude(annotator__in=without)
    rows = said.order_by().values_list("criterion_id", "annotator_id", "levels")
    offset = {criterion: at * len(images) for at, criterion in enumerate(criteria)}
    place: dict[str, int] = {}
    answers = []
    for criterion, annotator, levels in rows.iterator(chunk_size=5000):
        place = place or {str(image): at for at, image in enumerate(images)}
        items = [
            [offset[criterion] + place[image] for image in level if image in place]
            for level in levels or []
        ]
        items = [sorted(level) for level in items if level]
        if len(items) > 1:
            answers.append((annotator, items))
    return sorted(answers)


def as_lineups(answers: list[Answer], person: dict[UUID, int]) -> Lineups:
    if not answers:
        return NO_LINEUPS
    sizes = [sum(map(len, levels)) for _, levels in answers]
    columns = (
        np.concatenate([[0], np.cumsum(sizes)]),
        [item for _, levels in answers for level in levels for item in level],
        [at for _, levels in answers for at, level in enumerate(levels) for _ in level],
        [person[annotator] for annotator, _ in answers],
    )
    return Lineups(*(np.array(column, dtype=np.int64) for column in columns))


def screen_of(levels: list[int]) -> Screen:
    """What was asked of a lineup, from how many images each of its levels has."""
    if max(levels) == 1:
        return Screen.ORDER
    return Screen.BEST if len(levels) == 2 else Screen.BEST_WORST


def comparisons_in(screen: str, size: int) -> float:
    """As how many comparisons a screen counts in a forecast: nine tenths of the bits of its answer.

    Of adaptively chosen screens of four and six, 0.73 to 1.06 of the bits were measured (METHODS.md).
    """
    answers = {
        Screen.BEST: size,
        Screen.BEST_WORST: size * (size - 1),
        Screen.ORDER: math.factorial(size),
    }
    return 1.0 if screen == Screen.PAIR else 0.9 * math.log2(answers[Screen(screen)])


def update_digest(digest: "hashlib._Hash", answers: list[Answer]) -> None:
    for line in _lines(answers):
        digest.update(line)


def _lines(answers: list[Answer]) -> Iterator[bytes]:
    for annotator, levels in answers:
        yield annotator.bytes + repr(levels).encode()
