"""Lists in pages that neither repeat nor miss a row, whatever is added meanwhile."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.db.models import Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import limits

PAGE_SIZE = 100
MOST_PER_PAGE = limits.PAGE


class KeysetPagination(BasePagination):
    """A cursor holds the sorting values of the row where the page begins or ends.

    DRF's own holds the first value and an offset, and goes wrong when over 1,000 rows share a value, as
    images imported together share their time. Cursors are signed, so that one altered is just wrong.
    """

    def paginate(
        self,
        rows: QuerySet[Any] | list[dict[str, Any]],
        request: Request,
        ordering: tuple[str, ...],
        pinned: dict[str, str] | None = None,
        size: int | None = None,
    ) -> list[Any]:
        """The page that the request asks for. `ordering` is unique, and no value of it is null.

        `pinned`: parameters that the links carry on, so that each page shows the same thing.
        `size`: results on a page, unless the request says otherwise.
        """
        self.request, self.ordering, self.pinned = request, ordering, pinned or {}
        size = _page_size(request, size or PAGE_SIZE)
        backwards, position = self._read_cursor()
        if isinstance(rows, list):
            page = self._cut_list(rows, backwards, position)[: size + 1]
        else:
            page = list(self._cut_queryset(rows, backwards, position)[: size + 1])
        more = len(page) > size
        page = page[:size]
        if backwards:
            page.reverse()
        has_next, has_previous = (True, more) if backwards else (more, position is not None)
        self.next = self._link(page[-1], backwards=False) if page and has_next else None
        self.previous = self._link(page[0], backwards=True) if page and has_previous else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next, "previous": self.previous, "results": data})

    def _cut_queryset(
        self, rows: QuerySet[Any], backwards: bool, position: list[Any] | None
    ) -> QuerySet[Any]:
        if position is not None:
            rows = rows.filter(_beyond(self.ordering, position, backwards))
        ordered = rows.order_by(*self.ordering)
        return ordered.reverse() if backwards else ordered

    def _cut_list(
        self, rows: list[dict[str, Any]], backwards: bool, position: list[Any] | None
    ) -> list[dict[str, Any]]:
        """As the database does it; for short lists, in ascending order."""
        ordered = sorted(rows, key=self._position, reverse=backwards)
        if position is None:
            return ordered
        return [
            row
            for row in ordered
            if (self._position(row) < position if backwards else self._position(row) > position)
        ]

    def _position(self, row: Any) -> list[Any]:
        return [_told(_value(row, name.lstrip("-"))) for name in self.ordering]

    def _read_cursor(self) -> tuple[bool, list[Any] | None]:
        cursor = self.request.query_params.get("cursor")
        if not cursor:
            return False, None
        try:
            backwards, position = self._signer().unsign_object(cursor)
        except (signing.BadSignature, ValueError):
            raise ValidationError(
                {"cursor": ["This is no cursor of this list. Begin again without it."]}
            ) from None
        return backwards, position

    def _link(self, row: Any, *, backwards: bool) -> str:
        cursor = self._signer().sign_object([backwards, self._position(row)])
        parameters = self.request.query_params.dict() | self.pinned | {"cursor": cursor}
        return self.request.build_absolute_uri(f"{self.request.path}?{urlencode(parameters)}")

    def _signer(self) -> signing.Signer:
        # Without a time, so that the same page has the same links, and the same ETag.
        return signing.Signer(salt=f"cursor {' '.join(self.ordering)}")

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "Where the page begins, as the links `next` and `previous` have it.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "description": f"How many results a page has, up to {MOST_PER_PAGE}.",
                "schema": {"type": "integer", "minimum": 1, "default": PAGE_SIZE},
            },
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }


def _page_size(request: Request, usual: int) -> int:
    """A larger number than a page may have gives the largest page."""
    text = request.query_params.get("page_size", "")
    if not text:
        return usual
    if not (text.isascii() and text.isdigit()) or not text.strip("0"):
        raise ValidationError({"page_size": [f"Use a whole number from 1 to {MOST_PER_PAGE}."]})
    digits = text.lstrip("0")
    return min(int(digits), MOST_PER_PAGE) if len(digits) < 10 else MOST_PER_PAGE


def _beyond(ordering: tuple[str, ...], position: list[Any], backwards: bool) -> Q:
    """The rows after the position, or before it: (a, b) > (x, y), written so that an index on a is used."""
    fields = [name.lstrip("-") for name in ordering]
    sides = ["gt" if name.startswith("-") == backwards else "lt" for name in ordering]
    beyond, same = Q(), Q()
    values = [_read(told) for told in position]
    for field, side, value in zip(fields, sides, values, strict=True):
        beyond |= same & Q(**{f"{field}__{side}": value})
        same &= Q(**{field: value})
    bound = Q(**{f"{fields[0]}__{sides[0]}e": values[0]})
    return bound & beyond


def _value(row: Any, path: str) -> Any:
    for name in path.split("__"):
        row = row[name] if isinstance(row, dict) else getattr(row, name)
    return row


def _told(value: Any) -> Any:
    """As a cursor has it: a time by its name, to the last microsecond."""
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    return value if isinstance(value, int | float) else str(value)


def _read(told: Any) -> Any:
    return datetime.fromisoformat(told["time"]) if isinstance(told, dict) else told
