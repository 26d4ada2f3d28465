"""Pictures as bytes: what is accepted, and what is told by decoding it."""

import io
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
import pillow_heif
from django.conf import settings
from django.utils.translation import gettext as _

from annotation.errors import Invalid

pillow_heif.register_heif_opener(thumbnails=False)

EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".jfif", ".gif", ".webp", ".avif", ".heic", ".heif"}
)
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "HEIF")
# Twice as many are an error in Pillow; the limit itself is looked at where a picture is opened, since its
# warning could be made an error only for all threads at once.
PIL.Image.MAX_IMAGE_PIXELS = settings.MAX_IMAGE_PIXELS
warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)

# What decoders raise for bytes that make no sense.
DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    struct.error,
)

EXIF_ORIENTATION = 0x0112
EXIF_IFD = 0x8769
EXIF_USER_COMMENT = 0x9286
# The grid of grey cells whose differences are a picture's look, and the square it is reduced to before.
LOOK_CELLS = (9, 8)
LOOK_SQUARE = (72, 72)


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


def inspect(content: bytes) -> Facts:
    """Decode all of it, since only that finds a truncated file; Invalid says what is wrong."""
    with decoded(content) as picture:
        width, height = picture.size
        # A JPEG is read to its end without being decoded at full size; other formats ignore this.
        picture.draft("RGB", LOOK_SQUARE)
        picture.load()
        if picture.getexif().get(EXIF_ORIENTATION, 1) >= 5:
            width, height = height, width
        return Facts(picture.format or "", width, height, look_of(picture), _texts_of(picture))


def look_of(picture: PIL.Image.Image) -> int:
    """What it looks like, as displayed, in 64 bits (signed, as databases have them).

    A difference hash: of 9 × 8 cells in grey, whether each is darker than its neighbour to the right. It
    survives scaling and encoding, so of nearly the same picture few bits differ. A picture without any
    structure is 0.
    """
    small = _resizable(picture).resize(LOOK_SQUARE, PIL.Image.Resampling.BILINEAR, reducing_gap=2.0)
    upright = PIL.ImageOps.exif_transpose(small)
    if upright.mode == "RGBA":
        upright = PIL.Image.alpha_composite(PIL.Image.new("RGBA", LOOK_SQUARE, "white"), upright)
    cells = upright.convert("L").resize(LOOK_CELLS, PIL.Image.Resampling.BOX).tobytes()
    columns, rows = LOOK_CELLS
    bits = 0
    for row in range(rows):
        for at in range(row * columns, row * columns + columns - 1):
            bits = bits << 1 | (cells[at] < cells[at + 1])
    return bits - 2**64 if bits >= 2**63 else bits


@contextmanager
def decoded(content: bytes) -> Iterator[PIL.Image.Image]:
    """The picture, opened but not loaded; what goes wrong with it inside is Invalid."""
    if len(content) > settings.MAX_UPLOAD_BYTES:
        limit = settings.MAX_UPLOAD_BYTES // 2**20
        raise Invalid(
            _("The file is larger than %(limit)s MB, the most a picture may have.")
            % {"limit": limit},
            "file",
        )
    try:
        with PIL.Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            if picture.width * picture.height > settings.MAX_IMAGE_PIXELS:
                raise PIL.Image.DecompressionBombError
            yield picture
    except PIL.Image.DecompressionBombError:
        limit = settings.MAX_IMAGE_PIXELS // 10**6
        raise Invalid(
            _("The picture has more than %(limit)s megapixels.") % {"limit": limit}, "file"
        ) from None
    except PIL.UnidentifiedImageError:
        raise Invalid(
            _("This is not a picture in one of the formats %(formats)s.")
            % {"formats": ", ".join(FORMATS)},
            "file",
        ) from None
    except (*DAMAGED, MemoryError) as error:
        raise Invalid(
            _("The picture is damaged and cannot be decoded: %(error)s") % {"error": error}, "file"
        ) from None


def _resizable(picture: PIL.Image.Image) -> PIL.Image.Image:
    """In a mode whose pixels can be averaged: a palette's numbers cannot."""
    eight = eight_bits(picture)
    if eight.has_transparency_data:
        return eight.convert("RGBA")
    return eight if eight.mode in ("L", "RGB") else eight.convert("RGB")


def _texts_of(picture: PIL.Image.Image) -> dict[str, str]:
    texts = {key: str(text) for key, text in getattr(picture, "text", {}).items() if text}
    try:
        comment = picture.getexif().get_ifd(EXIF_IFD).get(EXIF_USER_COMMENT)
    except DAMAGED:
        return texts  # A damaged EXIF block says nothing; the picture is none the worse.
    if isinstance(comment, bytes):
        comment = _user_comment(comment)
    if isinstance(comment, str) and comment.strip("\0 "):
        texts["UserComment"] = comment.strip("\0 ")
    return texts


def _user_comment(comment: bytes) -> str:
    """As EXIF has it: eight bytes name the encoding."""
    encoding, text = comment[:8], comment[8:]
    if encoding == b"UNICODE\0":
        # Either order of bytes is found, whatever the block's own; Latin letters show where the zeros are.
        big = text[0::2].count(0) >= text[1::2].count(0)
        return text.decode("utf-16-be" if big else "utf-16-le", "replace")
    if encoding in (b"ASCII\0\0\0", b"\0" * 8):
        return text.decode("utf-8", "replace")
    return comment.decode("utf-8", "replace")


def eight_bits(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Sixteen bits of grey as eight, which a plain conversion would clip to white instead."""
    if not picture.mode.startswith("I"):
        return picture
    return picture.point(lambda grey: grey * (1 / 256)).convert("L")


def in_srgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    """With an embedded colour profile applied, since the derivative carries none."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "L", "CMYK"):
        return picture
    try:
        exif = picture.getexif()
        converted = PIL.ImageCms.profileToProfile(
            picture,
            PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            PIL.ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (PIL.ImageCms.PyCMSError, OSError):
        return picture  # An unusable profile: the numbers as they are.
    assert converted is not None
    converted.getexif().update(exif)
    return converted
