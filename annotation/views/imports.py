from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from annotation.access import membership_for
from annotation.errors import Refused
from annotation.forms import ImportForm
from annotation.imports.jobs import request_import
from annotation.models import Import, Membership, Project, Role, User
from annotation.views.page import page, project_page, takes_uploads

IMPORTS_SHOWN = 20
REFUSALS_SHOWN = 50


@takes_uploads
@require_http_methods(["GET", "HEAD", "POST"])
@page
def imports(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """GET: the imports so far, and the form for another; POST: ask for it."""
    membership = membership_for(request.user, project_id, Role.MANAGER)
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = ImportForm(*sent)
    if request.method == "POST" and form.is_valid():
        try:
            request_import(
                membership.project,
                cast(User, request.user),
                form.cleaned_data["source"],
                form.options(),
                {"file": form.cleaned_data["file"]} if form.cleaned_data["file"] else {},
            )
        except Refused as refusal:
            field = getattr(refusal, "field", None)
            form.add_error(field if field in form.fields else None, str(refusal))
        else:
            messages.success(request, _("The import has begun; below is how far it is."))
            return redirect("imports", project_id)
    return _page(request, membership, form)


def _page(request: HttpRequest, membership: Membership, form: ImportForm) -> HttpResponse:
    context = {"form": form, "roots": settings.IMAGE_ROOTS, **latest_imports(membership.project)}
    return project_page(request, membership, "annotation/imports.html", context)


@require_safe
@page
def import_list(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """The list alone, with which the page renews itself."""
    membership = membership_for(request.user, project_id, Role.MANAGER)
    context = latest_imports(membership.project)
    return project_page(request, membership, "annotation/_imports.html", context)


def latest_imports(project: Project) -> dict[str, Any]:
    latest = list(
        Import.objects.filter(project=project)
        .select_related("created_by")
        .order_by("-created_at", "id")[:IMPORTS_SHOWN]
    )
    under_way = (Import.Status.QUEUED, Import.Status.RUNNING)
    return {
        "imports": [_shown(job) for job in latest],
        "unfinished": any(job.status in under_way for job in latest),
    }


def _shown(job: Import) -> dict[str, Any]:
    refusals = list(job.refusals.all()[:REFUSALS_SHOWN]) if job.refused else []
    unsaid = ("read_prompts", "uploads")
    options = {name: value for name, value in job.options.items() if name not in unsaid}
    return {
        "job": job,
        "options": options,
        "done": job.added + job.known + job.changed + job.refused,
        "notes": job.notes.splitlines(),
        "refusals": refusals,
        "more_refusals": job.refused - len(refusals),
    }
