"""Pages whose address lets somebody in: an invitation, a one-time link."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from config.logs import masked


class SecretAddressMiddleware:
    """Keep the address of a page that lets somebody in out of the referrer of what is asked for next.

    The origin stays, which is what a form needs to prove where it comes from.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        address = request.get_full_path()
        if masked(address) != address:
            response["Referrer-Policy"] = "strict-origin"
        return response
