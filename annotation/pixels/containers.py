"""The container around the pixels, walked part by part before any decoder sees it.

`unpacked` takes the metadata out and leaves what the pixels need, so that metadata that makes no sense never
refuses a picture that decodes; and it counts the parts, so that a small file cannot ask for hours of work.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from annotation.pixels.unfit import Unfit

# A progressive photograph has ten scans, from mozjpeg up to twenty; each costs a pass over all pixels.
MAX_JPEG_SCANS = 50
# Of 1 kB each, they fill the largest file that is allowed.
MAX_PNG_CHUNKS = 65_536
# Larger profiles and texts are as if they were not there.
MAX_PROFILE_BYTES = 8 * 2**20
MAX_TEXT_BYTES = 4 * 2**20
MAX_TEXTS_BYTES = 8 * 2**20

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass
class Unpacked:
    """A file without its metadata, and the metadata as it stood there, none of it believed."""

    format: str
    content: bytes
    # Width and height where they are told here; decoders tell them for the other formats.
    size: tuple[int, int] | None = None
    progressive: bool = False
    profile: bytes = b""
    exif: bytes = b""
    texts: dict[str, str] = field(default_factory=dict)
    # The exponent of a PNG's gAMA, and the eight numbers of its cHRM: white, red, green, blue (x, y).
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None


def unpacked(content: bytes) -> Unpacked:
    """Raises Unfit if it is no format of ours, or has more parts than any sound picture."""
    for begins, unpack in READERS:
        if begins(content):
            return unpack(content)
    raise Unfit("unidentified")


# --- PNG ---------------------------------------------------------------------------------------------

KEPT_PNG_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def _png(content: bytes) -> Unpacked:
    kept = [PNG_SIGNATURE]
    found = Unpacked("PNG", b"")
    first: dict[bytes, bytes] = {}
    text_chunks: list[tuple[bytes, bytes]] = []
    for kind, data, whole in _png_chunks(content):
        if kind in KEPT_PNG_CHUNKS:
            kept.append(whole)
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            text_chunks.append((kind, data))
        else:
            first.setdefault(kind, data)
    found.content = b"".join(kept)
    found.exif = first.get(b"eXIf", b"")
    found.profile = _png_profile(first.get(b"iCCP", b""))
    if b"sRGB" not in first:
        found.gamma, found.chromaticities = _gamma_and_chromaticities(first)
    found.texts = _png_texts(text_chunks)
    return found


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Kind, data and all bytes of each chunk, up to the end; a chunk that is cut is the last."""
    at = len(PNG_SIGNATURE)
    for _ in range(MAX_PNG_CHUNKS):
        if at + 8 > len(content):
            return
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        yield kind, content[at + 8 : at + 8 + length], content[at:end]
        if kind == b"IEND":
            return
        at = end
    raise Unfit("parts", most=MAX_PNG_CHUNKS)


def _png_profile(chunk: bytes) -> bytes:
    _, _, rest = chunk.partition(b"\0")
    return _inflated(rest[1:], MAX_PROFILE_BYTES) or b""


def _inflated(data: bytes, most: int) -> bytes | None:
    """None for what is damaged or becomes longer than `most`."""
    inflate = zlib.decompressobj()
    try:
        plain = inflate.decompress(data, most)
    except zlib.error:
        return None
    return None if inflate.unconsumed_tail else plain


def _gamma_and_chromaticities(
    chunks: dict[bytes, bytes],
) -> tuple[float | None, tuple[float, ...] | None]:
    gamma = chromaticities = None
    if len(data := chunks.get(b"gAMA", b"")) == 4 and (number := struct.unpack(">I", data)[0]):
        gamma = number / 100_000
    if len(data := chunks.get(b"cHRM", b"")) == 32:
        chromaticities = tuple(number / 100_000 for number in struct.unpack(">8I", data))
    return gamma, chromaticities


def _png_texts(chunks: list[tuple[bytes, bytes]]) -> dict[str, str]:
    texts: dict[str, str] = {}
    room = MAX_TEXTS_BYTES
    for kind, data in chunks:
        key, _, rest = data.partition(b"\0")
        text = _png_text(kind, rest, min(MAX_TEXT_BYTES, room))
        if text:
            room -= len(text)
            texts[key.decode("latin-1")] = text
    return texts


