"""What a phone needs to put the program on its home screen. It tells nobody more than the login page."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from annotation import icons


@require_safe
@cache_control(public=True, max_age=86400)
def manifest(request: HttpRequest) -> HttpResponse:
    start = reverse("projects")
    facts = {
        "id": start,
        "name": "Pairwright",
        "short_name": "Pairwright",
        "start_url": start,
        "scope": start,
        "display": "standalone",
        "background_color": "#2e2e2e",
        "theme_color": "#2e2e2e",
        "icons": [
            {
                "src": reverse("icon", args=[kind, size]),
                "sizes": f"{size}x{size}",
                "type": "image/png",
                "purpose": "any" if kind == "whole" else kind,
            }
            for kind, sizes in icons.SIZES.items()
            for size in sizes
        ],
    }
    return JsonResponse(facts, content_type="application/manifest+json")


@require_safe
@cache_control(public=True, max_age=86400)
def icon(request: HttpRequest, kind: str, size: int) -> HttpResponse:
    if size not in icons.SIZES.get(kind, ()):
        raise Http404("There is no icon of this kind and size.")
    return HttpResponse(icons.icon(kind, size), content_type="image/png")
