"""What an EXIF block says, as far as it makes sense; a block that does not says nothing."""

import PIL.Image

from annotation.pixels.unfit import DAMAGED

EXIF_ORIENTATION = 0x0112
EXIF_IFD = 0x8769
EXIF_USER_COMMENT = 0x9286

# How to turn what is stored, so that it stands upright; 1 is upright already.
TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}


def orientation_of(block: bytes) -> int:
    """1 to 8; whatever else stands there is 1, as browsers have it."""
    try:
        stored = _parsed(block).get(EXIF_ORIENTATION, 1)
    except DAMAGED:
        return 1
    return stored if isinstance(stored, int) and stored in TURNS else 1


def user_comment_of(block: bytes) -> str:
    try:
        comment = _parsed(block).get_ifd(EXIF_IFD).get(EXIF_USER_COMMENT)
        if isinstance(comment, bytes):
            comment = _decoded(comment)
    except DAMAGED:
        return ""
    return comment.strip("\0 ") if isinstance(comment, str) else ""


def _parsed(block: bytes) -> PIL.Image.Exif:
    parsed = PIL.Image.Exif()
    if block:
        parsed.load(block)
    return parsed


def _decoded(comment: bytes) -> str:
    """As EXIF has it: eight bytes name the encoding."""
    encoding, text = comment[:8], comment[8:]
    if encoding == b"UNICODE\0":
        # Either order of bytes is found, whatever the block's own; Latin letters show where the zeros are.
        big = text[0::2].count(0) >= text[1::2].count(0)
        return text.decode("utf-16-be" if big else "utf-16-le", "replace")
    if encoding in (b"ASCII\0\0\0", b"\0" * 8):
        return text.decode("utf-8", "replace")
    return comment.decode("utf-8", "replace")
