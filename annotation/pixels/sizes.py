"""In which sizes pictures are shown."""

# Longest side in pixels, never more than the original's; None is the original's own.
SIZES: dict[str, int | None] = {
    "thumb": 320,
    "small": 800,
    "medium": 1600,
    "large": 2560,
    "full": None,
}
# As "full", but for annotators, who are not to learn whether the original is without loss.
WHOLE = "whole"
FULL_SIZES = ("full", WHOLE)
DEFAULT_SIZE = "medium"
# The sizes of screens, among which a browser chooses.
SCREENS = {size: SIZES[size] for size in ("small", "medium", "large")}

# Raised when what is made of a picture changes: it is part of the files' names, and a migration sets
# Image.derived to 0, so that a worker makes them anew.
RECIPE = 2
