"""What the images of a project were made for: which prompt an image has, and how the prompt reads."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.errors import Conflict, Invalid
from annotation.models import Example, Image, LineupImage, Pair, Project, Prompt
from annotation.models.prompt import prompt_digest
from annotation.names import fold_text
from annotation.services.revision import raise_revision


def prompt_for(project: Project, text: str) -> Prompt | None:
    if not fold_text(text):
        return None
    prompt, _ = Prompt.objects.get_or_create(
        project=project, digest=prompt_digest(text), defaults={"text": text}
    )
    return prompt


def prompts_for(project: Project, texts: Iterable[str]) -> dict[str, Prompt]:
    """The prompts of these texts, made where there were none; a text of spaces has none.

    A prompt reads as it was first written; texts that read the same have the same one.
    """
    digests = {text: prompt_digest(text) for text in texts if fold_text(text)}
    wanted = {digest: text for text, digest in reversed(digests.items())}
    there = Prompt.objects.filter(project=project, digest__in=wanted)
    found = {prompt.digest: prompt for prompt in there}
    new = [
        Prompt(project=project, digest=digest, text=text)
        for digest, text in wanted.items()
        if digest not in found
    ]
    if new:
        # Another may make the same at this moment, so they are read again.
        Prompt.objects.bulk_create(new, ignore_conflicts=True)
        found = {prompt.digest: prompt for prompt in there.all()}
    return {text: found[digest] for text, digest in digests.items()}


@transaction.atomic
def rename_prompt(prompt: Prompt, text: str) -> Prompt:
    """Correct how a prompt reads, for all its images, compared ones too: they stay together."""
    if not fold_text(text):
        raise Invalid(
            _("A prompt has a text. To take it from its images, give these none."), "text"
        )
    prompt = Prompt.objects.select_for_update().get(id=prompt.id)
    same = Prompt.objects.filter(project=prompt.project_id, digest=prompt_digest(text))
    if same.exclude(id=prompt.id).exists():
        raise Conflict(
            _(
                "The project has a prompt with this text already. To join the two, give the "
                "images of the one the other prompt; that is possible as long as none of "
                "them was compared."
            )
        )
    if prompt.text != text:
        prompt.text = text
        prompt.save()
        raise_revision(prompt.project_id)
    return prompt


def move_to_prompt(project: Project, images: QuerySet[Image], text: str) -> int:
    """Give the images this prompt, or none for an empty text; how many of them had another.

    All or nothing, inside the caller's transaction, which holds the images' rows. An image that was shown
    keeps its prompt, since those it was compared with are images of that prompt.
    """
    prompt = prompt_for(project, text)
    other = Q(prompt__isnull=False) if prompt is None else ~Q(prompt=prompt) | Q(prompt=None)
    moving = Image.objects.filter(other, id__in=images.order_by().values("id"))
    shown = moving.filter(was_shown()).count()
    if shown:
        raise Conflict(_why_they_stay(shown, images.count()))
    _refuse_references_among(moving)
    moved = moving.update(prompt=prompt)
    _refuse_parted_examples(project)
    return moved


def _refuse_references_among(images: QuerySet[Image]) -> None:
    references = Prompt.objects.filter(reference__in=images.order_by().values("id")).count()
    if references:
        raise Conflict(
            ngettext(
                "An image that is the reference of its prompt keeps it. Nothing was changed. "
                "End that first, or leave the image out.",
                "%(count)s of these images are references of their prompts and keep them. "
                "Nothing was changed. End that first, or leave them out.",
                references,
            )
            % {"count": references}
        )


def _refuse_parted_examples(project: Project) -> None:
    """The two images of an example are of one prompt, and are moved together if at all."""
    examples = Example.objects.filter(project=project)
    together = examples.filter(
        Q(better__prompt=F("worse__prompt")) | Q(better__prompt=None, worse__prompt=None)
    )
    if examples.exclude(id__in=together.order_by().values("id")).exists():
        raise Conflict(
            _(
                "Two images of an example would no longer be of one prompt. Nothing was changed. "
                "Move both, or delete the example first."
            )
        )


def _why_they_stay(shown: int, among: int) -> str:
    if among == 1:
        return _(
            "This image has been compared under its present prompt, which therefore "
            "stays. Exclude the image and add it again, or rename the prompt if it only "
            "reads wrong."
        )
    return ngettext(
        "%(shown)s of these %(among)s images has been compared under the "
        "present prompt, which therefore stays. Nothing was changed. Leave them out, "
        "or rename the prompt for all its images if it only reads wrong.",
        "%(shown)s of these %(among)s images have been compared under the "
        "present prompt, which therefore stays. Nothing was changed. Leave them out, "
        "or rename the prompt for all its images if it only reads wrong.",
        shown,
    ) % {"shown": shown, "among": among}


def was_shown() -> Q:
    """For a filter of images: those that somebody was shown."""
    pairs = Pair.objects.filter(Q(low=OuterRef("id")) | Q(high=OuterRef("id")))
    lineups = LineupImage.objects.filter(image=OuterRef("id"))
    return Q(Exists(pairs)) | Q(Exists(lineups))
