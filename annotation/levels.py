"""What is said of several images that were shown together, as lists of their ids, the best first.

Each image of a list is better than each of the lists after it; nothing is said within a list. So what
was chosen is kept as it was said, whether one image, the best and the worst, or the whole order.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from uuid import UUID

from django.utils.translation import gettext as _

from annotation.errors import Invalid
from annotation.models.project import Screen

Levels = list[list[str]]

# How the levels of a screen look, in the words of a refusal.
WANTED = {
    Screen.BEST: "[[the best], [all others]]",
    Screen.BEST_WORST: "[[the best], [all between], [the worst]]",
    Screen.ORDER: "a list of each image alone, the best first",
}


def checked_levels(
    screen: str, shown: Sequence[str], levels: Sequence[Sequence[UUID | str]] | None
) -> Levels:
    """The levels as they are stored, if they are an answer to this screen; Invalid says why not.

    Within a list the images stand as they were shown, so that the same answer is stored the same.
    """
    place = {str(image): at for at, image in enumerate(shown)}
    wanted = WANTED[Screen(screen)]
    if levels is None:
        raise Invalid(
            _("Say what is better than what: “levels” must be %(wanted)s.") % {"wanted": wanted},
            "levels",
        )
    said = [[str(image) for image in level] for level in levels]
    named = [image for level in said for image in level]
    strangers = [image for image in named if image not in place]
    if strangers:
        raise Invalid(
            _("“levels” names %(strangers)s, which was not shown.") % {"strangers": strangers[0]},
            "levels",
        )
    twice = [image for image in place if named.count(image) > 1]
    if twice:
        raise Invalid(_("“levels” names %(twice)s more than once.") % {"twice": twice[0]}, "levels")
    missing = [image for image in place if image not in named]
    if missing:
        raise Invalid(
            _(
                "“levels” leaves out %(missing)s: each of the %(place)s images that were "
                "shown belongs into one of its lists."
            )
            % {"missing": missing[0], "place": len(place)},
            "levels",
        )
    if [len(level) for level in said] != _sizes(screen, len(place)):
        raise Invalid(_("“levels” must be %(wanted)s.") % {"wanted": wanted}, "levels")
    return [sorted(level, key=place.__getitem__) for level in said]


def _sizes(screen: str, images: int) -> list[int]:
    if screen == Screen.BEST:
        return [1, images - 1]
    if screen == Screen.BEST_WORST:
        return [1, images - 2, 1]
    return [1] * images


def implied_pairs(levels: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Each image with each of a later level, the better one first; together they are one judgement."""
    for higher, lower in combinations(levels, 2):
        yield from product(higher, lower)


def implied_count(levels: Sequence[Sequence[str]]) -> int:
    return sum(len(higher) * len(lower) for higher, lower in combinations(levels, 2))
