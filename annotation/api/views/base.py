import hashlib
from typing import Any, cast

from django.conf import settings
from django.http import HttpResponseNotModified
from django.utils.cache import get_conditional_response
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from annotation.api.errors import PreconditionFailed
from annotation.api.known import refuse_unknown_keys, refuse_unknown_parameters
from annotation.api.pagination import KeysetPagination
from annotation.models import User


class NotModified(Exception):
    """The client has this already; `View.unless_known` raises it, and `View` answers it."""


class View(APIView):
    """A view fetches through `access`, which authorises; then reads the body; then calls a service."""

    # The database's own lists come in these pages; the OpenAPI document reads it here, too.
    pagination_class = KeysetPagination
    # How large a body may be; checked before anything reads it (config/bodies.py).
    most_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    # Whether the asker is not to learn which images they see. A view that knows their role says otherwise.
    blind = True

    @property
    def user(self) -> User:
        return cast(User, self.request.user)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = getattr(self, (request.method or "").lower().replace("head", "get"), None)
        if (known := getattr(method, "parameters", None)) is not None:
            refuse_unknown_parameters(request.query_params, known)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        # What a person was shown is not there for the next one at the same browser.
        response.headers.setdefault("Cache-Control", "private, no-store")
        if self._etag:
            response.headers["ETag"] = self._etag
        elif (
            request.method in ("GET", "HEAD")
            and response.status_code == 200
            and isinstance(response, Response)
        ):
            response.add_post_render_callback(self._by_content)
        return response

    def handle_exception(self, error: Exception) -> Response:
        if isinstance(error, NotModified):
            return Response(status=304)
        response: Response = super().handle_exception(error)
        self._etag = ""
        return response

    # --- ETags: every answer to GET has one, of its content, unless the view knows one that costs less.

    _etag = ""

    def unless_known(self, *facts: object) -> None:
        """Name the state that the answer is made from; if the client has that answer, we end here."""
        query = sorted(self.request.query_params.items())
        told = repr((self.request.get_full_path().partition("?")[0], query, facts))
        self._etag = _etag(told.encode())
        if self._etag in parse_etags(self.request.headers.get("If-None-Match", "")):
            raise NotModified

    def refuse_unless_match(self, data: Any) -> None:
        """412 if the client sends `If-Match` and means something else than this, which GET shows now."""
        wanted = parse_etags(self.request.headers.get("If-Match", ""))
        if wanted and wanted != ["*"] and _etag(JSONRenderer().render(data)) not in wanted:
            raise PreconditionFailed(
                _(
                    "It has been changed since you read it. Read it again, and see whether your "
                    "change still fits."
                )
            )

    def _by_content(self, response: Any) -> Any:
        response.headers["ETag"] = _etag(response.content)
        known = get_conditional_response(
            self.request._request, etag=response.headers["ETag"], response=response
        )
        return known if isinstance(known, HttpResponseNotModified) else None

    # --- Bodies and answers

    def body(
        self, serializer: type[BaseSerializer[Any]], *, partial: bool = False
    ) -> dict[str, Any]:
        """The request's body, checked. A field that the serializer does not take is refused."""
        # A form that the check of the CSRF token has read would otherwise count as an empty body.
        kind = self.request.content_type or ""
        if kind.startswith("multipart/") and not self._takes_forms():
            raise UnsupportedMediaType(kind)
        checked = serializer(data=self.request.data, partial=partial)
        refuse_unknown_keys(checked, self.request.data)
        checked.is_valid(raise_exception=True)
        return cast(dict[str, Any], checked.validated_data)

    def shown(
        self, serializer: type[BaseSerializer[Any]], thing: Any, *, many: bool = False
    ) -> Any:
        context = {"request": self.request, "blind": self.blind}
        return serializer(thing, many=many, context=context).data

    def page(
        self,
        rows: Any,
        serializer: type[BaseSerializer[Any]],
        *ordering: str,
        pinned: dict[str, str] | None = None,
        **envelope: Any,
    ) -> Response:
        """One page of the rows; `envelope` goes beside the results."""
        paginator = self.pagination_class()
        page = paginator.paginate(rows, self.request, ordering, pinned)
        response = paginator.get_paginated_response(self.shown(serializer, page, many=True))
        response.data |= envelope
        return response

    def _takes_forms(self) -> bool:
        return any(parser.media_type == "multipart/form-data" for parser in self.parser_classes)


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'
