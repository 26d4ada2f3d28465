"""The same picture in every mode, format and profile that a stranger's file may have."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL.Image

from annotation.pixels.colour import profile_of

Picture = PIL.Image.Image
SIZE = (96, 64)
# White, red, green and blue of Adobe RGB and of ProPhoto, both much wider than sRGB.
ADOBE = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
PROPHOTO = (0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
WIDE = profile_of(1 / 1.8, ADOBE)
ORIENTATION = 0x0112


def motif(size: tuple[int, int] = SIZE) -> Picture:
    """Soft colours from corner to corner, none of its turns like another."""
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    red = 40 + 180 * x
    green = 60 + 150 * y * x
    blue = 200 - 160 * y
    return PIL.Image.fromarray(np.stack([red, green, blue], axis=2).round().astype(np.uint8))


def glass(size: tuple[int, int] = SIZE) -> Picture:
    """The motif, more transparent from left to right."""
    image = motif(size).convert("RGBA")
    fading = np.tile(np.linspace(255, 40, size[0]).astype(np.uint8), (size[1], 1))
    image.putalpha(PIL.Image.fromarray(fading))
    return image


def encoded(image: Picture, format: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, format, **options)
    return content.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """Put chunks behind the header of a PNG."""
    return png[:33] + b"".join(chunks) + png[33:]


def sixteen_bits(image: Picture, *, profile: bytes = b"", alpha: bool = False) -> bytes:
    """As a PNG of 16 bits a channel, which Pillow does not write."""
    array = np.asarray(image.convert("RGBA" if alpha else "RGB")).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in array)
    header = struct.pack(">IIBBBBB", *image.size, 16, 6 if alpha else 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    if profile:
        png += chunk(b"iCCP", b"wide\0\0" + zlib.compress(profile))
    return png + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def gamma(exponent: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(exponent * 100_000)))


def chromaticities(numbers: tuple[float, ...]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(number * 100_000) for number in numbers)))


def grey_profile(exponent: float) -> bytes:
    """An ICC profile for grey pictures."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 * exponent)) + bytes(2)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    text = b"desc" + bytes(4) + struct.pack(">I", 1) + bytes(80)
    table, data = b"", b""
    for name, value in ((b"desc", text), (b"wtpt", white), (b"kTRC", curve)):
        value += bytes(-len(value) % 4)
        table += name + struct.pack(">2I", 128 + 4 + 36 + len(data), len(value))
        data += value
    body = struct.pack(">I", 3) + table + data
    header = struct.pack(">I4xI4s4s4s", 128 + len(body), 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + white[8:]
    return header.ljust(128, b"\0") + body


def exif(orientation: int) -> PIL.Image.Exif:
    block = PIL.Image.Exif()
    block[ORIENTATION] = orientation
    return block


def exif_with_text(orientation: bytes) -> bytes:
    """A block whose orientation is a text, as some programs write it."""
    entry = struct.pack("<HHI4s", ORIENTATION, 2, 2, orientation.ljust(4, b"\0"))
    return b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4)


