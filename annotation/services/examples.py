"""The examples of a project: which of two images is better, and why, shown or practised before comparing."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from annotation import limits
from annotation.errors import Conflict, Invalid
from annotation.models import Criterion, Example, Image, Project
from annotation.services.projects import locked_project

LONGEST_EXPLANATION = limits.EXPLANATION
MOST_EXAMPLES = 200


@transaction.atomic
def add_example(
    project: Project,
    criterion: Criterion,
    *,
    better: UUID,
    worse: UUID,
    explanation: str = "",
    practice: bool = False,
) -> Example:
    """At the end of those that are there."""
    pair = _pair(project, better, worse)
    # The last lock of all, as everywhere; it keeps the positions apart.
    locked_project(project.id)
    if project.examples.count() >= MOST_EXAMPLES:
        raise Conflict(
            _("A project has up to %(most)s examples. Delete one first.") % {"most": MOST_EXAMPLES}
        )
    last = project.examples.aggregate(last=Max("position"))["last"]
    return Example.objects.create(
        project=project,
        criterion=criterion,
        better=pair[0],
        worse=pair[1],
        explanation=explanation,
        practice=practice,
        position=0 if last is None else last + 1,
    )


def _pair(project: Project, better: UUID, worse: UUID) -> tuple[Image, Image]:
    """Both images, held until the transaction ends: nobody deletes one of them or moves it meanwhile."""
    if better == worse:
        raise Invalid(_("Choose two images; this is the same one twice."), "worse")
    locked = project.images.select_for_update(of=("self",)).select_related("prompt")
    found = {image.id: image for image in locked.filter(id__in=[better, worse]).order_by("id")}
    for field, id in (("better", better), ("worse", worse)):
        if id not in found:
            raise Invalid(_("There is no such image in this project."), field)
    if found[better].prompt_id != found[worse].prompt_id:
        raise Invalid(
            _("These images are not of one prompt. People compare images of one prompt only."),
            "worse",
        )
    return found[better], found[worse]


def update_example(example: Example, **fields: Any) -> Example:
    """Another explanation, another use, or another place."""
    for name, value in fields.items():
        setattr(example, name, value)
    example.save(update_fields=list(fields))
    return example


@transaction.atomic
def move_example(example: Example, *, up: bool) -> None:
    """Before the one before it, or after the one after it, of those that are used like it."""
    locked_project(example.project_id)
    rows = list(Example.objects.filter(project=example.project_id).order_by("position", "id"))
    alike = [row.id for row in rows if row.practice == example.practice]
    at = alike.index(example.id)
    other = at - 1 if up else at + 1
    if not 0 <= other < len(alike):
        return
    alike[at], alike[other] = alike[other], alike[at]
    rest = [row.id for row in rows if row.practice != example.practice]
    _number([*rest, *alike])


def _number(ids: Iterable[UUID]) -> None:
    for position, id in enumerate(ids):
        Example.objects.filter(id=id).exclude(position=position).update(position=position)


def delete_example(example: Example) -> None:
    """What was answered of it in practice goes with it; its images stay."""
    example.delete()


def refuse_if_in_example(image: Image) -> None:
    if (
        Example.objects.filter(better=image).exists()
        or Example.objects.filter(worse=image).exists()
    ):
        raise Conflict(
            _(
                "This image is in an example of the introduction. Delete the example first; "
                "until then the image can be excluded."
            )
        )
