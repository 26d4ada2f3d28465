from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import access
from annotation.api.schema import operation
from annotation.api.serializers.projects import ProjectSerializer
from annotation.api.views.base import View
from annotation.models import Membership, Project, Role, Scope
from annotation.services import projects


class ProjectsView(View):
    @operation(
        "list_projects",
        "List one's projects, the oldest first",
        scopes=list(Scope),
        answers=ProjectSerializer(many=True),
        refusals=(400, 401),
    )
    def get(self, request: Request) -> Response:
        mine = (
            Project.objects.filter(deleted_at=None, memberships__user=self.user)
            .annotate(role=F("memberships__role"))
            .prefetch_related("criteria")
        )
        return self.page(mine, ProjectSerializer, "created_at", "id")

    @operation(
        "create_project",
        "Create a project",
        scopes=[Scope.MANAGE],
        description="Its maker is its manager. It is a draft, unless `state` says otherwise; with no "
        "criteria it asks which image is better. Only managers of a project may create another, and "
        "whom the administrator permits it.",
        body=ProjectSerializer,
        answers={201: ProjectSerializer},
        refusals=(400, 401, 403, 409, 415),
    )
    def post(self, request: Request) -> Response:
        if not access.may_create_projects(self.user):
            raise PermissionDenied(
                _("You may not create projects. Ask the administrator for the permission.")
            )
        project = projects.create_project(self.user, **self.body(ProjectSerializer))
        return Response(_shown(access.membership_for(self.user, project.id)), status=201)


class ProjectView(View):
    @operation("get_project", "Read a project", scopes=list(Scope), answers=ProjectSerializer)
    def get(self, request: Request, project_id: UUID) -> Response:
        return Response(_shown(access.membership_for(self.user, project_id)))

    @operation(
        "update_project",
        "Change a project",
        scopes=[Scope.MANAGE],
        description="Only what is given is changed. A criterion that has comparisons cannot be removed. "
        "With the `ETag` of the project as `If-Match`, it is refused if somebody else was faster.",
        body=ProjectSerializer,
        answers=ProjectSerializer,
        refusals=(400, 401, 403, 404, 409, 412, 415),
        parameters=[
            OpenApiParameter(
                "If-Match",
                location=OpenApiParameter.HEADER,
                description="The `ETag` of the project as you have read it.",
            )
        ],
    )
    def patch(self, request: Request, project_id: UUID) -> Response:
        membership = access.membership_for(self.user, project_id, Role.MANAGER)
        changes = self.body(ProjectSerializer, partial=True)
        with transaction.atomic():
            membership.project = projects.locked_project(project_id)
            self.refuse_unless_match(_shown(membership))
            membership.project = projects.update_project(project_id, **changes)
        return Response(_shown(membership))

    @operation(
        "delete_project",
        "Delete a project",
        scopes=[Scope.MANAGE],
        description="Nobody sees it any more. Its log is kept: comparisons are never erased.",
        answers={204: None},
    )
    def delete(self, request: Request, project_id: UUID) -> Response:
        access.project_for(self.user, project_id, Role.MANAGER)
        projects.delete_project(project_id)
        return Response(status=204)


def _shown(membership: Membership) -> dict[str, object]:
    membership.project.role = membership.role  # type: ignore[attr-defined]  # as in the list
    return dict(ProjectSerializer(membership.project).data)
