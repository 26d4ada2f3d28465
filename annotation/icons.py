"""The program's icon as PNG, for home screens: drawn from icon.svg, so that there is but one."""

import io
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import PIL.Image
import PIL.ImageDraw

SOURCE = Path(__file__).parent / "static" / "annotation" / "icon.svg"
SIDE = 32  # of the drawing in the file
FINER = 8  # drawn so many times as large, for smooth corners
# Of an icon that the system cuts to a shape of its own, it may cut off all outside a circle of 80 %.
SAFE = 0.85

SIZES = {"whole": (180, 192, 512), "maskable": (192, 512)}


@cache
def icon(kind: str, size: int) -> bytes:
    """`whole` as it is; `maskable` with its ground to all edges, and the rest where nothing is cut off."""
    ground, *parts = (shape.attrib for shape in ElementTree.parse(SOURCE).getroot())  # noqa: S314 - ours
    side = size * FINER
    picture = PIL.Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = PIL.ImageDraw.Draw(picture)
    if kind == "maskable":
        draw.rectangle((0, 0, side, side), fill=ground["fill"])
    else:
        _draw(draw, ground, side / SIDE, 0)
    inner = SAFE if kind == "maskable" else 1.0
    for part in parts:
        _draw(draw, part, inner * side / SIDE, side * (1 - inner) / 2)
    encoded = io.BytesIO()
    picture.resize((size, size), PIL.Image.Resampling.LANCZOS).save(encoded, "PNG", optimize=True)
    return encoded.getvalue()


def _draw(draw: PIL.ImageDraw.ImageDraw, shape: dict[str, str], scale: float, shift: float) -> None:
    x, y, width, height, round_ = (
        scale * float(shape.get(name, 0)) for name in ("x", "y", "width", "height", "rx")
    )
    corners = (shift + x, shift + y, shift + x + width, shift + y + height)
    draw.rounded_rectangle(corners, round_, fill=shape["fill"])
