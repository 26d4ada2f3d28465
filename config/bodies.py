"""How much a request may bring: little from strangers, much only from those who manage where they send it.

Already the check of a CSRF token parses a whole form, and a parser writes files to the disk. So the size is
checked before: by the server, which reads no more of a body than this allows, and by a middleware.
"""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import PermissionDenied
from django.core.handlers.wsgi import WSGIRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from rest_framework.exceptions import AuthenticationFailed

from annotation.access import project_for
from annotation.api.authentication import TokenAuthentication
from annotation.models import Role, Scope
from config.errors import busy

logger = logging.getLogger(__name__)

# Enough for a log-in, and for every vote.
STRANGER_BYTES = 2**16
# Where the server puts why it has not read the body.
BODY_ERROR = "pairwright.body_error"


class BodyTooLarge(Exception):
    """The body is larger than `most` bytes."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


class BodyTooSlow(Exception):
    """The body did not arrive in time."""


class BodyLimitMiddleware:
    """Refuses a body that is too large for its sender, before anything reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        error = request.META.get(BODY_ERROR) or _too_large(request)
        return refusal(request, error) if error else self.get_response(request)


def _too_large(request: HttpRequest) -> BodyTooLarge | None:
    declared = request.META.get("CONTENT_LENGTH") or "0"
    length = int(declared) if declared.isdecimal() else 0
    if length <= STRANGER_BYTES or length <= (most := most_bytes(request)):
        return None
    return BodyTooLarge(most)


def most_bytes(request: HttpRequest) -> int:
    """Return how many bytes the body of this request may have.

    What a view declares as `most_bytes` counts for managers of the project that its address names.
    """
    user, token = _sender(request)
    if not user.is_authenticated:
        return STRANGER_BYTES
    usual: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return STRANGER_BYTES
    wanted: int = getattr(getattr(match.func, "cls", match.func), "most_bytes", usual)
    if wanted <= usual or (token and not token.may((Scope.MANAGE,))):
        return min(wanted, usual)
    try:
        project_for(user, match.kwargs["project_id"], Role.MANAGER)
    except (Http404, PermissionDenied):
        return usual
    return wanted


def most_bytes_for(environ: dict[str, Any]) -> int:
    """Return the same for a request whose body has not come yet."""
    request = WSGIRequest({**environ, "CONTENT_LENGTH": "0"})
    SessionMiddleware(lambda _: HttpResponse()).process_request(request)
    request.user = get_user(request)
    return most_bytes(request)


def _sender(request: HttpRequest) -> tuple[Any, Any]:
    """Return who sends this, and by which token; their view checks it again."""
    try:
        by_token = TokenAuthentication().authenticate(request)
    except AuthenticationFailed:
        by_token = None
    return by_token or (request.user, None)


def refusal(request: HttpRequest, error: Exception) -> HttpResponse:
    if isinstance(error, BodyTooLarge):
        status, title = 413, _("Too large")
        what = _("The request is larger than %(most_bytes)s bytes.") % {"most_bytes": error.most}
    elif isinstance(error, BodyTooSlow):
        status, title = 408, _("Too slow")
        what = _("The request did not arrive in time. Send it again.")
    else:
        # The database could not say who sends it, or the disk is full.
        logger.error("A request's body was not read", exc_info=error)
        return busy(request)
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": what}, status=status)
    return render(request, "refused.html", {"title": title, "message": what}, status=status)
