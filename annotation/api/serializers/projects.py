from typing import Any

from rest_framework import serializers

from annotation import limits
from annotation.api.serializers.fields import FiniteFloatField
from annotation.models import Criterion, Project, Role, validate_tags


class CriterionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Criterion
        fields = ["key", "question"]

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        # In a PATCH nothing is required, but a criterion in a list is whole.
        if "key" not in attrs:
            raise serializers.ValidationError({"key": ["A criterion needs a key."]})
        return attrs


def _share(name: str, least: float, most: float) -> FiniteFloatField:
    text = str(getattr(Project._meta.get_field(name), "help_text", ""))
    return FiniteFloatField(required=False, min_value=least, max_value=most, help_text=text)


# What annotators are told of the settings: what their screens look like, and what they may answer. Not how
# they are checked, nor what is done with their answers.
FOR_ANNOTATORS = {
    *("allow_tie", "screen", "screen_size", "show_prompt", "criteria_together"),
    *("ask_strength", "ask_reason", "tags", "undo_steps", "pause_after"),
}


class ProjectSettingsSerializer(serializers.ModelSerializer):
    """How a project asks, and checks, and decides; annotators are told only how it asks."""

    random_share = _share("random_share", 0, 1)
    gold_share = _share("gold_share", 0, 0.5)
    repeat_share = _share("repeat_share", 0, 0.5)
    warn_below = _share("warn_below", 0, 1)
    pause_below = _share("pause_below", 0, 1)
    target_value = _share("target_value", 0.05, 0.999)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=limits.TAG),
        required=False,
        max_length=limits.TAGS,
        validators=[validate_tags],
        help_text=f"What annotators may tick beside an answer: {limits.TAGS} at most, each once, no commas.",
    )

    class Meta:
        model = Project
        fields = [
            *("allow_tie", "overlap", "quota", "lease_seconds"),
            *("strategy", "random_share", "goal", "top", "screen", "screen_size"),
            *("gold_share", "repeat_share", "warn_below", "pause_below", "pause_automatically"),
            *("target", "target_value", "close_at_target"),
            *("show_prompt", "criteria_together", "ask_strength", "ask_reason", "tags"),
            *("undo_steps", "pause_after"),
        ]
        extra_kwargs = {"quota": {"min_value": 1, "max_value": limits.QUOTA}}

    def to_representation(self, project: Project) -> dict[str, Any]:
        told = super().to_representation(project)
        # Whoever hands out a project has told which role the asker has in it.
        if Role(project.role).is_blind:  # type: ignore[attr-defined]
            return {name: value for name, value in told.items() if name in FOR_ANNOTATORS}
        return told


class ProjectSerializer(serializers.ModelSerializer):
    instructions = serializers.CharField(
        required=False, allow_blank=True, max_length=limits.INSTRUCTIONS
    )
    criteria = CriterionSerializer(  # type: ignore[call-arg]  # the stubs forget the list's limits
        many=True,
        required=False,
        allow_empty=False,
        max_length=limits.CRITERIA,
        help_text="The questions, in their order; a list replaces the one before.",
    )
    settings = ProjectSettingsSerializer(
        source="*",
        required=False,
        help_text="Those that are not given stay as they are. Annotators see only those of their screens.",
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
