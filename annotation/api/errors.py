"""Every refusal as the API's contract has it: a status, and words that say what to do."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db.models import ProtectedError
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler as rest_framework_handler

from annotation.errors import Busy, Gone, Invalid, Refused

# Where an error belongs that is not about one field.
WHOLE = "detail"


class PayloadTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


class ConflictRefusal(APIException):
    status_code = status.HTTP_409_CONFLICT


class GoneRefusal(APIException):
    status_code = status.HTTP_410_GONE


class BusyRefusal(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE

    def __init__(self, busy: Busy) -> None:
        super().__init__(str(busy))
        self.wait = busy.retry_after  # becomes Retry-After


class PreconditionFailed(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """None means a failure of ours or of the database, which config.errors answers."""
    refusal = _as_refusal(error)
    response = rest_framework_handler(refusal, context)
    if response is None:
        return None
    if isinstance(refusal, APIException) and refusal.status_code == status.HTTP_400_BAD_REQUEST:
        response.data = {}
        for field, message in _messages(refusal.detail):
            response.data.setdefault(field, []).append(message)
    if response.status_code == status.HTTP_429_TOO_MANY_REQUESTS:
        response.setdefault("Retry-After", "60")
    return response


def _as_refusal(error: Exception) -> Exception:
    if isinstance(error, Invalid):
        return ValidationError({error.field: [str(error)]})
    if isinstance(error, Busy):
        return BusyRefusal(error)
    if isinstance(error, Gone):
        return GoneRefusal(str(error))
    if isinstance(error, Refused):
        return ConflictRefusal(str(error))
    if isinstance(error, ProtectedError):
        return ConflictRefusal(_("Something else has just begun to refer to this. Look again."))
    if isinstance(error, RequestDataTooBig):
        return PayloadTooLarge(_("The request is too large."))
    if isinstance(error, SuspiciousOperation | BadRequest | MultiPartParserError):
        return ValidationError([f"The request cannot be read: {error}"])
    return error


def _messages(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Nested errors as pairs of a dotted path and a message: `criteria.0.key`, `settings.overlap`."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            here = path if path and name == WHOLE else f"{path}.{name}" if path else str(name)
            yield from _messages(inner, here)
    elif isinstance(detail, list):
        for at, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _messages(inner, f"{path}.{at}" if nested else path)
    else:
        yield path or WHOLE, str(detail)
