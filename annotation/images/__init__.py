"""Pictures as bytes: what is accepted (reading), where they lie (files), and what is shown (derivatives).

Decoding and encoding happen in child processes (decoder), whose program is annotation.pixels.
"""

from annotation.images.decoder import AHEAD, IMPORTS, REQUESTS
from annotation.images.derivatives import (
    ForWorker,
    derivative,
    derive,
    make_wanted,
    wanted_name,
)
from annotation.images.files import lock_folder, source_path, write_atomically
from annotation.images.negotiation import TYPES, accepted, without_marks
from annotation.images.padding import padded
from annotation.images.reading import EXTENSIONS, Facts, inspect
from annotation.pixels.exif import EXIF_IFD, EXIF_ORIENTATION, EXIF_USER_COMMENT
from annotation.pixels.looks import look_of
from annotation.pixels.sizes import DEFAULT_SIZE, RECIPE, SCREENS, SIZES

__all__ = [
    "AHEAD",
    "DEFAULT_SIZE",
    "EXIF_IFD",
    "EXIF_ORIENTATION",
    "EXIF_USER_COMMENT",
    "EXTENSIONS",
    "IMPORTS",
    "RECIPE",
    "REQUESTS",
    "SCREENS",
    "SIZES",
    "TYPES",
    "Facts",
    "ForWorker",
    "accepted",
    "derivative",
    "derive",
    "inspect",
    "lock_folder",
    "look_of",
    "make_wanted",
    "padded",
    "source_path",
    "wanted_name",
    "without_marks",
    "write_atomically",
]
