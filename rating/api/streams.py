"""An export that is written straight into the response: nothing to wait for, nothing kept."""

import io
from collections.abc import Iterator
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request

from annotation.access import project_for
from annotation.api.schema import operation, query
from annotation.api.views.base import View
from annotation.errors import Conflict, Invalid
from annotation.models import Role, Scope
from rating.api.exports import AnyAccept
from rating.exports import FORMATS
from rating.exports.format import Format, Source
from rating.exports.jobs import source_of
from rating.exports.tables import CONTENT_TYPES
from rating.exports.write import write_table
from rating.selectors import latest_run

# What needs neither pictures nor a computation, in files that can be read from their beginning.
STREAMED = ("comparisons", "rankings")
FILES = ("jsonl", "csv")
CHUNK = 2**16


class StreamView(View):
    content_negotiation_class = AnyAccept

    @operation(
        "stream_export",
        "Download comparisons or rankings at once, as a stream",
        scopes=[Scope.EXPORT],
        description="Begins immediately, and is not kept: it has no checksum and cannot be resumed. For "
        "those, ask for an export. Ratings are those of the latest run, which may lag behind the log.",
        answers={
            (200, CONTENT_TYPES[file].partition(";")[0]): OpenApiTypes.BINARY for file in FILES
        },
        refusals=(400, 401, 403, 404, 409),
        parameters=[
            query("format", "`comparisons`, unless given.", enum=STREAMED),
            query("file", "`jsonl`, unless given.", enum=FILES),
        ],
    )
    def get(self, request: Request, project_id: UUID) -> HttpResponseBase:
        project = project_for(self.user, project_id, Role.MANAGER)
        key = _chosen(request, "format", STREAMED)
        file = _chosen(request, "file", FILES)
        run = latest_run(project.id)
        if run is None:
            raise Conflict("The project has no ratings yet. They come with its first comparisons.")
        format = FORMATS[key]
        source = source_of(project, format, {}, run)
        response = StreamingHttpResponse(
            _stream(format, file, source), content_type=CONTENT_TYPES[file]
        )
        name = f"{key}-{timezone.now():%Y%m%d-%H%M%S}.{file}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def _chosen(request: Request, name: str, choices: tuple[str, ...]) -> str:
    value: Any = request.query_params.get(name, choices[0])
    if value not in choices:
        raise Invalid(f"“{name}” must be one of: {', '.join(choices)}.", name)
    return str(value)


def _stream(format: Format, file: str, source: Source) -> Iterator[bytes]:
    written = io.BytesIO()
    first = True
    for _ in write_table(format, file, source, cast(BinaryIO, written)):
        if first or written.tell() >= CHUNK:
            yield _taken(written)
            first = False
    yield _taken(written)


def _taken(written: io.BytesIO) -> bytes:
    content = written.getvalue()
    written.seek(0)
    written.truncate()
    return content
