"""What is shown of a picture: re-encoded without metadata, in the sizes of screens, kept by its digest.

Originals are never served. A worker makes what most people see (AVIF and WebP of the sizes of screens)
ahead; whatever is asked for before is made at once in the format that is quickest, and AVIF never is.
People judge fine differences, so the qualities are such that no encoder's artefacts decide: the structural
similarity (SSIM) to what was encoded is 0.99 and more on photographs.
"""

import io
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.ImageOps
from django.conf import settings

from annotation.images.files import content_of, write_atomically
from annotation.images.negotiation import WHOLE
from annotation.images.reading import decoded, eight_bits, in_srgb
from annotation.models import Image

# Longest side in pixels, never more than the original's; None is the original's own.
SIZES: dict[str, int | None] = {
    "thumb": 320,
    "small": 800,
    "medium": 1600,
    "large": 2560,
    "full": None,
}
DEFAULT_SIZE = "medium"
# The sizes of screens, among which a browser chooses.
SCREENS = {size: SIZES[size] for size in ("small", "medium", "large")}
# What a worker makes ahead.
AHEAD = [("thumb", "webp"), *((size, format) for size in SCREENS for format in ("avif", "webp"))]

# Raised when any of the below changes: it is part of the files' names, and a migration sets Image.derived to
# 0, so that a worker makes them anew.
RECIPE = 1
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


def derivative(image: Image, size: str, formats: tuple[str, ...]) -> Path:
    """A file in one of the formats, the first that is there; else the quickest of them, made now.

    Its suffix says which. Gone if it is to be made and the original has changed.
    """
    for format in formats:
        if (path := _path(image, size, format)).exists():
            return path
    if "webp" not in formats and (path := _path(image, size, "flat.jpeg")).exists():
        return path
    content = content_of(image)
    with decoded(content) as opened:
        lossless = size == "full" and _is_lossless(opened, content)
        picture = _fitted(_shown(opened, SIZES.get(size)), SIZES.get(size) or MOST_JPEG_SIDE)
        lossless = lossless or picture.mode == "RGBA"
        fits = max(picture.size) <= MOST_WEBP_SIDE
        if fits and "webp" in formats and (lossless or "jpeg" not in formats):
            name, encoded = "webp", _webp(picture, size, lossless)
        else:
            # A JPEG lacks something here that others shall have: it goes by another name.
            name = "flat.jpeg" if lossless and fits else "jpeg"
            encoded = _jpeg(picture, size)
    path = _path(image, size, name)
    write_atomically(path, encoded)
    return path


def derive(image: Image) -> None:
    """All that a worker makes ahead and that is not there yet."""
    missing = {path: made for made in AHEAD if not (path := _path(image, *made)).exists()}
    if not missing:
        return
    longest = max(SIZES[size] or 0 for size, _ in missing.values())
    encoded = {}
    with decoded(content_of(image)) as opened:
        shown = _shown(opened, longest)
        for path, (size, format) in missing.items():
            picture = _fitted(shown, SIZES[size] or 0)
            if format == "webp":
                encoded[path] = _webp(picture, size, lossless=picture.mode == "RGBA")
            elif picture.mode == "RGB":  # what is transparent is there as lossless WebP alone
                encoded[path] = _saved(picture, "AVIF", **AVIF)
    for path, content in encoded.items():
        write_atomically(path, content)


def _path(image: Image, size: str, suffix: str) -> Path:
    """Sizes that are the same because the original is not larger have one file."""
    if size in SCREENS:
        size = str(min(SCREENS[size] or 0, max(image.width, image.height)))
    folder: Path = settings.DERIVATIVE_DIR / image.sha256[:2]
    return folder / f"{image.sha256}-{RECIPE}-{size}.{suffix}"


def _is_lossless(opened: PIL.Image.Image, content: bytes) -> bool:
    few = opened.width * opened.height <= MOST_LOSSLESS_PIXELS
    return few and (opened.format in LOSSLESS_FORMATS or content[12:16] == b"VP8L")


# --- Pixels ------------------------------------------------------------------------------------------


def _shown(opened: PIL.Image.Image, longest: int | None) -> PIL.Image.Image:
    """As people see it: upright, in sRGB, RGB or (if anything of it is transparent) RGBA, without metadata.

    At least twice as large as `longest`, where the original is.
    """
    if longest:
        # A JPEG is decoded at a fraction of its size, which is much quicker; other formats ignore this.
        opened.draft("RGB", (2 * longest, 2 * longest))
    upright = PIL.ImageOps.exif_transpose(in_srgb(eight_bits(opened)))
    shown = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    if shown.mode == "RGBA" and shown.getchannel("A").getextrema() == (255, 255):
        shown = shown.convert("RGB")
    shown.info.clear()
    return shown


def _fitted(picture: PIL.Image.Image, longest: int) -> PIL.Image.Image:
    scale = longest / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)


def _webp(picture: PIL.Image.Image, size: str, lossless: bool) -> bytes:
    lossy = WEBP | (THUMB_QUALITY if size == "thumb" else {})
    return _saved(picture, "WEBP", **(LOSSLESS if lossless else lossy))


def _jpeg(picture: PIL.Image.Image, size: str) -> bytes:
    """What is transparent becomes white."""
    if picture.mode == "RGBA":
        white = PIL.Image.new("RGBA", picture.size, "white")
        picture = PIL.Image.alpha_composite(white, picture).convert("RGB")
    options = FULL_JPEG if size in ("full", WHOLE) else JPEG
    return _saved(picture, "JPEG", **options | (THUMB_QUALITY if size == "thumb" else {}))


def _saved(picture: PIL.Image.Image, format: str, **options: Any) -> bytes:
    encoded = io.BytesIO()
    picture.save(encoded, format, **options)
    return encoded.getvalue()
