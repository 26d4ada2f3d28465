"""Several images on a screen: assignments of lineups, and what people say of them."""

import hashlib
from collections.abc import Sequence
from typing import Any

from django.db.models import F

from annotation.models import (
    Assignment,
    Comparison,
    Image,
    Lineup,
    LineupImage,
    Outcome,
    Project,
    Purpose,
    Screen,
    User,
)
from annotation.services.comparisons import record_comparison
from annotation.showings import ids_of


def ids(images: Sequence[Image]) -> list[str]:
    return [str(image.id) for image in images]


def as_shown(assignment: Assignment, images: Sequence[Image]) -> list[str]:
    """The ids by which an annotator knows these images of an assignment."""
    return [str(ids_of(assignment)[id]) for id in ids(images)]


def lineup(
    project: Project,
    user: User,
    images: Sequence[Image],
    screen: Screen = Screen.ORDER,
    **fields: Any,
) -> Assignment:
    """These images on the screen of this person, in this order."""
    criterion = project.criteria.all()[0]
    digest = hashlib.sha256("".join(sorted(ids(images))).encode()).hexdigest()
    made, new = Lineup.objects.get_or_create(project=project, criterion=criterion, digest=digest)
    if new:
        LineupImage.objects.bulk_create(LineupImage(lineup=made, image=image) for image in images)
    if fields.get("purpose", Purpose.RANKING) == Purpose.RANKING:
        Lineup.objects.filter(id=made.id).update(taken=F("taken") + 1)
    return Assignment.objects.create(
        project=project,
        criterion=criterion,
        screen=screen,
        lineup=made,
        shown=ids(images),
        annotator=user,
        expires_at="2100-01-01T00:00:00Z",
        **{"strategy": "random", **fields},
    )


def ordered(
    project: Project,
    user: User,
    *levels: Sequence[Image],
    screen: Screen = Screen.ORDER,
    **facts: Any,
) -> Comparison:
    """What this person says of all these images, the best first; they stood on the screen in reverse."""
    shown = [image for level in levels for image in level][::-1]
    asked = lineup(project, user, shown, screen)
    said = [ids(level) for level in levels]
    return record_comparison(user, asked.id, Outcome.ORDERED, levels=said, **facts)[0]
