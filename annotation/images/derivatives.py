"""What is shown of a picture: re-encoded without metadata, in the sizes of screens, kept by its digest.

Originals are never served. A worker makes what most people see (AVIF and WebP of the sizes of screens)
ahead; whatever is asked for before is made at once in the format that is quickest, and AVIF never is. What
takes more than a request may take is made by a worker, too. One rendition is made once, whoever asks for it
at the same time. How they are made is in annotation.pixels.
"""

from pathlib import Path
from typing import Any

from django.conf import settings

from annotation.errors import Invalid
from annotation.images.decoder import AHEAD, REQUESTS, Pool
from annotation.images.files import content_of, one_at_a_time, write_atomically
from annotation.images.reading import invalid
from annotation.models import Image
from annotation.pixels.sizes import FULL_SIZES, RECIPE, SCREENS, SIZES

# What a worker makes ahead.
MADE_AHEAD = [
    ("thumb", "webp"),
    *((size, format) for size in SCREENS for format in ("avif", "webp")),
]


class ForWorker(Exception):
    """Making this rendition takes more than a request may take."""


def derivative(image: Image, size: str, formats: tuple[str, ...], pool: Pool = REQUESTS) -> Path:
    """A file in one of the formats, the first that is there; else the quickest of them, made now.

    Its suffix says which. If it is to be made: Gone where the original has changed, Busy where too much is
    being made, ForWorker where a request may not make it.
    """
    if path := _found(image, size, formats):
        return path
    # Of an original that is no larger than a screen, all of it is no more than a screen's size.
    if (
        pool is REQUESTS
        and size in FULL_SIZES
        and max(image.width, image.height) > largest_of_requests()
    ):
        raise ForWorker
    with pool.place(), one_at_a_time([_path(image, size, "")], wait=pool.wait):
        if path := _found(image, size, formats):
            return path
        try:
            made, (encoded,) = _decoded(image, "quickest", pool, size=size, formats=formats)
        except TooLarge as error:
            if pool is REQUESTS:
                raise ForWorker from error
            raise
        path = _path(image, size, made["suffix"])
        write_atomically(path, encoded)
        return path


def derive(image: Image) -> None:
    """All that a worker makes ahead and that is not there yet."""
    with one_at_a_time([_path(image, size, "") for size, _ in MADE_AHEAD], wait=None):
        missing = {path: made for made in MADE_AHEAD if not (path := _path(image, *made)).exists()}
        if not missing:
            return
        made, blobs = _decoded(image, "ahead", AHEAD, made=list(missing.values()))
        there = [path for path, is_there in zip(missing, made["there"], strict=True) if is_there]
        for path, content in zip(there, blobs, strict=True):
            write_atomically(path, content)


def wanted_name(size: str, formats: tuple[str, ...]) -> str:
    """A rendition as Image.wanted has it."""
    return f"{size}:{','.join(formats)}"


def make_wanted(image: Image) -> None:
    """Make, in a worker, what a request could not."""
    size, _, formats = image.wanted.partition(":")
    derivative(image, size, tuple(formats.split(",")), AHEAD)


def largest_of_requests() -> int:
    return SIZES["large"] or 0


class TooLarge(Invalid):
    """It needs more memory or time than this pool's share."""


def _decoded(image: Image, does: str, pool: Pool, **details: Any) -> Any:
    answer, blobs = pool.do(does, lambda: content_of(image), **details)
    if answer.get("unfit") in ("memory", "time"):
        raise TooLarge(str(invalid(answer)), "file")
    if "unfit" in answer:
        raise invalid(answer)
    return answer, blobs


def _found(image: Image, size: str, formats: tuple[str, ...]) -> Path | None:
    names = [*formats, *(["flat.jpeg"] if "webp" not in formats else [])]
    paths = (_path(image, size, name) for name in names)
    return next((path for path in paths if path.exists()), None)


def _path(image: Image, size: str, suffix: str) -> Path:
    """Sizes that are the same because the original is not larger have one file."""
    if size in SCREENS:
        size = str(min(SCREENS[size] or 0, max(image.width, image.height)))
    folder: Path = settings.DERIVATIVE_DIR / image.sha256[:2]
    return folder / f"{image.sha256}-{RECIPE}-{size}.{suffix}"
