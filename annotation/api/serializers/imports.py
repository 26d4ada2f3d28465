from typing import Any

from rest_framework import serializers

from annotation import limits
from annotation.imports.kinds import KINDS
from annotation.models import Import, ImportRefusal

SHOWN_REFUSALS = 20
# The fields of a form that are files.
UPLOADS = ("file",)
SOURCES = [(key, kind.help) for key, kind in KINDS.items()]


class ImportRefusalSerializer(serializers.ModelSerializer):
    class Meta:
        model = ImportRefusal
        fields = ["place", "reason"]


class ImportSerializer(serializers.ModelSerializer):
    source = serializers.ChoiceField(SOURCES, read_only=True)  # type: ignore[assignment]  # its name

    class Meta:
        model = Import
        fields = [
            "id",
            "source",
            "options",
            "status",
            "total",
            "added",
            "known",
            "changed",
            "refused",
            "notes",
            "error",
            "created_at",
            "started_at",
            "finished_at",
        ]
        extra_kwargs = {
            "refused": {"help_text": "Entries that did not come in; `refusals/` has the reasons."}
        }


class ImportDetailSerializer(ImportSerializer):
    refusals = serializers.SerializerMethodField(
        help_text=f"The first {SHOWN_REFUSALS}; `refusals/` has them all."
    )

    class Meta(ImportSerializer.Meta):
        fields = [*ImportSerializer.Meta.fields, "refusals"]

    def get_refusals(self, job: Import) -> list[dict[str, str]]:
        shown = job.refusals.values_list("place", "reason")[:SHOWN_REFUSALS]
        return [{"place": place, "reason": reason} for place, reason in shown]


class NewImportSerializer(serializers.Serializer):
    """Which fields are needed depends on the source: see `source`."""

    source = serializers.ChoiceField(  # type: ignore[assignment]  # its name
        SOURCES,
        help_text="; ".join(
            f"`{key}`: {kind.help} Takes {', '.join(kind.takes)}" for key, kind in KINDS.items()
        ),
    )
    path = serializers.CharField(
        required=False,
        max_length=limits.SERVER_PATH,
        help_text="A folder or file of the server, inside those that the operator allows.",
    )
    folder = serializers.CharField(
        required=False,
        max_length=limits.SERVER_PATH,
        help_text="The folder that the paths of a manifest are relative to; its own, unless given.",
    )
    bucket = serializers.CharField(required=False, max_length=limits.BUCKET)
    prefix = serializers.CharField(required=False, max_length=limits.PREFIX)
    image_column = serializers.CharField(required=False, max_length=limits.COLUMN)
    prompt_column = serializers.CharField(
        required=False,
        max_length=limits.COLUMN,
        help_text="The column with the prompt; `prompt`, `text` or `caption`, unless given.",
    )
    criterion = serializers.CharField(
        required=False,
        max_length=limits.CRITERION_KEY,
        help_text="By which criterion comparisons were made: its key; needed if the project has several.",
    )
    annotator = serializers.CharField(
        required=False,
        max_length=limits.ACCOUNT_NAME,
        help_text="The member who made the comparisons: a username; yourself, unless given.",
    )
    read_prompts = serializers.BooleanField(
        required=False,
        help_text="Whether a picture without a prompt takes the one that its generator wrote into its "
        "file. True, unless given. Only images of one prompt are compared.",
    )


class UploadedImportSerializer(NewImportSerializer):
    file = serializers.FileField(
        required=False,
        max_length=limits.FILE_NAME,
        help_text="A zip archive, a manifest (CSV or JSONL), or comparisons (CSV).",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # In a form, a field that is not there reads as false.
        if "read_prompts" not in self.initial_data:
            attrs.pop("read_prompts", None)
        return attrs
