from uuid import UUID

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import membership_for, project_for
from annotation.api.negotiation import AnyAccept
from annotation.api.schema import operation
from annotation.api.views.base import View
from annotation.errors import Conflict, Gone
from annotation.models import Role, Scope, User
from rating.api.files import file_response
from rating.api.serializers import (
    ExportSerializer,
    NewExportSerializer,
    NewPushSerializer,
    PushSerializer,
)
from rating.exports.hub import request_push
from rating.exports.jobs import file_name, path_of, remove_export, request_export
from rating.exports.tables import CONTENT_TYPES
from rating.models import Export

MOST_UNFINISHED = 20


class ExportsView(View):
    @operation(
        "list_exports",
        "List a project's exports, the latest first",
        scopes=[Scope.EXPORT],
        answers=ExportSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        return self.page(
            project.exports.filter(removed_at=None), ExportSerializer, "-created_at", "-id"
        )

    @operation(
        "create_export",
        "Ask for an export",
        scopes=[Scope.EXPORT],
        description="A worker writes it. It is there when its `status` is `done`.",
        body=NewExportSerializer,
        answers={202: ExportSerializer},
        refusals=(400, 401, 403, 404, 409, 415),
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        wanted = self.body(NewExportSerializer)
        # The workers are everybody's, and an export may keep one for minutes.
        unfinished = Export.objects.filter(
            created_by=self.user, status__in=[Export.Status.QUEUED, Export.Status.RUNNING]
        )
        if unfinished.count() >= MOST_UNFINISHED:
            raise Throttled(10, f"{MOST_UNFINISHED} of your exports are not finished yet.")
        export = request_export(project, self.user, wanted["format"], wanted.get("options", {}))
        return Response(self.shown(ExportSerializer, export), status=202)


class ExportView(View):
    @operation(
        "get_export",
        "See how far an export is",
        scopes=[Scope.EXPORT],
        answers=ExportSerializer,
        refusals=(401, 403, 404, 410),
    )
    def get(self, request: Request, export_id: UUID) -> Response:
        return Response(self.shown(ExportSerializer, export_for(self.user, export_id)))

    @operation(
        "delete_export",
        "Delete an export, its file and its card",
        scopes=[Scope.EXPORT],
        description="Afterwards the export answers 410. What was pushed to the hub stays there. Deleted "
        "again, it changes nothing.",
        answers={204: None},
    )
    def delete(self, request: Request, export_id: UUID) -> Response:
        remove_export(export_for(self.user, export_id, removed=True))
        return Response(status=204)


class DownloadView(View):
    content_negotiation_class = AnyAccept

    @operation(
        "download_export",
        "Download an export's file",
        scopes=[Scope.EXPORT],
        description="`ETag` is the SHA-256 of its bytes. Ranges are served, so a download that broke off "
        "can go on.",
        answers={
            (status, kind.partition(";")[0]): OpenApiTypes.BINARY
            for status in (200, 206)
            for kind in CONTENT_TYPES.values()
        },
        refusals=(401, 403, 404, 409, 410, 416),
    )
    def get(self, request: Request, export_id: UUID) -> HttpResponseBase:
        export = export_for(self.user, export_id)
        if export.status == Export.Status.FAILED:
            raise Conflict(f"The export has failed: {export.error} Ask for another.")
        if export.status != Export.Status.DONE:
            raise Conflict(f"The export is {export.status}. Wait until its status is “done”.")
        path = path_of(export)
        if not path.is_file():
            raise Gone("The file is gone from the server. Ask for another export.")
        return file_response(
            request._request,
            path,
            etag=export.sha256,
            name=file_name(export),
            content_type=CONTENT_TYPES[export.file],
        )


class CardView(View):
    content_negotiation_class = AnyAccept

    @operation(
        "get_export_card",
        "Read an export's data card",
        scopes=[Scope.EXPORT],
        description="Markdown: what the export is, how it was made, and what was left out by reason. As the "
        "README.md beside the file, it tells `datasets` which file is which split.",
        answers={(200, "text/markdown"): OpenApiTypes.STR},
        refusals=(401, 403, 404, 409, 410),
    )
    def get(self, request: Request, export_id: UUID) -> HttpResponseBase:
        export = export_for(self.user, export_id)
        if export.status != Export.Status.DONE:
            raise Conflict(f"The export is {export.status}; its card comes with its file.")
        response = HttpResponse(export.card, content_type="text/markdown; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="README.md"'
        return response


class PushesView(View):
    @operation(
        "list_pushes",
        "See where an export was pushed to, the latest first",
        scopes=[Scope.EXPORT],
        answers=PushSerializer(many=True),
        refusals=(400, 401, 403, 404, 410),
    )
    def get(self, request: Request, export_id: UUID) -> Response:
        export = export_for(self.user, export_id)
        return self.page(export.pushes.all(), PushSerializer, "-created_at", "-id")

    @operation(
        "push_export",
        "Push a finished export to a data set on the hub",
        scopes=[Scope.EXPORT],
        description="Where the operator has switched it on (`HUB_ENABLED`): a worker makes the repository, "
        "if need be, and commits the files with their card. The hub and its token are the operator's.",
        body=NewPushSerializer,
        answers={202: PushSerializer},
        refusals=(400, 401, 403, 404, 409, 410, 415),
    )
    def post(self, request: Request, export_id: UUID) -> Response:
        export = export_for(self.user, export_id)
        wanted = self.body(NewPushSerializer)
        push = request_push(export, self.user, wanted["repository"], private=wanted["private"])
        return Response(self.shown(PushSerializer, push), status=202)


def export_for(user: User, export_id: UUID, *, removed: bool = False) -> Export:
    """Return an export of a project that this person manages; removed ones raise Gone."""
    export = Export.objects.filter(id=export_id).first()
    if export is None:
        raise Http404("There is no such export in your projects.")
    membership_for(user, export.project_id, Role.MANAGER)
    if export.removed_at and not removed:
        raise Gone(
            _("This export was deleted on %(day)s. Ask for another one.")
            % {"day": f"{export.removed_at:%Y-%m-%d}"}
        )
    return export
