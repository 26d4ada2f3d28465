"""The reference of a prompt: an image that its other images are judged against, and that is not compared."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotation.errors import Conflict, Invalid
from annotation.models import Image, Prompt

# Stored, for every reader: annotation.language says it in theirs.
REASON = gettext_noop("Reference of its prompt")
REASON_ANOTHER = gettext_noop("Its prompt has another reference")


def is_reference(image: Image) -> bool:
    return image.prompt is not None and image.prompt.reference_id == image.id


def make_reference(image: Image) -> None:
    """Instead of the one that the prompt may have, which is compared again.

    Inside the caller's transaction, which holds the image's row, saves it, and releases its assignments.
    """
    if image.prompt is None:
        raise Invalid(
            _("Only an image with a prompt can be a reference: give it its prompt first."),
            "reference",
        )
    prompt = Prompt.objects.select_for_update(no_key=True).get(id=image.prompt.id)
    if prompt.reference_id != image.id:
        Image.objects.filter(reference_of=prompt, excluded_reason=REASON).update(
            excluded=False, excluded_reason=""
        )
        _set(prompt, image)
    image.prompt = prompt
    image.excluded, image.excluded_reason = True, REASON


def end_reference(image: Image) -> None:
    """The image is compared again, unless it was excluded for another reason since."""
    if not is_reference(image):
        return
    assert image.prompt is not None
    _set(image.prompt, None)
    if image.excluded_reason == REASON:
        image.excluded, image.excluded_reason = False, ""


def _set(prompt: Prompt, image: Image | None) -> None:
    prompt.reference = image
    prompt.save(update_fields=["reference"])


def add_references(images: list[Image]) -> None:
    """Of images that were just added, each for its prompt; of several for one prompt the first.

    A prompt that has a reference keeps it: then the new image is only set aside, with the reason.
    """
    for image in images:
        vacant = Prompt.objects.filter(images=image, reference=None)
        why = REASON if vacant.update(reference=image) else REASON_ANOTHER
        Image.objects.filter(id=image.id).update(excluded=True, excluded_reason=why)


def refuse_if_reference(image: Image) -> None:
    if is_reference(image):
        raise Conflict(
            _("This image is the reference of its prompt. End that first; then it can be deleted.")
        )
