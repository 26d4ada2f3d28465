from typing import Any

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation import limits
from rating.algorithms.methods import METHODS
from rating.exports import FORMATS
from rating.models import Export, HubPush, RatingRun
from rating.selectors import is_stale


class RunSerializer(serializers.ModelSerializer):
    stale = serializers.SerializerMethodField(
        help_text="Whether the log goes further than this run."
    )

    class Meta:
        model = RatingRun
        fields = [
            "id",
            "method",
            "settings",
            "revision",
            "comparisons",
            "fingerprint",
            "seconds",
            "finished_at",
            "stale",
        ]

    def get_stale(self, run: RatingRun) -> bool:
        known: bool | None = getattr(run, "stale", None)
        return is_stale(run) if known is None else known


class RatingSerializer(serializers.Serializer):
    image = serializers.UUIDField(source="image_id")
    name = serializers.CharField(source="image.name")
    prompt = serializers.CharField(source="image.prompt.text", default="")
    rank = serializers.IntegerField(help_text="Among the images of its prompt, 1 being the best.")
    rank_low = serializers.IntegerField(help_text="The best rank of its 95 % interval.")
    rank_high = serializers.IntegerField(help_text="The worst rank of its 95 % interval.")
    mu = serializers.FloatField()
    sigma = serializers.FloatField()
    score = serializers.FloatField(help_text="The conservative score, mu - 3 sigma.")
    comparisons = serializers.IntegerField()
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    ties = serializers.IntegerField()
    group = serializers.IntegerField(
        help_text="Images of different groups were never compared, not even through others."
    )


class RatingsSerializer(serializers.Serializer):
    """A page of one run's ratings."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    run = RunSerializer(allow_null=True, help_text="null before the first run.")
    criterion = serializers.CharField()
    results = RatingSerializer(many=True)


class RecomputeRequestSerializer(serializers.Serializer):
    method = serializers.ChoiceField(
        choices=list(METHODS),
        required=False,
        help_text="From now on; the project's present one, unless given.\n"
        + "\n".join(f"`{key}`: {method.title}" for key, method in METHODS.items()),
    )


class RecomputeSerializer(serializers.Serializer):
    revision = serializers.IntegerField(
        help_text="A run with this revision, or a later one, has read all that is there now."
    )


@extend_schema_field({"anyOf": [format.json_schema for format in FORMATS.values()]})
class OptionsField(serializers.DictField):
    """An export's options; which there are, its format says."""


class NewExportSerializer(serializers.Serializer):
    format = serializers.ChoiceField(
        choices=list(FORMATS),
        help_text="\n".join(f"`{key}`: {format.help}" for key, format in FORMATS.items()),
    )
    options = OptionsField(
        required=False, help_text="`file`: the file's type; and the format's own options."
    )


class ExportSerializer(serializers.ModelSerializer):
    options = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField(
        help_text="From 0 to 1, by how much of the log is read; null if it failed."
    )
    url = serializers.SerializerMethodField(help_text="Where the file is, once it is done.")
    card = serializers.SerializerMethodField(
        help_text="Where its data card is, once it is done: what it is, how it was made, what was left out."
    )
    run = serializers.UUIDField(source="run_id", allow_null=True)

    class Meta:
        model = Export
        fields = [
            "id",
            "format",
            "options",
            "status",
            "progress",
            "error",
            "rows",
            "left_out",
            "bytes",
            "sha256",
            "url",
            "card",
            "run",
            "revision",
            "created_at",
            "finished_at",
        ]

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_options(self, export: Export) -> dict[str, Any]:
        return {"file": export.file, **export.options}

    def get_progress(self, export: Export) -> float | None:
        return None if export.status == Export.Status.FAILED else export.progress

    def get_url(self, export: Export) -> str | None:
        return self._where(export, "api-export-download")

    def get_card(self, export: Export) -> str | None:
        return self._where(export, "api-export-card")

    def _where(self, export: Export, name: str) -> str | None:
        if export.status != Export.Status.DONE:
            return None
        url = reverse(name, args=[export.id])
        return str(self.context["request"].build_absolute_uri(url))


class NewPushSerializer(serializers.Serializer):
    repository = serializers.CharField(
        max_length=limits.REPOSITORY,
        help_text="A data set on the operator's hub, such as `our-team/cats`.",
    )
    private = serializers.BooleanField(
        default=True, help_text="Whether a repository that is made for it is private."
    )


class PushSerializer(serializers.ModelSerializer):
    class Meta:
        model = HubPush
        fields = [
            "id",
            "repository",
            "private",
            "status",
            "error",
            "url",
            "commit",
            "created_at",
            "finished_at",
        ]
