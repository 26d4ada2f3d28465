from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import BaseFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.access import may_create_projects, membership_for, memberships_of, project_for
from annotation.errors import Refused
from annotation.forms import (
    ProjectForm,
    StateForm,
    criteria_of,
    criterion_forms,
)
from annotation.models import Membership, Project, Role, User
from annotation.selectors import OwnProgress, own_progress
from annotation.services.projects import create_project, update_project
from annotation.views.page import back, page, project_page, refusals_as_messages


@dataclass(frozen=True)
class Entry:
    """One line of the list: a project, what this person is in it, and how far they are."""

    membership: Membership
    progress: OwnProgress

    @property
    def may_compare(self) -> bool:
        membership = self.membership
        open_ = membership.project.state == Project.State.OPEN and membership.paused_at is None
        return open_ and self.progress.remaining != 0


@require_safe
@page
def projects(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    memberships = memberships_of(user).order_by("project__name", "project_id")
    context = {
        "entries": [Entry(membership, own_progress(membership)) for membership in memberships],
        "may_create": may_create_projects(user),
    }
    return render(request, "annotation/projects.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def new_project(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    if not may_create_projects(user):
        raise PermissionDenied(
            _("Only people who manage a project, or whom the operator allows it, start new ones.")
        )
    form = ProjectForm(request.POST or None, initial={"state": Project.State.OPEN})
    criteria = criterion_forms(request.POST or None)
    if request.method == "POST" and form.is_valid() and criteria.is_valid():
        try:
            project = create_project(user, criteria=criteria_of(criteria), **form.cleaned_data)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, _("“%(project)s” is there. Now add its images.") % {"project": project}
            )
            return redirect("project_images", project.id)
    return render(
        request, "annotation/new_project.html", {"form": form, "criterion_forms": criteria}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page
def settings(request: HttpRequest, project_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, project_id, Role.MANAGER)
    project = membership.project
    name = project.name
    form = ProjectForm(request.POST or None, instance=project)
    criteria = criterion_forms(request.POST or None, project)
    if request.method == "POST" and _saved(project, form, criteria):
        messages.success(request, _("Saved."))
        return redirect("project_settings", project.id)
    # The form has put what was typed into the project; the page's head shows what is true.
    project.name = name
    context = {"form": form, "criterion_forms": criteria}
    return project_page(request, membership, "annotation/settings.html", context)


def _saved(project: Project, form: ProjectForm, criteria: BaseFormSet) -> bool:
    if not (form.is_valid() and criteria.is_valid()):
        return False
    try:
        update_project(project.id, criteria=criteria_of(criteria), **form.cleaned_data)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


@require_POST
@page
def state(request: HttpRequest, project_id: UUID) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    form = StateForm(request.POST)
    if form.is_valid():
        with refusals_as_messages(request):
            project = update_project(project.id, state=form.cleaned_data["state"])
            messages.success(
                request,
                _("The project is now %(state)s.") % {"state": project.state_in_words},
            )
    else:
        messages.error(request, _("A project's state is draft, open, paused or closed."))
    return back(request, "project_settings", project.id)
