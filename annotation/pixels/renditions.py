"""Renditions, what people see of a picture: how pixels become a file of a size in a format.

People judge fine differences, so the qualities are such that no encoder's artefacts decide: the structural
similarity (SSIM) to what was encoded is 0.99 and more on photographs.
"""

import io
from collections.abc import Sequence
from typing import Any

import PIL.Image

from annotation.pixels.colour import in_srgb, profile_of
from annotation.pixels.opening import Picture, plain
from annotation.pixels.sizes import FULL_SIZES, SIZES

# When any of this changes, annotation.pixels.sizes.RECIPE is raised.
AVIF: dict[str, Any] = {"quality": 90, "speed": 9, "subsampling": "4:4:4", "max_threads": 1}
WEBP: dict[str, Any] = {"quality": 95, "method": 4, "use_sharp_yuv": True}
LOSSLESS: dict[str, Any] = {"lossless": True, "quality": 0, "method": 0}
JPEG: dict[str, Any] = {"quality": 95, "subsampling": "4:4:4", "optimize": True}
FULL_JPEG = JPEG | {"quality": 97}
THUMB_QUALITY = {"quality": 85}
# Beyond it a lossless file is slow to make and to load, and nobody sees the difference.
MOST_LOSSLESS_PIXELS = 25_000_000
MOST_WEBP_SIDE, MOST_JPEG_SIDE = 16_383, 65_500
LOSSLESS_FORMATS = ("PNG", "GIF")


def quickest(picture: Picture, size: str, formats: Sequence[str]) -> tuple[str, bytes]:
    """One rendition in the quickest of the formats that fits it, and the suffix of its file."""
    longest = SIZES.get(size)
    lossless = size == "full" and _is_lossless(picture)
    shown = Shown(picture, longest).fitted(longest or MOST_JPEG_SIDE)
    lossless = lossless or shown.mode == "RGBA"
    fits = max(shown.size) <= MOST_WEBP_SIDE
    if fits and "webp" in formats and (lossless or "jpeg" not in formats):
        return "webp", _webp(shown, size, lossless)
    # A JPEG lacks something here that others shall have: it goes by another name.
    return "flat.jpeg" if lossless and fits else "jpeg", _jpeg(shown, size)


def ahead(picture: Picture, wanted: Sequence[tuple[str, str]]) -> list[bytes | None]:
    """Of one decoding, each size in each format; None where a format is none for it."""
    shown = Shown(picture, max(SIZES[size] or 0 for size, _ in wanted))
    made: list[bytes | None] = []
    for size, format in wanted:
        fitted = shown.fitted(SIZES[size] or MOST_JPEG_SIDE)
        if format == "webp":
            made.append(_webp(fitted, size, lossless=fitted.mode == "RGBA"))
        else:  # what is transparent is there as lossless WebP alone
            made.append(_saved(fitted, "AVIF", **AVIF) if fitted.mode == "RGB" else None)
    return made


class Shown:
    """A picture as people see it, in any size: upright, in sRGB; RGBA if anything of it is transparent."""

    def __init__(self, picture: Picture, longest: int | None) -> None:
        """`longest` is the largest size that will be asked for; None, its own."""
        self.picture = picture
        self.pixels = plain(picture.load(2 * longest if longest else None))
        found = picture.unpacked
        self.profile = picture.profile or profile_of(found.gamma, found.chromaticities)
        self.pixels.info.clear()
        self.last: tuple[int, PIL.Image.Image] | None = None

    def fitted(self, longest: int) -> PIL.Image.Image:
        if self.last is None or self.last[0] != longest:
            small = in_srgb(_scaled(self.pixels, longest), self.profile)
            upright = self.picture.upright(small)
            upright.info.clear()
            self.last = longest, upright
        return self.last[1]


def _is_lossless(picture: Picture) -> bool:
    few = picture.size[0] * picture.size[1] <= MOST_LOSSLESS_PIXELS
    content = picture.unpacked.content
    return few and (picture.format in LOSSLESS_FORMATS or content[12:16] == b"VP8L")


def _scaled(image: PIL.Image.Image, longest: int) -> PIL.Image.Image:
    scale = longest / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)


def _webp(image: PIL.Image.Image, size: str, lossless: bool) -> bytes:
    lossy = WEBP | (THUMB_QUALITY if size == "thumb" else {})
    return _saved(image, "WEBP", **(LOSSLESS if lossless else lossy))


def _jpeg(image: PIL.Image.Image, size: str) -> bytes:
    """What is transparent becomes white."""
    if image.mode == "RGBA":
        white = PIL.Image.new("RGBA", image.size, "white")
        image = PIL.Image.alpha_composite(white, image).convert("RGB")
    options = FULL_JPEG if size in FULL_SIZES else JPEG
    return _saved(image, "JPEG", **options | (THUMB_QUALITY if size == "thumb" else {}))


def _saved(image: PIL.Image.Image, format: str, **options: Any) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, format, **options)
    return encoded.getvalue()