def _png_text(kind: bytes, rest: bytes, most: int) -> str:
    plain: bytes | None = rest
    if kind == b"zTXt":
        plain = _inflated(rest[1:], most)
    elif kind == b"iTXt":
        compressed = rest[:1] == b"\1"
        *_, plain = (rest[2:].split(b"\0", 2) + [b""] * 2)[:3]
        plain = _inflated(plain, most) if compressed else plain
    if plain is None or len(plain) > most:
        return ""
    return plain.decode("utf-8", "replace") if kind == b"iTXt" else plain.decode("latin-1")


# --- JPEG --------------------------------------------------------------------------------------------

MARKER = re.compile(rb"\xff+([^\x00\xff])")
# In entropy-coded data, a restart marker is part of it.
MARKER_AFTER_SCAN = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN, COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
WITHOUT_LENGTH = {0x01, START_OF_IMAGE, *range(0xD0, 0xD8)}
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
EXIF_START, PROFILE_START = b"Exif\0\0", b"ICC_PROFILE\0"


def _jpeg(content: bytes) -> Unpacked:
    kept = [b"\xff\xd8"]
    found = Unpacked("JPEG", b"")
    profile: dict[int, bytes] = {}
    at, scans, parts = 2, 0, 0
    # Until the first scan part by part; from there on all, of which only the scans are counted.
    while marker := (MARKER_AFTER_SCAN if scans else MARKER).search(content, at):
        code, at = marker[1][0], marker.end()
        if code == END_OF_IMAGE:
            break
        if code in WITHOUT_LENGTH:
            continue
        end = at + max(2, int.from_bytes(content[at : at + 2], "big"))
        data = content[at + 2 : end]
        if code == START_OF_SCAN:
            if not scans:
                kept.append(b"\xff" + marker[1])
                rest = at
            scans += 1
            if scans > MAX_JPEG_SCANS:
                raise Unfit("scans", most=MAX_JPEG_SCANS)
        elif not scans:
            found.progressive = found.progressive or code in PROGRESSIVE
            if code == 0xE1 and data.startswith(EXIF_START) and not found.exif:
                found.exif = data
            elif code == 0xE2 and data.startswith(PROFILE_START) and len(data) > 14:
                profile[data[12]], parts = data[14:], data[13]
            if _decides_on_pixels(code, data):
                kept.append(b"\xff" + marker[1] + content[at:end])
        at = end
    if scans:
        kept.append(content[rest:])
    found.content = b"".join(kept)
    if sorted(profile) == list(range(1, parts + 1)):  # all parts of it
        found.profile = b"".join(profile[part] for part in sorted(profile))
    return found


def _decides_on_pixels(code: int, data: bytes) -> bool:
    """Tables and frames do; of the rest only JFIF's and Adobe's word on the colours, if it is whole."""
    if code == 0xE0:
        return data.startswith(b"JFIF\0") and len(data) >= 14
    if code == 0xEE:
        return data.startswith(b"Adobe") and len(data) >= 12
    return not 0xE0 <= code <= 0xEF and code != COMMENT


# --- WebP --------------------------------------------------------------------------------------------


def _webp(content: bytes) -> Unpacked:
    """Only the size is told here: its decoder takes memory for all pixels as soon as it is made."""
    kind = content[12:16]
    size = None
    if kind == b"VP8X" and len(content) >= 30:
        width, height = (int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
        size = width + 1, height + 1
    elif kind == b"VP8L" and len(content) >= 25:
        bits = int.from_bytes(content[21:25], "little")
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 " and len(content) >= 30:
        width, height = (int.from_bytes(content[at : at + 2], "little") for at in (26, 28))
        size = width & 0x3FFF, height & 0x3FFF
    if size is None:
        raise Unfit("unidentified")
    return Unpacked("WEBP", content, size)


# --- What else -----------------------------------------------------------------------------------------

AVIF_BRANDS = (b"avif", b"avis")


def _iso(content: bytes) -> Unpacked:
    """AVIF by its brand, else HEIF, whose decoder says if it is not."""
    # A general brand first leaves it to those that follow.
    brands = content[8:12] + content[16 : min(int.from_bytes(content[:4], "big"), 128)]
    named = {brands[at : at + 4] for at in range(0, len(brands), 4)}
    return Unpacked("AVIF" if named & set(AVIF_BRANDS) else "HEIF", content)


READERS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Unpacked]], ...] = (
    (lambda content: content.startswith(PNG_SIGNATURE), _png),
    (lambda content: content.startswith(b"\xff\xd8\xff"), _jpeg),
    (lambda content: content.startswith(b"RIFF") and content[8:12] == b"WEBP", _webp),
    (lambda content: content.startswith((b"GIF87a", b"GIF89a")), lambda c: Unpacked("GIF", c)),
    (lambda content: content[4:8] == b"ftyp", _iso),
)
