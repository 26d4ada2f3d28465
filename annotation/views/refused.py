from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from annotation import limits
from annotation.errors import Busy, Conflict, Gone, Refused


class RefusedMiddleware:
    """Turns what a service refuses into a page that says why, with the status that fits."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if len(request.META.get("QUERY_STRING", "")) > limits.URL:
            return _address_too_long(request)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Refused):
            return None
        status, title = _status_and_title(error)
        context = {"title": title, "message": str(error)}
        response = render(request, "refused.html", context, status=status)
        if isinstance(error, Busy):
            response["Retry-After"] = str(error.retry_after)
        return response


def _address_too_long(request: HttpRequest) -> HttpResponse:
    told = _("The address is longer than %(most)s bytes. Send less in it.") % {"most": limits.URL}
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": [told]}, status=400)
    context = {"title": _("This cannot be used"), "message": told}
    return render(request, "refused.html", context, status=400)


def _status_and_title(refused: Refused) -> tuple[int, str]:
    if isinstance(refused, Busy):
        return 503, _("Not yet")
    if isinstance(refused, Gone):
        return 410, _("No longer there")
    if isinstance(refused, Conflict):
        return 409, _("Not possible as things are")
    return 400, _("This cannot be used")
