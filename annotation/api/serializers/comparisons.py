from rest_framework import serializers

from annotation.api.serializers.images import ImageURLField
from annotation.models import Comparison, Outcome

LONGEST_DURATION = 2**31 - 1


class AssignmentRequestSerializer(serializers.Serializer):
    count = serializers.IntegerField(default=1, min_value=1, max_value=5)
    criterion = serializers.CharField(
        required=False, max_length=50, help_text="A criterion's key; any, unless given."
    )


class SideSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    image = ImageURLField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class AssignmentSerializer(serializers.Serializer):
    """What the annotator is shown. Of the pictures, it tells what anybody sees, and no more."""

    id = serializers.UUIDField()
    criterion = serializers.CharField(source="criterion.key")
    question = serializers.CharField(source="criterion.question")
    prompt = serializers.CharField(source="left.prompt.text", default="")
    left = SideSerializer()
    right = SideSerializer()
    expires_at = serializers.DateTimeField()


class OpenedSerializer(serializers.Serializer):
    results = AssignmentSerializer(many=True, source="assignments")
    reason = serializers.CharField(
        allow_blank=True, help_text="Why there are none; empty if there are some."
    )


class NewComparisonSerializer(serializers.Serializer):
    assignment = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    duration_ms = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=LONGEST_DURATION
    )
    reason = serializers.CharField(required=False, allow_blank=True, max_length=1000)
    strength = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=3,
        help_text="1 slightly, 2 clearly, 3 much better.",
    )


class ComparisonSerializer(serializers.ModelSerializer):
    """One's own comparison; of the images, their ids."""

    assignment = serializers.UUIDField(source="assignment_id")
    criterion = serializers.CharField(source="criterion.key")
    left = serializers.UUIDField(source="left_id")
    right = serializers.UUIDField(source="right_id")

    class Meta:
        model = Comparison
        fields = [
            "id",
            "assignment",
            "criterion",
            "left",
            "right",
            "outcome",
            "strength",
            "reason",
            "duration_ms",
            "created_at",
            "retracted_at",
        ]


class HistorySerializer(ComparisonSerializer):
    """One's own comparison, with the pictures as they were shown."""

    prompt = serializers.CharField(source="left.prompt.text", default="")
    left = SideSerializer()  # type: ignore[assignment]  # the ids become objects
    right = SideSerializer()  # type: ignore[assignment]

    class Meta(ComparisonSerializer.Meta):
        fields = [*ComparisonSerializer.Meta.fields, "prompt"]


class LoggedComparisonSerializer(ComparisonSerializer):
    """A line of the raw log, for reviewers."""

    prompt = serializers.CharField(source="left.prompt.text", default="")
    left_name = serializers.CharField(source="left.name")
    right_name = serializers.CharField(source="right.name")
    annotator = serializers.UUIDField(source="annotator_id")
    username = serializers.CharField(source="annotator.username", help_text="The annotator's name.")
    shown_at = serializers.DateTimeField(source="assignment.created_at")
    strategy = serializers.CharField(source="assignment.strategy")
    probability = serializers.FloatField(source="assignment.probability", allow_null=True)

    class Meta(ComparisonSerializer.Meta):
        fields = [
            *ComparisonSerializer.Meta.fields,
            "prompt",
            "left_name",
            "right_name",
            "annotator",
            "username",
            "shown_at",
            "strategy",
            "probability",
            "purpose",
        ]
