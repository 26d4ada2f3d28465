"""A file over HTTP, whole or in ranges (RFC 9110), so that a download that broke off can go on."""

import re
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class FilePart:
    """Some of the bytes of a file, as a file to read from."""

    def __init__(self, path: Path, wanted: range) -> None:
        self._file = path.open("rb")
        self._file.seek(wanted.start)
        self._left = len(wanted)

    def read(self, size: int) -> bytes:
        content = self._file.read(min(size, self._left))
        self._left -= len(content)
        return content

    def close(self) -> None:
        self._file.close()


def file_response(
    request: HttpRequest, path: Path, *, etag: str, name: str, content_type: str
) -> HttpResponseBase:
    """The file, the part of it that was asked for, 304 if the client has it, or 416."""
    etag = f'"{etag}"'
    size = path.stat().st_size
    wanted = _wanted_range(request, etag, size)
    unchanged = get_conditional_response(request, etag=etag)
    response: HttpResponseBase
    if unchanged is not None:
        response = unchanged
    elif wanted is None:
        response = FileResponse(path.open("rb"), content_type=content_type)
    elif not wanted:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
    else:
        response = FileResponse(FilePart(path, wanted), status=206, content_type=content_type)
        response["Content-Length"] = str(len(wanted))
        response["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    response["Content-Disposition"] = content_disposition_header(True, name)
    # It never changes, but who may have it does.
    response["Cache-Control"] = "private, no-cache"
    return response


def _wanted_range(request: HttpRequest, etag: str, size: int) -> range | None:
    """The bytes asked for; None for the whole file; empty if they lie outside it.

    What is no single range of bytes may be ignored, and several at once are.
    """
    if request.method != "GET" or request.headers.get("If-Range", etag) != etag:
        return None
    match = RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    end = size if not last else min(int(last) + 1, size)
    if last and int(last) < int(first):
        return None
    return range(int(first), max(int(first), end))
