from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from annotation.access import membership_for, project_for
from annotation.forms import InvitationForm, MemberForm, RoleForm
from annotation.models import Membership, Role, User
from annotation.selectors import invitations_of, members_of
from annotation.services import members as services
from annotation.views.page import page, project_page, refusals_as_messages


@require_safe
@page
def members(request: HttpRequest, project_id: UUID) -> HttpResponse:
    return _page(request, membership_for(request.user, project_id, Role.MANAGER))


def _page(request: HttpRequest, membership: Membership, link: str = "") -> HttpResponse:
    context = {
        "members": members_of(membership.project),
        "invitations": invitations_of(membership.project),
        "roles": Role,
        "invitation_form": InvitationForm(),
        "member_form": MemberForm(),
        "link": link,
    }
    return project_page(request, membership, "annotation/members.html", context)


@require_POST
@page
def invite(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Answers with the page itself: the link is shown here once, and kept nowhere."""
    membership = membership_for(request.user, project_id, Role.MANAGER)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        messages.error(request, gettext("Choose a role, and a note of up to 200 characters."))
        return redirect("members", project_id)
    _, token = services.create_invitation(
        membership.project, cast(User, request.user), **form.cleaned_data
    )
    link = request.build_absolute_uri(reverse("invitation", args=[token]))
    return _page(request, membership, link)


@require_POST
@page
def revoke(request: HttpRequest, project_id: UUID, invitation_id: UUID) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    services.revoke_invitation(project, invitation_id)
    messages.success(request, gettext("The invitation is withdrawn."))
    return redirect("members", project_id)


@require_POST
@page
def add(request: HttpRequest, project_id: UUID) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    form = MemberForm(request.POST)
    if form.is_valid():
        with refusals_as_messages(request):
            member = services.add_member(project, **form.cleaned_data)
            messages.success(request, gettext("%(user)s is now a member.") % {"user": member.user})
    else:
        messages.error(request, gettext("Give the name with which the person logs in, and a role."))
    return redirect("members", project_id)


@require_POST
@page
def change_role(request: HttpRequest, project_id: UUID, user_id: UUID) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    form = RoleForm(request.POST)
    if form.is_valid():
        with refusals_as_messages(request):
            member = services.change_role(project, user_id, form.cleaned_data["role"])
            messages.success(
                request,
                gettext("%(user)s is now %(role)s.")
                % {"user": member.user, "role": Role(member.role).called},
            )
    else:
        messages.error(request, gettext("A role is annotator, reviewer or manager."))
    # Whoever gave up managing may not open the members' page any more.
    still = membership_for(request.user, project_id)
    return redirect("members" if still.role == Role.MANAGER else "compare", project_id)


@require_POST
@page
def remove(request: HttpRequest, project_id: UUID, user_id: UUID) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    with refusals_as_messages(request):
        services.remove_member(project, user_id)
        messages.success(request, gettext("Removed. Their comparisons stay in the log."))
        if user_id == request.user.pk:
            return redirect("projects")
    return redirect("members", project_id)
