"""The last resort of a request: an address that is none, and a failure that nothing else handled."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.defaults import page_not_found
from psycopg.errors import IdleInTransactionSessionTimeout

RETRY_AFTER = "5"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        what = _("There is nothing at this address. /api/v1/docs/ lists all that there is.")
        return JsonResponse({"detail": what}, status=404)
    return page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """503 while the database is away or busy, which passes; 500 for our own mistakes, which do not.

    Nothing was committed in either case, so a request may be sent again.
    """
    if _is_away(sys.exc_info()[1]):
        return busy(request)
    if request.path.startswith("/api/"):
        what = _("This is a mistake of the program, which its log describes. Nothing was saved.")
        return JsonResponse({"detail": what}, status=500)
    return _page(request, 500)


def busy(request: HttpRequest) -> HttpResponse:
    """503, and when to ask again."""
    if request.path.startswith("/api/"):
        what = _("The service is busy; nothing was saved. Send the request again in a few seconds.")
        response: HttpResponse = JsonResponse({"detail": what}, status=503)
    else:
        response = _page(request, 503)
    response["Retry-After"] = RETRY_AFTER
    return response


def _is_away(error: BaseException | None) -> bool:
    # Postgres ends a session that was idle within a transaction, which is no OperationalError to Django.
    ended = error and isinstance(error.__cause__, IdleInTransactionSessionTimeout)
    return isinstance(error, (OperationalError, InterfaceError)) or bool(ended)


def _page(request: HttpRequest, status: int) -> HttpResponse:
    try:
        return render(request, f"{status}.html", status=status)
    except Exception:
        # Whatever is broken may be what the page needs, too.
        sentence = _("Something is wrong on the server; nothing was saved. Try again in a while.")
        return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")
