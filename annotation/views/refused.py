from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

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
        status = 409 if isinstance(error, Conflict) else 410 if isinstance(error, Gone) else 400
        return render(request, "refused.html", {"message": str(error)}, status=status)
