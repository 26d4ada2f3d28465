from rest_framework import serializers

from annotation import limits
from annotation.models import Example
from annotation.services.examples import LONGEST_EXPLANATION

LAST_POSITION = 1_000_000


class ExampleSerializer(serializers.ModelSerializer):
    criterion = serializers.CharField(source="criterion.key", read_only=True)
    better = serializers.UUIDField(source="better_id", read_only=True)
    worse = serializers.UUIDField(source="worse_id", read_only=True)

    class Meta:
        model = Example
        fields = [
            "id",
            "criterion",
            "better",
            "worse",
            "explanation",
            "practice",
            "position",
            "created_at",
        ]


class ExampleUseSerializer(serializers.Serializer):
    """What may be changed of an example; all of it is optional."""

    explanation = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST_EXPLANATION,
        help_text="Why it is better; shown to annotators.",
    )
    practice = serializers.BooleanField(
        required=False, help_text="Practised in the introduction, instead of shown there."
    )
    position = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=LAST_POSITION,
        help_text="The lower, the sooner it is shown.",
    )


class NewExampleSerializer(serializers.Serializer):
    better = serializers.UUIDField(help_text="The better image.")
    worse = serializers.UUIDField(help_text="The other image, of the same prompt.")
    criterion = serializers.CharField(
        required=False,
        max_length=limits.CRITERION_KEY,
        help_text="A criterion's key; the first, unless given.",
    )
    explanation = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST_EXPLANATION,
        help_text="Why it is better; shown to annotators.",
    )
    practice = serializers.BooleanField(
        required=False, help_text="Practised in the introduction, instead of shown there."
    )
