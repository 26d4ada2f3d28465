from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation import limits
from annotation.api.serializers.fields import MetadataField
from annotation.models import Image, Prompt
from annotation.services.references import is_reference


@extend_schema_field(
    {
        "type": "string",
        "format": "uri-reference",
        "description": "Where members see the picture, by default at most 1600 pixels wide or high. Add "
        "?size=thumb, small, medium, large or full for at most 320, 800, 1600, 2560 pixels, or all of them.",
    }
)
class ImageURLField(serializers.Field):
    """Where members see the picture. It tells nothing of its name, its model or its place in the order."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, source="id", **kwargs)

    def to_representation(self, value: Any) -> str:
        return reverse("image", args=[value])


class ImageSerializer(serializers.ModelSerializer):
    image = ImageURLField()
    prompt = serializers.CharField(
        source="prompt.text",
        default="",
        required=False,
        allow_blank=True,
        max_length=limits.PROMPT,
        help_text="Only images of one prompt are compared.",
    )
    metadata = MetadataField(required=False)
    reason = serializers.CharField(
        source="excluded_reason",
        required=False,
        allow_blank=True,
        max_length=limits.REASON,
        help_text="Why the image is excluded.",
    )
    reference = serializers.SerializerMethodField(
        help_text="Whether its prompt's other images are judged against it."
    )

    class Meta:
        model = Image
        fields = [
            "id",
            "image",
            "name",
            "prompt",
            "model",
            "metadata",
            "width",
            "height",
            "bytes",
            "sha256",
            "excluded",
            "reason",
            "reference",
            "created_at",
        ]
        read_only_fields = ["id", "width", "height", "bytes", "sha256", "created_at"]

    def get_reference(self, image: Image) -> bool:
        return is_reference(image)


class ImageChangeSerializer(serializers.Serializer):
    """What may be changed of an image; all of it is optional."""

    excluded = serializers.BooleanField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=limits.REASON)
    name = serializers.CharField(required=False, max_length=limits.IMAGE_NAME)
    prompt = serializers.CharField(required=False, allow_blank=True, max_length=limits.PROMPT)
    model = serializers.CharField(required=False, allow_blank=True, max_length=limits.MODEL_NAME)
    metadata = MetadataField(required=False)
    reference = serializers.BooleanField(
        required=False,
        help_text="True makes it the reference of its prompt instead of the one that it may have, and "
        "excludes it; false takes it back.",
    )


class ImageUploadSerializer(serializers.Serializer):
    file = serializers.FileField(
        max_length=limits.FILE_NAME, help_text="PNG, JPEG, GIF, WebP, AVIF or HEIF."
    )
    name = serializers.CharField(
        required=False, max_length=limits.IMAGE_NAME, help_text="The file's name, unless given."
    )
    prompt = serializers.CharField(required=False, allow_blank=True, max_length=limits.PROMPT)
    model = serializers.CharField(required=False, allow_blank=True, max_length=limits.MODEL_NAME)
    metadata = MetadataField(required=False)


class ImageSearchSerializer(serializers.Serializer):
    """As in the list of images; all that is given must hold, and nothing given is every image."""

    search = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=limits.SEARCH,
        help_text="What the name or the prompt contains.",
    )
    prompt = serializers.UUIDField(required=False, help_text="A prompt's id.")
    excluded = serializers.BooleanField(required=False)
    reported = serializers.BooleanField(
        required=False, help_text="True: those on screens that were skipped as broken or unsafe."
    )


class ImagesChangeSerializer(serializers.Serializer):
    """Which images: those named, or all that a search finds; and what is to be changed of them."""

    images = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        allow_empty=False,
        max_length=limits.IMAGES_NAMED,
    )
    where = ImageSearchSerializer(required=False)
    prompt = serializers.CharField(required=False, allow_blank=True, max_length=limits.PROMPT)
    excluded = serializers.BooleanField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=limits.REASON)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("images" in attrs) == ("where" in attrs):
            raise serializers.ValidationError(
                "Name the images, or say by “where” which ones: one of the two."
            )
        if "prompt" not in attrs and "excluded" not in attrs:
            raise serializers.ValidationError("Say what to change: “prompt” or “excluded”.")
        return attrs


class ChangedSerializer(serializers.Serializer):
    images = serializers.IntegerField(help_text="How many images are now as was asked for.")


class PromptSerializer(serializers.ModelSerializer):
    text = serializers.CharField(max_length=limits.PROMPT)
    images = serializers.IntegerField(source="image_count", read_only=True)
    images_in_use = serializers.IntegerField(source="used_count", read_only=True)
    reference = serializers.UUIDField(
        source="reference_id",
        read_only=True,
        allow_null=True,
        help_text="The image that the others are judged against.",
    )

    class Meta:
        model = Prompt
        fields = ["id", "text", "images", "images_in_use", "reference"]


class DuplicatesSerializer(serializers.Serializer):
    cluster = serializers.IntegerField(
        help_text="Counts the clusters; another time it may be another."
    )
    images = ImageSerializer(many=True)
