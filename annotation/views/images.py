from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from annotation import images
from annotation.access import image_for, membership_for, project_for
from annotation.api.authentication import login_or_token
from annotation.errors import Invalid
from annotation.forms import ExcludeForm, UploadForm
from annotation.models import Project, Role
from annotation.selectors import images_of
from annotation.services.images import add_image, update_image
from annotation.views.page import back, page, project_page, refusals_as_messages

PAGE_SIZE = 60


@require_safe
@login_or_token("read", "annotate", "export")
def image(request: HttpRequest, image_id: UUID) -> Any:
    """A picture as members see it: re-encoded, without metadata, under a name that tells nothing."""
    picture = image_for(request.user, image_id)
    size = request.GET.get("size", "display")
    if size not in images.SIZES:
        return HttpResponse(f"size must be one of: {', '.join(images.SIZES)}", status=400)
    response = FileResponse(
        images.derivative(picture, size).open("rb"), content_type=images.DISPLAY_TYPE
    )
    # Long enough for a stretch of work, short enough that little is left after a logout.
    response["Cache-Control"] = "private, max-age=600"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Content-Disposition"] = "inline"
    return response


@require_safe
@page
def gallery(request: HttpRequest, project_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, project_id, Role.MANAGER)
    show = request.GET.get("show", "")
    found = images_of(membership.project, excluded={"used": False, "excluded": True}.get(show))
    context = {
        "images": Paginator(found, PAGE_SIZE).get_page(request.GET.get("page")),
        "show": show,
        "form": UploadForm(),
    }
    return project_page(request, membership, "annotation/images.html", context)


@require_POST
@page
def exclude(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Set an image aside, with a reason, or take it back."""
    picture = image_for(request.user, image_id, Role.MANAGER)
    form = ExcludeForm(request.POST)
    if form.is_valid():
        with refusals_as_messages(request):
            update_image(picture, **form.cleaned_data)
    else:
        messages.error(request, "A reason may have up to 300 characters.")
    return back(request, "project_images", picture.project_id)


@require_POST
@page
def upload(request: HttpRequest, project_id: UUID) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        files = form.cleaned_data.pop("pictures")
        added = sum(_add(request, project, file, form.cleaned_data) for file in files)
        if added:
            messages.success(request, f"{added} image{'s' if added != 1 else ''} added.")
    else:
        for error in (error for errors in form.errors.values() for error in errors):
            messages.error(request, str(error))
    return redirect("project_images", project.id)


def _add(request: HttpRequest, project: Project, file: Any, described: dict[str, Any]) -> bool:
    # One byte more than is allowed is enough to be refused for it.
    content = file.read(settings.MAX_UPLOAD_BYTES + 1)
    try:
        add_image(project, content, name=file.name, **described)
    except Invalid as refusal:
        messages.error(request, f"“{file.name}” was refused. {refusal}")
        return False
    return True
