"""What a picture looks like, in 64 bits, so that nearly the same pictures can be found."""

import PIL.Image

# The grid of grey cells whose differences are a picture's look, and the square it is reduced to before.
LOOK_CELLS = (9, 8)
LOOK_SQUARE = (72, 72)


def small_square(image: PIL.Image.Image) -> PIL.Image.Image:
    return image.resize(LOOK_SQUARE, PIL.Image.Resampling.BILINEAR, reducing_gap=2.0)


def look_of(upright: PIL.Image.Image) -> int:
    """What it looks like (signed, as databases have them), of a picture in a plain mode.

    A difference hash: of 9 × 8 cells in grey, whether each is darker than its neighbour to the right. It
    survives scaling and encoding, so of nearly the same picture few bits differ. A picture without any
    structure is 0.
    """
    small = small_square(upright)
    if small.mode in ("LA", "RGBA"):
        white = PIL.Image.new("RGBA", LOOK_SQUARE, "white")
        small = PIL.Image.alpha_composite(white, small.convert("RGBA"))
    if small.mode == "CMYK":
        small = small.convert("RGB")
    cells = small.convert("L").resize(LOOK_CELLS, PIL.Image.Resampling.BOX).tobytes()
    columns, rows = LOOK_CELLS
    bits = 0
    for row in range(rows):
        for at in range(row * columns, row * columns + columns - 1):
            bits = bits << 1 | (cells[at] < cells[at + 1])
    return bits - 2**64 if bits >= 2**63 else bits
