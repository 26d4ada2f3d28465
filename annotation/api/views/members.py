from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import project_for
from annotation.api.schema import operation
from annotation.api.serializers.members import (
    InvitationSerializer,
    MemberSerializer,
    NewInvitationSerializer,
    NewMemberSerializer,
    RoleSerializer,
)
from annotation.api.views.base import View
from annotation.models import Role, Scope
from annotation.selectors import members_of
from annotation.services import members


class MembersView(View):
    @operation(
        "list_members",
        "List a project's members, by name",
        scopes=[Scope.MANAGE],
        answers=MemberSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        return self.page(members_of(project), MemberSerializer, "user__username")

    @operation(
        "add_member",
        "Add a person who has an account",
        scopes=[Scope.MANAGE],
        description="Whoever has none yet is invited instead.",
        body=NewMemberSerializer,
        answers={201: MemberSerializer},
        refusals=(400, 401, 403, 404, 409, 415),
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        wanted = self.body(NewMemberSerializer)
        member = members.add_member(project, wanted["username"], Role(wanted["role"]))
        return Response(MemberSerializer(member).data, status=201)


class MemberView(View):
    @operation(
        "change_role",
        "Change a member's role",
        scopes=[Scope.MANAGE],
        description="The last manager stays one.",
        body=RoleSerializer,
        answers=MemberSerializer,
        refusals=(400, 401, 403, 404, 409, 415),
    )
    def patch(self, request: Request, project_id: UUID, user_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        role = Role(self.body(RoleSerializer)["role"])
        members.change_role(project, user_id, role)
        return Response(MemberSerializer(members_of(project).get(user=user_id)).data)

    @operation(
        "remove_member",
        "Remove a member",
        scopes=[Scope.MANAGE],
        description="They see the project no more; what they compared stays in the log.",
        answers={204: None},
        refusals=(401, 403, 404, 409),
    )
    def delete(self, request: Request, project_id: UUID, user_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        members.remove_member(project, user_id)
        return Response(status=204)


class InvitationsView(View):
    @operation(
        "list_invitations",
        "List a project's invitations, the latest first",
        scopes=[Scope.MANAGE],
        description="Their links are not kept, and so not shown.",
        answers=InvitationSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        invitations = project.invitations.select_related("accepted_by")
        return self.page(invitations, InvitationSerializer, "-created_at", "-id")

    @operation(
        "create_invitation",
        "Make a link that lets one person join",
        scopes=[Scope.MANAGE],
        description="It works once, until `expires_at`. It is shown in this answer and never again.",
        body=InvitationSerializer,
        answers={201: NewInvitationSerializer},
        refusals=(400, 401, 403, 404, 415),
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        wanted = self.body(InvitationSerializer)
        invitation, token = members.create_invitation(
            project, self.user, Role(wanted.get("role", Role.ANNOTATOR)), wanted.get("note", "")
        )
        url = urljoin(settings.PUBLIC_URL, reverse("invitation", args=[token]))
        return Response(InvitationSerializer(invitation).data | {"url": url}, status=201)


class InvitationView(View):
    @operation(
        "revoke_invitation",
        "Withdraw an invitation",
        scopes=[Scope.MANAGE],
        description="Its link works no more. Withdrawn again, or used already, it stays as it is.",
        answers={204: None},
    )
    def delete(self, request: Request, project_id: UUID, invitation_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        members.revoke_invitation(project, invitation_id)
        return Response(status=204)
