import io
from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation import images
from annotation.access import image_for, membership_for, project_for, shown_image_for
from annotation.api.authentication import login_or_token
from annotation.errors import Invalid
from annotation.forms import ChangeImagesForm, ExcludeForm, GalleryForm, PromptForm, UploadForm
from annotation.models import AMISS, Image, Project, Role
from annotation.selectors import images_of, report_counts
from annotation.services.derivatives import rendition
from annotation.services.images import update_image, update_images, upload_image
from annotation.showings import read_showing
from annotation.views.page import (
    back,
    cut,
    page,
    project_page,
    refusals_as_messages,
    takes_uploads,
    tell_errors,
)


@require_safe
@login_or_token("read", "annotate", "export")
def image(request: HttpRequest, image_id: UUID) -> Any:
    """Show a picture as members see it: re-encoded, without metadata, under a name that tells nothing.

    Where it is one's own showing, nothing around the pixels is the same when the picture is shown again.
    """
    picture = shown_image_for(request.user, image_id)
    size = request.GET.get("size", images.DEFAULT_SIZE)
    if size not in images.SIZES:
        return HttpResponse(f"size must be one of: {', '.join(images.SIZES)}", status=400)
    blind = read_showing(image_id) is not None
    formats = images.accepted(request.headers.get("Accept", ""))
    if blind:
        size, formats = images.without_marks(size, formats)
    path = rendition(picture, size, formats)
    # Of the file, which never changes under its name; keyed, since that name tells the original's digest.
    etag = f'"{salted_hmac("image", f"{image_id} {path.name}").hexdigest()[:24]}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        format = path.suffix.removeprefix(".")
        file = (
            io.BytesIO(images.padded(path.read_bytes(), format, etag)) if blind else path.open("rb")
        )
        response = FileResponse(file, content_type=images.TYPES[format])
        response["Content-Disposition"] = "inline"
    response["ETag"] = etag
    # Long enough for a stretch of work, short enough that little is left after a logout.
    response["Cache-Control"] = "private, max-age=600"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    patch_vary_headers(response, ["Accept"])
    return response


@require_safe
@page
def gallery(request: HttpRequest, project_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, project_id, Role.MANAGER)
    project = membership.project
    wanted = GalleryForm(request.GET).wanted()
    found = images_of(project, **wanted)
    shown = cut(request, found, "name", "id")
    if wanted["reported"]:
        _count_reports(project, shown)
    context = {
        "images": shown,
        "count": found.count(),
        "wanted": wanted,
        "narrowed": any(value not in (None, "") for value in wanted.values()),
        "show": request.GET.get("show", ""),
        "of_prompt": project.prompts.filter(id=wanted["prompt"]).first(),
        "form": UploadForm(),
        "most_bytes": settings.MAX_UPLOAD_BYTES,
        "extensions": ",".join(sorted(images.EXTENSIONS)),
    }
    return project_page(request, membership, "annotation/images.html", context)


def _count_reports(project: Project, shown: Iterable[Image]) -> None:
    """Beside each image why it was reported, and how often."""
    counts = report_counts(project, shown)
    for image in shown:
        counted = counts.get(image.id, Counter())
        image.reports = [  # type: ignore[attr-defined]
            (cause.label, counted[cause]) for cause in AMISS if cause in counted
        ]


@require_POST
@page
def change_many(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """The same for many: those that are ticked, or all that the page's search finds."""
    project = project_for(request.user, project_id, Role.MANAGER)
    form = ChangeImagesForm(request.POST)
    if form.is_valid():
        found = GalleryForm(
            {**request.POST.dict(), "prompt": request.POST.get("of_prompt", "")}
        ).wanted()
        chosen = images_of(project, **found)
        if not form.cleaned_data["everything"]:
            chosen = images_of(project).filter(id__in=form.cleaned_data["images"])
        with refusals_as_messages(request):
            changed = update_images(project, chosen, **form.changes())
            messages.success(
                request,
                ngettext("%(count)s image changed.", "%(count)s images changed.", changed)
                % {"count": changed},
            )
    else:
        tell_errors(request, form)
    return back(request, "project_images", project.id)


@require_POST
@page
def change_prompt(request: HttpRequest, image_id: UUID) -> HttpResponse:
    picture = image_for(request.user, image_id, Role.MANAGER)
    form = PromptForm(request.POST)
    if form.is_valid():
        with refusals_as_messages(request):
            update_image(picture, prompt=form.cleaned_data["prompt"])
    else:
        tell_errors(request, form)
    return back(request, "project_images", picture.project_id)


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
        messages.error(request, _("A reason may have up to 300 characters."))
    return back(request, "project_images", picture.project_id)


@require_POST
@page
def set_reference(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Make an image what its prompt's images are judged against, or have it compared again."""
    picture = image_for(request.user, image_id, Role.MANAGER)
    with refusals_as_messages(request):
        if request.POST.get("reference"):
            update_image(picture, reference=True)
            messages.success(request, _("It is now the reference of its prompt, and not compared."))
        else:
            changed = update_image(picture, reference=False)
            messages.success(
                request,
                _("It is no reference any more; it stays excluded.")
                if changed.excluded
                else _("It is no reference any more, and is compared again."),
            )
    return back(request, "project_images", picture.project_id)


@takes_uploads
@require_POST
@page
def upload(request: HttpRequest, project_id: UUID) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        files = form.cleaned_data.pop("pictures")
        done = [_add(request, project, file, form.cleaned_data) for file in files]
        if added := done.count(True):
            messages.success(
                request,
                ngettext("%(count)s image added.", "%(count)s images added.", added)
                % {"count": added},
            )
        if known := done.count(False):
            messages.info(
                request,
                ngettext(
                    "%(count)s was there already, and not added.",
                    "%(count)s were there already, and not added.",
                    known,
                )
                % {"count": known},
            )
    else:
        tell_errors(request, form)
    return redirect("project_images", project.id)


def _add(
    request: HttpRequest, project: Project, file: Any, described: dict[str, Any]
) -> bool | None:
    """Whether it was added, or was there already; None if it was refused."""
    try:
        return upload_image(project, file, name=file.name, **described)[1]
    except Invalid as refusal:
        messages.error(
            request,
            _("“%(name)s” was refused. %(refusal)s") % {"name": file.name, "refusal": refusal},
        )
        return None
