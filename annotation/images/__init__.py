"""Pictures as bytes: what is accepted (reading), where they lie (files), and what is shown (derivatives)."""

from annotation.images.derivatives import (
    DEFAULT_SIZE,
    RECIPE,
    SCREENS,
    SIZES,
    derivative,
    derive,
)
from annotation.images.files import source_path, write_atomically
from annotation.images.negotiation import TYPES, accepted, without_marks
from annotation.images.padding import padded
from annotation.images.reading import (
    EXIF_IFD,
    EXIF_ORIENTATION,
    EXIF_USER_COMMENT,
    EXTENSIONS,
    Facts,
    inspect,
    look_of,
)

__all__ = [
    "DEFAULT_SIZE",
    "EXIF_IFD",
    "EXIF_ORIENTATION",
    "EXIF_USER_COMMENT",
    "EXTENSIONS",
    "RECIPE",
    "SCREENS",
    "SIZES",
    "TYPES",
    "Facts",
    "accepted",
    "derivative",
    "derive",
    "inspect",
    "look_of",
    "padded",
    "source_path",
    "without_marks",
    "write_atomically",
]
