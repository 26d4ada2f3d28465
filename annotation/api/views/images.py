from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import limits
from annotation.access import image_for, project_for
from annotation.api.errors import PayloadTooLarge
from annotation.api.filters import ImageFilter
from annotation.api.parsers import UploadParser
from annotation.api.schema import operation, query
from annotation.api.serializers.images import (
    ChangedSerializer,
    DuplicatesSerializer,
    ImageChangeSerializer,
    ImagesChangeSerializer,
    ImageSerializer,
    ImageUploadSerializer,
)
from annotation.api.views.base import View
from annotation.errors import Invalid
from annotation.models import Image, Role, Scope
from annotation.selectors import images_of, listed_duplicates
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
        parameters=[
            query(
                "search",
                "Images whose name or prompt contains this, in any case.",
                longest=limits.SEARCH,
            ),
            query("prompt", "Images of the prompt with this id.", UUID),
            query(
                "excluded", "Only those that are excluded, or that are not.", enum=["true", "false"]
            ),
            query(
                "reported",
                "Only those on screens that people skipped as broken or unsafe, until one of the screen's "
                "images is excluded.",
                enum=["true"],
            ),
            query(
                "sha256", "Images with just these bytes: the SHA-256 of the file, in hexadecimal."
            ),
        ],
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        found = ImageFilter.cut(project, request.query_params)
        return self.page(found, ImageSerializer, "created_at", "id")

    @operation(
        "add_image",
        "Upload an image",
        scopes=[Scope.MANAGE],
        description="The original is kept as it is and never served: members are shown a re-encoded "
        "picture without metadata. The same bytes under the same name are one image: sent again, the "
        "answer is 200 and the image as it is, so an upload that broke off is simply repeated.",
        body={"multipart/form-data": ImageUploadSerializer},
        answers={201: ImageSerializer, 200: ImageSerializer},
        refusals=(400, 401, 403, 404, 409, 413, 415),
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        wanted = self.body(ImageUploadSerializer)
        file = wanted.pop("file")
        if file.size > settings.MAX_UPLOAD_BYTES:
            most = settings.MAX_UPLOAD_BYTES // 2**20
            raise PayloadTooLarge(
                _("The file is larger than %(most)s MB, the most an image may have.")
                % {"most": most}
            )
        wanted.setdefault("name", file.name[:400])
        image, added = images.upload_image(project, file, **wanted)
        return Response(ImageSerializer(image).data, status=201 if added else 200)


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
        "log. The prompt of an image that was compared stays as it is. The reference of a prompt is what its "
        "other images are judged against; it is not compared itself.",
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
        description="One that was shown is part of the log: exclude it instead. Nor is one deleted that is "
        "a reference or in an example.",
        answers={204: None},
        refusals=(401, 403, 404, 409),
    )
    def delete(self, request: Request, image_id: UUID) -> Response:
        images.delete_image(image_for(self.user, image_id, Role.MANAGER))
        return Response(status=204)


class BulkView(View):
    @operation(
        "update_images",
        "Change many images at once",
        scopes=[Scope.MANAGE],
        description="Those of a list, or all that a search finds; all of them or none. Images that were "
        "compared keep their prompt: if there is one among them, nothing is changed.",
        body=ImagesChangeSerializer,
        answers=ChangedSerializer,
        refusals=(400, 401, 403, 404, 409, 415),
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        changes = self.body(ImagesChangeSerializer)
        named = changes.pop("images", None)
        if named is None:
            chosen = images_of(project, **changes.pop("where"))
        else:
            chosen = images_of(project).filter(id__in=named)
            if unknown := len(set(named)) - chosen.count():
                raise Invalid(
                    _("%(unknown)s of these are no images of this project.") % {"unknown": unknown},
                    "images",
                )
        return Response({"images": images.update_images(project, chosen, **changes)})


class DuplicatesView(View):
    @operation(
        "list_duplicates",
        "List the images that are there more than once",
        scopes=[Scope.READ, Scope.MANAGE],
        description="Clusters of images in use that have the same bytes or look nearly the same. In an "
        "export such images are never in two splits.",
        answers=DuplicatesSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        paginator = self.pagination_class()
        page = paginator.paginate(listed_duplicates(project), request, ("name", "first"))
        wanted = [id for row in page for id in row["ids"]]
        found = Image.objects.select_related("prompt").in_bulk(wanted)
        for row in page:
            row["images"] = [found[id] for id in row["ids"] if id in found]
        return paginator.get_paginated_response(self.shown(DuplicatesSerializer, page, many=True))
