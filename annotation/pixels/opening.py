"""Opening a picture within limits: how many pixels, how much memory; then one plain mode for every format."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import PIL.AvifImagePlugin
import PIL.GifImagePlugin
import PIL.Image
import PIL.JpegImagePlugin
import PIL.PngImagePlugin
import PIL.WebPImagePlugin
import pillow_heif

from annotation.pixels.containers import Unpacked, unpacked
from annotation.pixels.exif import TURNS, orientation_of
from annotation.pixels.unfit import DAMAGED, Unfit

# The limit is looked at here; the memory of the process is limited, too.
PIL.Image.MAX_IMAGE_PIXELS = None
warnings.simplefilter("ignore")
# One picture, one core: threads would each take memory of their own.
PIL.AvifImagePlugin.DEFAULT_MAX_THREADS = 1
pillow_heif.register_heif_opener(
    thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
)

# A large picture of almost no bytes is one colour, made to cost memory.
BOMB_PIXELS, BOMB_PIXELS_PER_BYTE = 25_000_000, 10_000
# What decoding takes for each pixel; PNG, GIF and JPEG take what their mode needs, decoded in place.
MEMORY_PER_PIXEL = {"WEBP": 13, "AVIF": 12, "HEIF": 12}
PROGRESSIVE_MEMORY_PER_PIXEL = {"L": 2, "RGB": 6, "CMYK": 8}
# Some modes are stored in a byte or two, and become three or four in what is made of them.
STORED_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}
# Formats that are turned by their EXIF block, as browsers do. Decoders turn HEIC by themselves.
TURNED_BY_EXIF = ("JPEG", "PNG", "AVIF")
# What a picture of no size at all takes: buffers, copies of the file.
LEAST_MEMORY = 8 * 2**20


@dataclass
class Picture:
    """An opened picture; its pixels are decoded by `load`."""

    image: PIL.Image.Image
    unpacked: Unpacked
    size: tuple[int, int]  # as stored
    orientation: int
    profile: bytes
    exif: bytes
    memory: int

    @property
    def format(self) -> str:
        return self.unpacked.format

    @property
    def upright_size(self) -> tuple[int, int]:
        width, height = self.size
        return (height, width) if self.orientation >= 5 else (width, height)

    def load(self, at_least: int | None = None) -> PIL.Image.Image:
        """Decode the pixels, a JPEG's at a fraction of its size if that is enough for the sides wanted."""
        if at_least:
            self.image.draft("RGB", (at_least, at_least))
        needed = _memory_needed(self.image, self.unpacked, self.size)
        if needed > self.memory:
            raise Unfit("memory", needed=needed)
        try:
            self.image.load()
        except DAMAGED as error:
            # Decoders do not say so when there is no memory left.
            if 2 * needed > self.memory:
                raise Unfit("memory", needed=needed) from error
            raise
        return self.image

    def upright(self, image: PIL.Image.Image) -> PIL.Image.Image:
        turn = TURNS.get(self.orientation)
        return image if turn is None else image.transpose(turn)


@contextmanager
def opened(content: bytes, pixels: int, memory: int) -> Iterator[Picture]:
    """The picture, if it has at most so many pixels and decoding takes at most so many bytes; else Unfit."""
    try:
        found = unpacked(content)
        if found.size:
            _check(found, found.size, len(content), pixels, memory)
        with PIL.Image.open(io.BytesIO(found.content), formats=[found.format]) as image:
            _check(found, image.size, len(content), pixels, memory)
            exif = found.exif or image.info.get("exif") or b""
            yield Picture(
                image=image,
                unpacked=found,
                size=image.size,
                orientation=orientation_of(exif) if found.format in TURNED_BY_EXIF else 1,
                profile=found.profile or image.info.get("icc_profile") or b"",
                exif=exif,
                memory=memory,
            )
    except PIL.UnidentifiedImageError:
        raise Unfit("unidentified") from None
    except MemoryError:
        raise Unfit("memory", needed=memory) from None
    except DAMAGED as error:
        raise Unfit("damaged", error=str(error)[:300]) from None


def _check(found: Unpacked, size: tuple[int, int], length: int, pixels: int, memory: int) -> None:
    count = size[0] * size[1]
    if count > pixels:
        raise Unfit("pixels")
    if count > BOMB_PIXELS and count > BOMB_PIXELS_PER_BYTE * length:
        raise Unfit("bomb", megapixels=count // 10**6, bytes=length)
    # Before the decoder is made: some take their memory then.
    needed = LEAST_MEMORY + count * MEMORY_PER_PIXEL.get(found.format, 0)
    if needed > memory:
        raise Unfit("memory", needed=needed)


def _memory_needed(image: PIL.Image.Image, found: Unpacked, stored: tuple[int, int]) -> int:
    per_pixel = MEMORY_PER_PIXEL.get(found.format) or STORED_BYTES.get(image.mode, 4)
    needed = LEAST_MEMORY + len(found.content) + image.width * image.height * per_pixel
    if found.progressive:
        # All coefficients of the whole picture, whatever the size it is decoded at.
        needed += stored[0] * stored[1] * PROGRESSIVE_MEMORY_PER_PIXEL.get(image.mode, 6)
    return needed


def plain(image: PIL.Image.Image) -> PIL.Image.Image:
    """The same picture as L, LA, RGB, RGBA or CMYK, whose pixels can be averaged; an idle alpha is dropped.

    Sixteen bits of grey become eight, which a plain conversion would clip to white instead.
    """
    if image.mode.startswith("I"):
        image = image.point(lambda grey: grey * (1 / 256)).convert("L")
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        image = image.convert("LA" if grey else "RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            return image
    if image.mode == "CMYK":
        return image
    wanted = "L" if grey else "RGB"
    return image if image.mode == wanted else image.convert(wanted)
