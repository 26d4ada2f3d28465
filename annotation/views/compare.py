from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from annotation.access import membership_for
from annotation.images import SCREENS
from annotation.models import Membership
from annotation.selectors import own_progress
from annotation.views.page import page, project_page

# The modules that compare.js imports, by which way ever: asked for at once, they come in one round trip.
MODULES = ("ahead", "api", "choice", "lineup", "queue", "status", "store")


@require_safe
@page
def compare(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """The page where images are judged. Its script asks the API for pairs and sends the answers."""
    membership = membership_for(request.user, project_id)
    progress = own_progress(membership)
    return project_page(
        request,
        membership,
        "annotation/compare.html",
        {
            "progress": progress,
            "facts": _facts(membership, progress.judged, progress.remaining),
            "modules": [f"annotation/{name}.js" for name in MODULES],
        },
    )


def _facts(membership: Membership, judged: int, remaining: int | None) -> dict[str, Any]:
    """What the script knows beforehand; nothing in it tells one image from another."""
    project = membership.project
    return {
        "queue": f"{membership.user_id}:{project.id}",
        "assignments": reverse("api-assignments", args=[project.id]),
        "comparisons": reverse("api-comparisons"),
        "history": reverse("api-history", args=[project.id]),
        "allow_tie": project.allow_tie,
        "judged": judged,
        "remaining": remaining,
        "sizes": SCREENS,
    }
