"""Response headers that Django lacks: what a page may use of the browser, and who may embed our bytes."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# Pairwright uses none of these; a script that got onto a page cannot turn them on.
SWITCHED_OFF = (
    "accelerometer",
    "autoplay",
    "bluetooth",
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "usb",
    "web-share",
    "xr-spatial-tracking",
)
HEADERS = {
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in SWITCHED_OFF),
    # Another site cannot load our images into its own process, even with the person's cookie.
    "Cross-Origin-Resource-Policy": "same-origin",
}


class BrowserHeadersMiddleware:
    """Add the headers to every response; first in the list, so that static files have them, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
