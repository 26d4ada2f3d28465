from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from annotation.access import memberships_of
from annotation.accounts import remember_device
from annotation.errors import Invalid
from annotation.forms import NewPersonForm
from annotation.models import Invitation, Membership, Role, User
from annotation.services.members import (
    accept_invitation,
    accept_invitation_as_new_person,
    open_invitation,
)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Whoever has the link may join: as the person who is logged in, or as a new one."""
    invited = open_invitation(token)
    if isinstance(request.user, User):
        return _for_known(request, request.user, invited, token)
    return _for_new(request, invited, token)


def _for_known(request: HttpRequest, user: User, invited: Invitation, token: str) -> HttpResponse:
    if memberships_of(user).filter(project=invited.project_id).exists():
        messages.info(
            request, _("You are a member of “%(project)s” already.") % {"project": invited.project}
        )
        return redirect("projects")
    if request.method == "POST":
        return _welcome(request, accept_invitation(token, user))
    return render(request, "annotation/invitation.html", _facts(invited))


def _for_new(request: HttpRequest, invited: Invitation, token: str) -> HttpResponse:
    form = NewPersonForm(request.POST or None)
    if form.is_valid():
        try:
            membership = accept_invitation_as_new_person(token, **form.cleaned_data)
        except Invalid as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            login(request, membership.user)
            response = _welcome(request, membership)
            remember_device(request, response, membership.user)
            return response
    return render(request, "annotation/invitation.html", {"form": form, **_facts(invited)})


def _facts(invited: Invitation) -> dict[str, object]:
    return {"project": invited.project, "role": Role(invited.role)}


def _welcome(request: HttpRequest, membership: Membership) -> HttpResponse:
    messages.success(request, _("Welcome to “%(project)s”.") % {"project": membership.project})
    return redirect("compare", membership.project_id)
