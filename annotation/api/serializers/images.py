from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.api.serializers.fields import MetadataField
from annotation.models import Image

LONGEST_PROMPT = 20_000


@extend_schema_field({"type": "string", "format": "uri-reference"})
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
        max_length=LONGEST_PROMPT,
        help_text="Only images of one prompt are compared.",
    )
    metadata = MetadataField(required=False)
    reason = serializers.CharField(
        source="excluded_reason",
        required=False,
        allow_blank=True,
        max_length=300,
        help_text="Why the image is excluded.",
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
            "created_at",
        ]
        read_only_fields = ["id", "width", "height", "bytes", "sha256", "created_at"]


class ImageChangeSerializer(serializers.Serializer):
    """What may be changed of an image; all of it is optional."""

    excluded = serializers.BooleanField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=300)
    name = serializers.CharField(required=False, max_length=400)
    prompt = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_PROMPT)
    model = serializers.CharField(required=False, allow_blank=True, max_length=200)
    metadata = MetadataField(required=False)


class ImageUploadSerializer(serializers.Serializer):
    file = serializers.FileField(help_text="PNG, JPEG, GIF, WebP, AVIF or HEIF.")
    name = serializers.CharField(
        required=False, max_length=400, help_text="The file's name, unless given."
    )
    prompt = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_PROMPT)
    model = serializers.CharField(required=False, allow_blank=True, max_length=200)
    metadata = MetadataField(required=False)
