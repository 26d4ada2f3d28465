from uuid import UUID

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import image_for, project_for
from annotation.api.errors import PayloadTooLarge
from annotation.api.parsers import UploadParser
from annotation.api.schema import operation
from annotation.api.serializers.images import (
    ImageChangeSerializer,
    ImageSerializer,
    ImageUploadSerializer,
)
from annotation.api.views.base import View
from annotation.models import Role, Scope
from annotation.services import images


class ImagesView(View):
    parser_classes = [UploadParser]
    most_bytes = settings.MAX_UPLOAD_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    @operation(
        "list_images",
        "List a project's images, excluded ones too, the oldest first",
        scopes=[Scope.READ, Scope.MANAGE],
        answers=ImageSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        return self.page(
            project.images.select_related("prompt"), ImageSerializer, "created_at", "id"
        )

    @operation(
        "add_image",
        "Upload an image",
        scopes=[Scope.MANAGE],
        description="The original is kept as it is and never served: members are shown a re-encoded "
        "picture without metadata.",
        body={"multipart/form-data": ImageUploadSerializer},
        answers={201: ImageSerializer},
        refusals=(400, 401, 403, 404, 413, 415),
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        wanted = self.body(ImageUploadSerializer)
        file = wanted.pop("file")
        if file.size > settings.MAX_UPLOAD_BYTES:
            most = settings.MAX_UPLOAD_BYTES // 2**20
            raise PayloadTooLarge(f"The file is larger than {most} MB, the most an image may have.")
        wanted.setdefault("name", file.name[:400])
        image = images.add_image(project, file.read(), **wanted)
        return Response(ImageSerializer(image).data, status=201)


class ImageView(View):
    @operation(
        "get_image",
        "Read what is known of an image",
        scopes=[Scope.READ, Scope.MANAGE],
        answers=ImageSerializer,
    )
    def get(self, request: Request, image_id: UUID) -> Response:
        return Response(ImageSerializer(image_for(self.user, image_id, Role.MANAGER)).data)

    @operation(
        "update_image",
        "Change an image, exclude it, or take it back",
        scopes=[Scope.MANAGE],
        description="An excluded image is shown to nobody and not rated; its comparisons stay in the "
        "log. The prompt of an image that was compared stays as it is.",
        body=ImageChangeSerializer,
        answers=ImageSerializer,
        refusals=(400, 401, 403, 404, 409, 415),
    )
    def patch(self, request: Request, image_id: UUID) -> Response:
        image = image_for(self.user, image_id, Role.MANAGER)
        changed = images.update_image(image, **self.body(ImageChangeSerializer))
        return Response(ImageSerializer(changed).data)

    @operation(
        "delete_image",
        "Delete an image that nobody was shown",
        scopes=[Scope.MANAGE],
        description="One that was shown is part of the log: exclude it instead.",
        answers={204: None},
        refusals=(401, 403, 404, 409),
    )
    def delete(self, request: Request, image_id: UUID) -> Response:
        images.delete_image(image_for(self.user, image_id, Role.MANAGER))
        return Response(status=204)
