"""The ids by which annotators know images: new ones each time that an image is shown.

Stable ids would tell a script which pairs are repeats, so an annotator never learns an image's own id. What
they see is named by the assignment or example that shows it, with one digit replaced by the image's place.
Such an id belongs to one person and needs neither a table nor a key: it says no more than the assignment's id
and the place, which that person knows. Annotators are `blind`; reviewers and managers know the images by
their own ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from annotation.levels import Levels, checked_levels
from annotation.models import Assignment, Comparison, Example, Image

# The digit of a UUID that is replaced is its version, which is 4 where it was made at random.
VERSION, RANDOM = 12, "4"
# What stands there instead: the place on an assignment's screen or in an example, or the reference of either.
PLACES, REFERENCE = "012356789", "a"
PLACES_IN_EXAMPLE, REFERENCE_OF_EXAMPLE = "bc", "d"
SALT = "annotation.showings"

# What shows images; a comparison shows those of its assignment.
Shown = Assignment | Comparison | Example


@dataclass(frozen=True)
class Showing:
    """What an id of a showing says: the id of the assignment or example, and which of its images is meant."""

    shown_by: UUID
    place: str

    @property
    def by_example(self) -> bool:
        return self.place in PLACES_IN_EXAMPLE + REFERENCE_OF_EXAMPLE


@dataclass(frozen=True)
class Side:
    """An image on a screen, by the id that the person in front of it knows."""

    id: UUID
    width: int
    height: int


def read_showing(id: UUID) -> Showing | None:
    """None for an id that is an image's own."""
    place = id.hex[VERSION]
    return None if place == RANDOM else Showing(_with(id, RANDOM), place)


def image_at(shown: Assignment | Example, place: str) -> QuerySet[Image]:
    """The image at this place, if there is one."""
    images = _images_by_place(shown)
    if place not in (*images, REFERENCE, REFERENCE_OF_EXAMPLE):
        return Image.objects.none()
    if place in (REFERENCE, REFERENCE_OF_EXAMPLE):
        return Image.objects.filter(reference_of__images=UUID(next(iter(images.values()))))
    return Image.objects.filter(id=images[place])


def side_of(shown: Shown, image: Image, *, blind: bool) -> Side:
    """One of the images that are judged."""
    return Side(id_of(shown, image.id, blind=blind), image.width, image.height)


def id_of(shown: Shown, image_id: UUID | str, *, blind: bool) -> UUID:
    return ids_of(shown)[str(image_id)] if blind else UUID(str(image_id))


def ids_of(shown: Shown) -> dict[str, UUID]:
    """The ids of the showing, by the images' own ids as text."""
    return {
        image: _with(_base_of(shown), place) for place, image in _images_by_place(shown).items()
    }


def reference_of(shown: Shown, reference: Image, *, blind: bool) -> Side:
    """What the images are judged against."""
    place = REFERENCE_OF_EXAMPLE if isinstance(shown, Example) else REFERENCE
    id = _with(_base_of(shown), place) if blind else reference.id
    return Side(id, reference.width, reference.height)


# --- Levels ------------------------------------------------------------------------------------------


def levels_of(shown: Shown, levels: Levels, *, blind: bool) -> list[list[UUID]]:
    """Stored levels, by the ids that the person knows."""
    return [[id_of(shown, image, blind=blind) for image in level] for level in levels]


def own_levels(
    assignment: Assignment, levels: Sequence[Sequence[UUID | str]] | None, *, blind: bool
) -> Levels:
    """What a person says of a lineup, checked, by the images' own ids. A refusal names only what they know.

    Either kind of id is taken: what waits in a browser may be older than the ids of showings.
    """
    ids = {image: str(showing) for image, showing in ids_of(assignment).items()}
    known = ids if blind else {image: image for image in ids}
    also_known = {name: known[image] for image, id in ids.items() for name in (image, id)}
    said = levels and [[also_known.get(str(id), str(id)) for id in level] for level in levels]
    images = {name: image for image, name in known.items()}
    checked = checked_levels(assignment.screen, list(images), said)
    return [[images[name] for name in level] for level in checked]


# --- How ids are made --------------------------------------------------------------------------------


def _base_of(shown: Shown) -> UUID:
    """The id that those of the showing are made from."""
    if isinstance(shown, Example):
        return shown.id
    assignment = shown if isinstance(shown, Assignment) else shown.assignment
    return assignment.shown_as_id or assignment.id


def _images_by_place(shown: Shown) -> dict[str, str]:
    if isinstance(shown, Example):
        # In an order that does not tell which one is better.
        images = [str(shown.better_id), str(shown.worse_id)]
        images.sort(key=lambda image: salted_hmac(SALT, f"{shown.id} {image}").digest())
        return dict(zip(PLACES_IN_EXAMPLE, images, strict=True))
    assignment = shown if isinstance(shown, Assignment) else shown.assignment
    images = assignment.shown or [str(assignment.left_id), str(assignment.right_id)]
    return dict(zip(PLACES, images, strict=False))


def _with(id: UUID, digit: str) -> UUID:
    return UUID(f"{id.hex[:VERSION]}{digit}{id.hex[VERSION + 1 :]}")
