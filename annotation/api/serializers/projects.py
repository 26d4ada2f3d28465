from rest_framework import serializers

from annotation.api.serializers.fields import FiniteFloatField
from annotation.models import Criterion, Project, Role


class CriterionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Criterion
        fields = ["key", "question"]

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        # In a PATCH nothing is required, but a criterion in a list is whole.
        if "key" not in attrs:
            raise serializers.ValidationError({"key": ["A criterion needs a key."]})
        return attrs


class ProjectSettingsSerializer(serializers.ModelSerializer):
    random_share = FiniteFloatField(
        required=False,
        min_value=0,
        max_value=1,
        help_text=str(Project._meta.get_field("random_share").help_text),
    )

    class Meta:
        model = Project
        fields = ["allow_tie", "overlap", "quota", "lease_seconds", "strategy", "random_share"]
        extra_kwargs = {"quota": {"min_value": 1, "max_value": 10**9}}


class ProjectSerializer(serializers.ModelSerializer):
    instructions = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    criteria = CriterionSerializer(  # type: ignore[call-arg]  # the stubs forget the list's limits
        many=True,
        required=False,
        allow_empty=False,
        max_length=50,
        help_text="The questions, in their order; a list replaces the one before.",
    )
    settings = ProjectSettingsSerializer(
        source="*", required=False, help_text="Those that are not given stay as they are."
    )
    role = serializers.ChoiceField(
        choices=Role.choices, read_only=True, help_text="What the person who asks is here."
    )

    class Meta:
        model = Project
        fields = [
            "id",
            "name",
            "instructions",
            "criteria",
            "state",
            "settings",
            "role",
            "created_at",
        ]
        read_only_fields = ["id", "created_at"]
