from uuid import UUID

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import import_for, project_for
from annotation.api.parsers import StrictJSONParser, UploadParser
from annotation.api.schema import operation
from annotation.api.serializers.imports import (
    UPLOADS,
    ImportDetailSerializer,
    ImportRefusalSerializer,
    ImportSerializer,
    NewImportSerializer,
    UploadedImportSerializer,
)
from annotation.api.views.base import View
from annotation.imports.jobs import request_import
from annotation.models import Role, Scope


class ImportsView(View):
    parser_classes = [StrictJSONParser, UploadParser]
    most_bytes = settings.MAX_IMPORT_UPLOAD_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    @operation(
        "list_imports",
        "List a project's imports, the latest first",
        scopes=[Scope.READ, Scope.MANAGE],
        answers=ImportSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        return self.page(project.imports.all(), ImportSerializer, "-created_at", "-id")

    @operation(
        "create_import",
        "Bring pictures in",
        scopes=[Scope.MANAGE],
        description="A worker does it, from a folder or file of the server, from storage, or from an "
        "uploaded `file`. Each picture comes in once: the same import again adds only what is new.",
        body={
            "application/json": NewImportSerializer,
            "multipart/form-data": UploadedImportSerializer,
        },
        answers={202: ImportDetailSerializer},
        refusals=(400, 401, 403, 404, 409, 413, 415),
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        wanted = self.body(UploadedImportSerializer)
        source = wanted.pop("source")
        uploads = {name: wanted.pop(name) for name in UPLOADS if name in wanted}
        job = request_import(project, self.user, source, wanted, uploads)
        job.refresh_from_db()
        return Response(self.shown(ImportDetailSerializer, job), status=202)


class ImportView(View):
    @operation(
        "get_import",
        "See how far an import is",
        scopes=[Scope.READ, Scope.MANAGE],
        answers=ImportDetailSerializer,
    )
    def get(self, request: Request, import_id: UUID) -> Response:
        return Response(self.shown(ImportDetailSerializer, import_for(self.user, import_id)))


class ImportRefusalsView(View):
    @operation(
        "list_import_refusals",
        "List what an import has refused, and why",
        scopes=[Scope.READ, Scope.MANAGE],
        description="In the order in which it was met. Of very many, the first 10,000 are kept.",
        answers=ImportRefusalSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, import_id: UUID) -> Response:
        job = import_for(self.user, import_id)
        return self.page(job.refusals.all(), ImportRefusalSerializer, "id")
