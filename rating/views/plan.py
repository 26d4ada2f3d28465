"""What managers decide about the ratings: the method, and whose comparisons count."""

from typing import cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotation import limits
from annotation.access import project_for
from annotation.models import Role, User
from annotation.views.page import page, refusals_as_messages
from rating import services


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=limits.REASON, required=False)


@require_POST
@page
def choose_method(request: HttpRequest, project_id: UUID) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    with refusals_as_messages(request):
        services.choose_method(project.id, request.POST.get("method", ""))
        messages.success(request, _("Chosen. The ratings are being made by this method."))
    return redirect("dashboard", project_id)


@require_POST
@page
def set_aside(request: HttpRequest, project_id: UUID, user_id: UUID) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    form = ReasonForm(request.POST)
    if form.is_valid():
        with refusals_as_messages(request):
            services.set_aside(
                project, user_id, cast(User, request.user), form.cleaned_data["reason"]
            )
            messages.success(
                request,
                _(
                    "Set aside. The ratings are being made without their comparisons, which stay "
                    "in the log."
                ),
            )
    else:
        messages.error(request, _("A reason may have up to 300 characters."))
    return redirect("dashboard", project_id)


@require_POST
@page
def take_back(request: HttpRequest, project_id: UUID, user_id: UUID) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    services.take_back(project, user_id, cast(User, request.user))
    messages.success(request, _("Taken back. Their comparisons count again."))
    return redirect("dashboard", project_id)
