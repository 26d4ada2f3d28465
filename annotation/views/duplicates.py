from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.access import image_for, membership_for
from annotation.models import Image, Role
from annotation.selectors import duplicate_clusters, listed_duplicates
from annotation.services.images import exclude_other_duplicates
from annotation.views.page import back, cut, page, project_page, refusals_as_messages

PAGE_SIZE = 20


@require_safe
@page
def duplicates(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Clusters of images in use side by side; an image that is excluded is settled, and not shown."""
    membership = membership_for(request.user, project_id, Role.MANAGER)
    rows = listed_duplicates(membership.project)
    shown = cut(request, rows, "name", "first", size=PAGE_SIZE)
    wanted = [id for row in shown for id in row["ids"]]
    images = Image.objects.select_related("prompt").in_bulk(wanted)
    clusters = [[images[id] for id in row["ids"]] for row in shown]
    context = {"shown": shown, "total": len(rows), "clusters": clusters}
    return project_page(request, membership, "annotation/duplicates.html", context)


@require_POST
@page
def keep(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Of an image and its duplicates keep this one alone."""
    image = image_for(request.user, image_id, Role.MANAGER)
    with refusals_as_messages(request):
        excluded = exclude_other_duplicates(image, duplicate_clusters(image.project))
        messages.success(
            request,
            ngettext(
                "Kept %(name)s; %(excluded)s duplicate excluded.",
                "Kept %(name)s; %(excluded)s duplicates excluded.",
                excluded,
            )
            % {"name": image.name, "excluded": excluded},
        )
    return back(request, "duplicates", image.project_id)
