"""Bytes after a picture's end, which no reader looks at: the same picture has another size each time."""

from django.utils.crypto import salted_hmac

# Of the file's length, at most; and of small files, which would be known by a few bytes.
MOST_SHARE, MOST_OF_SMALL = 8, 4096
BOX = 8  # bytes of the head of a box


def padded(content: bytes, format: str, key: str) -> bytes:
    """Return the picture, longer by what the key says.

    JPEG and WebP say where they end, and what follows is passed over. AVIF is a list of boxes, of which one
    kind is for this.
    """
    most = max(MOST_OF_SMALL, len(content) // MOST_SHARE)
    length = BOX + int.from_bytes(salted_hmac("padding", key).digest()[:8]) % most
    head = length.to_bytes(4) + b"free" if format == "avif" else bytes(BOX)
    return content + head + bytes(length - BOX)
