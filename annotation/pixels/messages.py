"""Messages between a child and its parent: a JSON text and bytes beside it, by a socket.

First the length of the text, then the text, then the bytes whose lengths it lists as `blobs`.
"""

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

LENGTH = struct.Struct(">I")
SMALL = 2**18


def send(other: socket.socket, message: dict[str, Any], blobs: Sequence[bytes]) -> None:
    text = json.dumps(message | {"blobs": [len(blob) for blob in blobs]}).encode()
    begin = LENGTH.pack(len(text)) + text
    if sum(map(len, blobs)) < SMALL:
        # At once: the other side would else wake up for each part.
        begin, blobs = b"".join((begin, *blobs)), ()
    other.sendall(begin)
    for blob in blobs:
        other.sendall(blob)


def receive(other: socket.socket) -> tuple[dict[str, Any], list[bytes]] | None:
    """The next message; None if the other side is gone."""
    if (length := _exactly(other, LENGTH.size)) is None:
        return None
    if (text := _exactly(other, LENGTH.unpack(length)[0])) is None:
        return None
    message = json.loads(text)
    blobs = []
    for length in message.pop("blobs"):
        if (blob := _exactly(other, length)) is None:
            return None
        blobs.append(blob)
    return message, blobs


def _exactly(other: socket.socket, length: int) -> bytes | None:
    content = bytearray(length)
    view = memoryview(content)
    got = 0
    while got < length:
        count = other.recv_into(view[got:])
        if not count:
            return None
        got += count
    view.release()
    return bytes(content)
