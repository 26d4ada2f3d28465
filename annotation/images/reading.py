"""Pictures as bytes: what is accepted, and what is told by decoding it."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _

from annotation.errors import Invalid
from annotation.images.decoder import REQUESTS, Pool

EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".jfif", ".gif", ".webp", ".avif", ".heic", ".heif"}
)
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "HEIF")


@dataclass(frozen=True)
class Facts:
    """What decoding the whole picture told: its size as displayed, after EXIF rotation, its look, its words.

    `texts` are the text chunks of a PNG, and the comment of an EXIF block as “UserComment”.
    """

    format: str
    width: int
    height: int
    look: int
    texts: Mapping[str, str] = field(default_factory=dict)


def inspect(content: bytes | IO[bytes], pool: Pool = REQUESTS) -> Facts:
    """Decode all of it; Invalid says what is wrong, Busy that it is not its turn yet.

    A file is read when its turn has come, so that many large ones that wait take no memory.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content

    def read() -> bytes:
        file.seek(0)
        return file.read()

    _check_length(file)
    answer, _blobs = pool.do("inspect", read)
    if "unfit" in answer:
        raise invalid(answer)
    names = ("format", "width", "height", "look", "texts")
    return Facts(**{name: answer[name] for name in names})


def _check_length(file: IO[bytes]) -> None:
    file.seek(0, io.SEEK_END)
    if file.tell() > settings.MAX_UPLOAD_BYTES:
        limit = settings.MAX_UPLOAD_BYTES // 2**20
        raise Invalid(
            _("The file is larger than %(limit)s MB, the most a picture may have.")
            % {"limit": limit},
            "file",
        )


# What is wrong with a picture, by the code of annotation.pixels.
SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "unidentified": lambda told: (
        _("This is not a picture in one of the formats %(formats)s.")
        % {"formats": ", ".join(FORMATS)}
    ),
    "damaged": lambda told: (
        _("The picture is damaged and cannot be decoded: %(error)s") % {"error": told["error"]}
    ),
    "pixels": lambda told: (
        _("The picture has more than %(limit)s megapixels.")
        % {"limit": settings.MAX_IMAGE_PIXELS // 10**6}
    ),
    "bomb": lambda told: (
        _(
            "The picture claims %(megapixels)s megapixels in %(bytes)s bytes. Save it at a smaller size."
        )
        % {"megapixels": told["megapixels"], "bytes": told["bytes"]}
    ),
    "scans": lambda told: (
        _("The JPEG has more than %(most)s scans. Save it as a usual JPEG, or as a PNG.")
        % {"most": told["most"]}
    ),
    "parts": lambda told: (
        _("The PNG has more than %(most)s parts. Save it again with a usual program.")
        % {"most": f"{told['most']:,}"}
    ),
    "memory": lambda told: _(
        "Decoding the picture takes too much memory. Save it at a smaller size, or as a JPEG."
    ),
    "time": lambda told: _("Decoding the picture takes too long. Save it at a smaller size."),
}


def invalid(answer: Mapping[str, Any]) -> Invalid:
    return Invalid(SENTENCES[answer["unfit"]](answer["details"]), "file")
