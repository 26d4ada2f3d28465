"""In which format a picture is sent: the best that the asker takes, by its Accept header."""

from annotation.pixels.sizes import WHOLE

# The best first: what is a tie to the asker is decided by this order.
TYPES = {"avif": "image/avif", "webp": "image/webp", "jpeg": "image/jpeg"}
LONGEST_HEADER = 2000


def accepted(header: str) -> tuple[str, ...]:
    """The formats to choose from, the asker's favourites first; JPEG if the header fits none.

    Who says “anything” takes WebP and JPEG, which everything reads by now; AVIF must be named. A refusal
    (q=0) holds, and what is said of a format itself counts more than what is said of all.
    """
    said = dict(_range(part) for part in (header or "*/*")[:LONGEST_HEADER].split(","))
    anything = said.get("image/*", said.get("*/*", 0.0))
    wanted = {
        format: said.get(type, 0.0 if format == "avif" else anything)
        for format, type in TYPES.items()
    }
    chosen = [format for format in wanted if wanted[format] > 0]
    return tuple(sorted(chosen, key=lambda format: -wanted[format])) or ("jpeg",)


def without_marks(size: str, formats: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the size and formats in which a showing is sent.

    What comes tells neither what the original is nor what was asked for before. So the asker's favourites do
    not count, the whole picture is never sent without loss, and nobody has one made in a format that is then
    sent to whoever asks in another way.
    """
    ordered = tuple(format for format in TYPES if format in formats)
    if size != "full":
        return size, ordered
    # What is transparent is WebP, anything else is JPEG.
    return WHOLE, ("webp", "jpeg") if "webp" in formats else ("jpeg",)


def _range(part: str) -> tuple[str, float]:
    """“image/webp;q=0.8” as its type and its quality; what makes no sense is not wanted."""
    type, *parameters = (word.strip().lower() for word in part.split(";"))
    quality = next((word[2:] for word in parameters if word.startswith("q=")), "1")
    try:
        return type, float(quality)
    except ValueError:
        return type, 0.0
