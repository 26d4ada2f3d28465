from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from annotation.errors import Conflict, Gone, Refused


class RefusedMiddleware:
    """Turns what a service refuses into a page that says why, with the status that fits."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Refused):
            return None
        status, title = _status_and_title(error)
        context = {"title": title, "message": str(error)}
        return render(request, "refused.html", context, status=status)


def _status_and_title(refused: Refused) -> tuple[int, str]:
    if isinstance(refused, Gone):
        return 410, _("No longer there")
    if isinstance(refused, Conflict):
        return 409, _("Not possible as things are")
    return 400, _("This cannot be used")
