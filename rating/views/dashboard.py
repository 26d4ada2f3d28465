from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation import selectors
from annotation.access import membership_for
from annotation.models import Outcome, Project, Role, User
from annotation.views.page import page, project_page, refusals_as_messages
from rating.algorithms.methods import METHODS
from rating.exports import FORMATS
from rating.exports.hub import request_push
from rating.exports.jobs import remove_export, request_export
from rating.models import Export
from rating.selectors import latest_run, method_of, screens_of
from rating.views.accuracy import accuracy_of
from rating.views.charts import day_bars
from rating.views.fallbacks import told_of
from rating.views.people import people_of
from rating.views.ranking import run_facts, top_of
from rating.views.trust import trust_of

TOP = 8
EXPORTS_SHOWN = 20


@require_safe
@page
def dashboard(request: HttpRequest, project_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, project_id, Role.REVIEWER)
    project = membership.project
    progress = selectors.progress(project)
    run = latest_run(project.id)
    people = people_of(project, run)
    bars = day_bars(selectors.comparisons_by_day(project))
    screens = screens_of(project)
    context = {
        "progress": progress,
        "screens": screens,
        "gains_known": any(one.gained_a_minute is not None for one in screens),
        "outcomes": _outcomes(progress),
        "bars": bars,
        "most_a_day": max((bar.made for bar in bars), default=0),
        "tops": top_of(project, run, TOP),
        "states": [state for state in Project.State if state != project.state],
        "chosen_method": method_of(project.id),
        "fallback": told_of(project, run),
        **accuracy_of(project, progress),
        **people,
        **trust_of(project, people["people"]),
        **run_facts(run),
    }
    if membership.role == Role.MANAGER:
        context |= {
            "methods": METHODS.values(),
            "formats": FORMATS.values(),
            "criteria": list(project.criteria.all()),
            **_latest_exports(project),
        }
    return project_page(request, membership, "rating/dashboard.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def exports(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """GET: the list alone, with which the dashboard renews itself; POST: ask for an export."""
    membership = membership_for(request.user, project_id, Role.MANAGER)
    if request.method != "POST":
        context = _latest_exports(membership.project)
        return project_page(request, membership, "rating/_exports.html", context)
    with refusals_as_messages(request):
        key = request.POST.get("format", "")
        request_export(membership.project, cast(User, request.user), key, _options(request, key))
        messages.success(
            request, _("The export is being written; it appears below when it is done.")
        )
    return redirect("dashboard", project_id)


def _options(request: HttpRequest, format: str) -> dict[str, str]:
    """What the form says and is not said anyway: empty fields and defaults are left out."""
    known = FORMATS[format].all_options if format in FORMATS else ()
    unsaid = {option.name: str(option.default) for option in known}
    return {
        name: str(value)
        for name, value in request.POST.items()
        if name not in ("csrfmiddlewaretoken", "format") and value not in ("", unsaid.get(name))
    }


@require_POST
@page
def push(request: HttpRequest, project_id: UUID, export_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, project_id, Role.MANAGER)
    with refusals_as_messages(request):
        export = get_object_or_404(membership.project.exports, id=export_id, removed_at=None)
        repository = request.POST.get("repository", "").strip()
        private = "public" not in request.POST
        request_push(export, cast(User, request.user), repository, private=private)
        messages.success(request, _("The export is being pushed; how it went appears beside it."))
    return redirect("dashboard", project_id)


@require_POST
@page
def delete_export(request: HttpRequest, project_id: UUID, export_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, project_id, Role.MANAGER)
    remove_export(get_object_or_404(membership.project.exports, id=export_id))
    messages.success(request, _("The export is deleted."))
    return redirect("dashboard", project_id)


def _latest_exports(project: Project) -> dict[str, Any]:
    found = Export.objects.filter(project=project, removed_at=None).select_related("created_by")
    found = found.prefetch_related("pushes").defer("card")
    latest = list(found.order_by("-created_at", "id")[:EXPORTS_SHOWN])
    under_way = (Export.Status.QUEUED, Export.Status.RUNNING)
    return {
        "exports": latest,
        "unfinished": any(
            status in under_way
            for export in latest
            for status in (export.status, *(push.status for push in export.pushes.all()))
        ),
        "hub": settings.HUB_ENABLED,
    }


def _outcomes(progress: selectors.Progress) -> list[dict[str, Any]]:
    total = sum(progress.outcomes.values())
    return [
        {
            "label": outcome.label,
            "count": progress.outcomes[outcome.value],
            "share": progress.outcomes[outcome.value] / total if total else 0.0,
        }
        for outcome in Outcome
        # Where nobody was shown more than two images, nobody is told of it.
        if outcome != Outcome.ORDERED or progress.outcomes[outcome.value]
    ]