def strange(seed: int = 1) -> dict[str, bytes]:
    """Sound pixels with metadata that makes no sense, by what is wrong."""
    image = motif()
    png, jpeg = encoded(image, "PNG"), encoded(image, "JPEG", quality=95)
    noise = np.random.default_rng(seed).bytes(3 * 2**20)
    long_text = b"x" * (5 * 2**20)
    app = lambda code, data: b"\xff" + bytes([code]) + struct.pack(">H", len(data) + 2) + data  # noqa: E731
    behind = lambda segment: jpeg[:2] + segment + jpeg[2:]  # noqa: E731
    return {
        "jpeg: exif of noise": behind(app(0xE1, b"Exif\0\0" + noise[:400])),
        "jpeg: exif that points nowhere": behind(
            app(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\xff\xff\xff\xff\xff\xff")
        ),
        "jpeg: orientation as text": behind(app(0xE1, exif_with_text(b"6"))),
        "jpeg: JFIF cut short": behind(app(0xE0, b"JFIF\0\1")),
        "jpeg: Adobe cut short": behind(app(0xEE, b"Adobe")),
        "jpeg: profile of noise": behind(app(0xE2, b"ICC_PROFILE\0\1\1" + noise[:500])),
        "jpeg: second part of a profile alone": behind(app(0xE2, b"ICC_PROFILE\0\2\2" + WIDE)),
        "jpeg: multi-picture of noise": behind(app(0xE2, b"MPF\0" + noise[:100])),
        "jpeg: photoshop cut short": behind(app(0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\0\0\xff")),
        "png: exif of noise": with_chunks(png, chunk(b"eXIf", noise[:400])),
        "png: profile of noise": with_chunks(png, chunk(b"iCCP", b"x\0\0" + noise[:400])),
        "png: profile over 1 MB": with_chunks(png, chunk(b"iCCP", b"x\0\0" + zlib.compress(noise))),
        "png: profile over 8 MB": with_chunks(
            png, chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(9 * 2**20)))
        ),
        "png: zTXt over 1 MB": with_chunks(
            png, chunk(b"zTXt", b"note\0\0" + zlib.compress(long_text))
        ),
        "png: iTXt over 1 MB": with_chunks(
            png, chunk(b"iTXt", b"note\0\1\0\0\0" + zlib.compress(long_text))
        ),
        "png: many texts": with_chunks(
            png, *(chunk(b"tEXt", b"note%d\0" % n + long_text[:900_000]) for n in range(70))
        ),
        "png: text of noise": with_chunks(png, chunk(b"iTXt", noise[:50]), chunk(b"zTXt", b"a")),
        "png: gAMA and cHRM of noise": with_chunks(
            png, chunk(b"gAMA", b"\xff"), chunk(b"cHRM", bytes(32)), chunk(b"pHYs", b"1")
        ),
        "png: a checksum that is wrong": with_chunks(png, chunk(b"tEXt", b"a\0b")[:-1] + b"?"),
        "webp: exif of noise": encoded(image, "WEBP", quality=95, exif=noise[:300]),
        "webp: profile of noise": encoded(image, "WEBP", quality=95, icc_profile=noise[:300]),
        "avif: profile of noise": encoded(image, "AVIF", quality=95, icc_profile=noise[:300]),
    }


def coloured() -> Iterator[tuple[str, bytes]]:
    """One motif in every mode, with the same wide profile where it has one."""
    image, clear = motif(), glass()
    wide: dict[str, Any] = {"icc_profile": WIDE}
    palette = image.quantize(128)
    grey = image.convert("L")
    clear_palette = palette.copy()
    yield "png RGB", encoded(image, "PNG", **wide)
    yield "png RGBA, opaque", encoded(image.convert("RGBA"), "PNG", **wide)
    yield "png RGBA", encoded(clear, "PNG", **wide)
    yield "png P", encoded(palette, "PNG", **wide)
    yield "png P, a colour clear", encoded(clear_palette, "PNG", transparency=7, **wide)
    yield (
        "png P, colours half clear",
        encoded(clear_palette, "PNG", transparency=bytes(range(0, 256, 2)), **wide),
    )
    yield (
        "png RGB, a colour clear",
        encoded(image, "PNG", transparency=image.getpixel((0, 0)), **wide),
    )
    yield "png 16 bits", sixteen_bits(image, profile=WIDE)
    yield "png 16 bits, alpha", sixteen_bits(clear, profile=WIDE, alpha=True)
    yield "png L, its own profile", encoded(grey, "PNG", icc_profile=grey_profile(1.2))
    yield (
        "png LA, its own profile",
        encoded(clear.convert("LA"), "PNG", icc_profile=grey_profile(1.2)),
    )
    yield "png L, profile of colours", encoded(grey, "PNG", **wide)
    yield "png LA, profile of colours", encoded(clear.convert("LA"), "PNG", **wide)
    yield "png L", encoded(grey, "PNG")
    yield "png LA", encoded(clear.convert("LA"), "PNG")
    yield "png 1", encoded(image.convert("1"), "PNG")
    sixteen = np.asarray(grey).astype(np.uint16) * 257
    yield "png 16 bits of grey", encoded(PIL.Image.fromarray(sixteen), "PNG")
    plain = encoded(image, "PNG")
    yield "png linear gAMA", with_chunks(plain, gamma(1.0))
    yield "png gAMA and cHRM", with_chunks(plain, gamma(0.45455), chromaticities(ADOBE))
    yield "png gAMA of sRGB", with_chunks(plain, gamma(0.45455))
    yield "png sRGB before gAMA", with_chunks(plain, chunk(b"sRGB", b"\0"), gamma(1.0))
    yield "png RGBA, linear gAMA", with_chunks(encoded(clear, "PNG"), gamma(1.0))
    yield "png L, linear gAMA", with_chunks(encoded(grey, "PNG"), gamma(1.0))
    yield "png P, linear gAMA", with_chunks(encoded(palette, "PNG"), gamma(1.0))
    yield "png cHRM alone", with_chunks(plain, chromaticities(PROPHOTO))
    yield "jpeg", encoded(image, "JPEG", quality=95, **wide)
    yield "jpeg, progressive", encoded(image, "JPEG", quality=95, progressive=True, **wide)
    yield "jpeg L, profile of colours", encoded(grey, "JPEG", quality=95, **wide)
    yield (
        "jpeg L, its own profile",
        encoded(grey, "JPEG", quality=95, icc_profile=grey_profile(1.2)),
    )
    yield "jpeg CMYK", encoded(image.convert("CMYK"), "JPEG", quality=95)
    yield "jpeg RGB stored", encoded(image, "JPEG", quality=95, keep_rgb=True, **wide)
    yield "webp", encoded(image, "WEBP", quality=95, **wide)
    yield "webp, lossless", encoded(image, "WEBP", lossless=True, **wide)
    yield "webp RGBA", encoded(clear, "WEBP", lossless=True, **wide)
    yield "avif", encoded(image, "AVIF", quality=95, subsampling="4:4:4", **wide)
    yield "avif RGBA", encoded(clear, "AVIF", quality=95, subsampling="4:4:4", **wide)
    yield "gif", encoded(palette, "GIF")
    yield "gif, a colour clear", encoded(clear_palette, "GIF", transparency=7)


def turned() -> Iterator[tuple[str, bytes]]:
    """One motif with each orientation, also those that there are not, in each format that has them."""
    image = motif()
    for number in range(10):
        for format in ("JPEG", "PNG", "WEBP"):
            options = {} if format == "PNG" else {"quality": 95}
            yield (
                f"{format.lower()} turned {number}",
                encoded(image, format, exif=exif(number), **options),
            )
        if number in range(1, 9):
            yield f"avif turned {number}", encoded(image, "AVIF", quality=95, exif=exif(number))
    yield from ((name, content) for name, content in strange().items() if "text" in name)


# --- Pictures that cost more than they are worth ------------------------------------------------------


def tiny_webp(width: int, height: int) -> bytes:
    """One colour, without loss: some forty bytes, whatever the size."""
    content = bytearray(encoded(PIL.Image.new("RGB", (16, 16), "red"), "WEBP", lossless=True))
    bits = int.from_bytes(content[21:25], "little") & ~0xFFFFFFF
    content[21:25] = (bits | (width - 1) | (height - 1) << 14).to_bytes(4, "little")
    return bytes(content)


def many_scans(count: int, size: tuple[int, int] = (2000, 1500)) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    content = encoded(motif(size), "JPEG", progressive=True, quality=60)
    last, end = content.rindex(b"\xff\xda"), content.rindex(b"\xff\xd9")
    return content[:end] + content[last:end] * count + content[end:]


def huge_png(width: int, height: int, *, channels: int = 3) -> bytes:
    """Black, a thousandth of its pixels in bytes."""
    squeeze = zlib.compressobj(1)
    row = bytes(1 + channels * width)
    data = b"".join([squeeze.compress(row) for _ in range(height)] + [squeeze.flush()])
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def wide_gif() -> bytes:
    """One pixel on a canvas of almost as many as are allowed."""
    content = bytearray(encoded(PIL.Image.new("P", (1, 1)), "GIF"))
    content[6:10] = struct.pack("<HH", 65_535, 1_500)
    return bytes(content)
