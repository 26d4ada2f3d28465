"""Colours as they are meant: whatever profile a picture carries is applied, in every mode alike."""

import io
import struct

import PIL.Image
import PIL.ImageCms

from annotation.pixels.unfit import DAMAGED

SRGB = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB"))
# Of an RGB picture that says no more than its exponent: sRGB's own white, red, green and blue.
SRGB_CHROMATICITIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
# An exponent this near to sRGB's says nothing (PNG writers mean sRGB by it).
SRGB_GAMMA, GAMMA_TOLERANCE = 1 / 2.2, 0.005


def in_srgb(image: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    """A picture in a plain mode as RGB or RGBA in sRGB. A profile that is of no use is ignored."""
    if not profile:
        return _as_rgb(image)
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    opaque = image if alpha is None else image.convert(image.mode[:-1])
    converted = _converted(opaque, profile)
    if converted is None:
        return _as_rgb(image)
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _as_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    wanted = "RGBA" if image.mode in ("LA", "RGBA") else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def _converted(image: PIL.Image.Image, profile: bytes) -> PIL.Image.Image | None:
    try:
        parsed = PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if image.mode == "L" and parsed.profile.xcolor_space.strip() == "RGB":
            image = image.convert("RGB")  # browsers apply it to grey, too
        return PIL.ImageCms.profileToProfile(image, parsed, SRGB, outputMode="RGB")
    except (PIL.ImageCms.PyCMSError, *DAMAGED):
        return None


# --- A profile made of a PNG's gAMA and cHRM ----------------------------------------------------------


def profile_of(gamma: float | None, chromaticities: tuple[float, ...] | None) -> bytes:
    """An ICC profile that says the same; none if they say sRGB or nothing that makes sense."""
    if gamma is None or not 0.05 < gamma < 5:
        return b""
    if chromaticities is None:
        if abs(gamma - SRGB_GAMMA) <= GAMMA_TOLERANCE:
            return b""
        chromaticities = SRGB_CHROMATICITIES
    try:
        columns = _to_d50(chromaticities)
    except ArithmeticError:
        return b""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 / gamma)) + bytes(2)
    tags = {b"wtpt": _xyz(D50)}
    tags |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, columns), strict=True))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _icc(tags)


Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]
D50 = (0.9642, 1.0, 0.8249)
BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


def _to_d50(chromaticities: Vector) -> list[Vector]:
    """The colours of red, green and blue in XYZ, seen under D50 as profiles have them (by Bradford)."""
    white, *primaries = (
        (x / y, 1.0, (1 - x - y) / y)
        for x, y in zip(chromaticities[::2], chromaticities[1::2], strict=True)
    )
    rows = tuple(zip(*primaries, strict=True))
    strengths = _times(_inverse(rows), white)
    seen, wanted = _times(BRADFORD, white), _times(BRADFORD, D50)
    adapted = []
    for strength, primary in zip(strengths, primaries, strict=True):
        cone = _times(BRADFORD, tuple(strength * value for value in primary))
        scaled = tuple(c * w / s for c, w, s in zip(cone, wanted, seen, strict=True))
        adapted.append(_times(_inverse(BRADFORD), scaled))
    return adapted


def _times(matrix: Matrix, vector: Vector) -> Vector:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def _inverse(m: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = m
    cofactors = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0]
    return tuple(tuple(value / determinant for value in row) for row in cofactors)


def _xyz(vector: Vector) -> bytes:
    fixed = (max(-(2**31), min(2**31 - 1, round(value * 65536))) for value in vector)
    return b"XYZ " + bytes(4) + struct.pack(">3i", *fixed)


def _icc(tags: dict[bytes, bytes]) -> bytes:
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", 1) + bytes(79)} | tags
    table, data = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        value += bytes(-len(value) % 4)
        table += name + struct.pack(">2I", start + len(data), len(value))
        data += value
    body = struct.pack(">I", len(tags)) + table + data
    header = struct.pack(">I4xI4s4s4s", 128 + len(body), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + _xyz(D50)[8:]
    return header.ljust(128, b"\0") + body
