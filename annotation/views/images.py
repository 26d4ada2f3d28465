from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotation import images
from annotation.access import image_for


@require_safe
@login_required
def image(request: HttpRequest, image_id: UUID) -> Any:
    """A picture as members see it: re-encoded, without metadata, under a name that tells nothing."""
    picture = image_for(request.user, image_id)
    size = request.GET.get("size", "display")
    if size not in images.SIZES:
        return HttpResponse(f"size must be one of: {', '.join(images.SIZES)}", status=400)
    response = FileResponse(
        images.derivative(picture, size).open("rb"), content_type=images.DISPLAY_TYPE
    )
    response["Cache-Control"] = "private, max-age=86400"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Content-Disposition"] = "inline"
    return response
