from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation import limits
from annotation.api.serializers.images import ImageURLField
from annotation.models import Assignment, Cause, Comparison, Image, Outcome, Screen
from annotation.showings import id_of, levels_of, reference_of, side_of

# The longest lease that there is.
LONGEST_WAIT = 7 * 24 * 3600 * 1000
OF_PAIRS = "Null, if more than two images are shown."
IN_ORDER_OF_SCREEN = "More than two images, in the order of the screen; null for two."
OWN_IDS = (
    "To reviewers and managers the image's own id. Annotators get another each time that an image is shown, "
    "which works for them alone."
)
HIDDEN = "Empty if there is none, or the project hides it from annotators."
LEVELS = (
    "Ids of images in lists, the best first: each is better than those of later lists. For the screen `best` "
    "[[the best], [all others]], for `best_worst` [[the best], [all between], [the worst]], for `order` each "
    "image in a list of its own."
)


class AssignmentRequestSerializer(serializers.Serializer):
    count = serializers.IntegerField(default=1, min_value=1, max_value=limits.ASSIGNMENTS)
    criterion = serializers.CharField(
        required=False,
        max_length=limits.CRITERION_KEY,
        help_text="A criterion's key; any, unless given.",
    )


class SideSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text=OWN_IDS)
    image = ImageURLField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class KnownAs:
    """Mark fields that name images: by their own ids only for whom the view says that they may know them."""

    context: dict[str, Any]

    @property
    def blind(self) -> bool:
        return bool(self.context.get("blind", True))


@extend_schema_field(SideSerializer(allow_null=True))
class SideField(KnownAs, serializers.Field):
    """One of two images, as it is named to the asker."""

    def __init__(self, side: str, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, help_text=OF_PAIRS, **kwargs)
        self.side = side

    def to_representation(self, row: Assignment | Comparison) -> Any:
        image = getattr(row, self.side)
        return image and SideSerializer(side_of(row, image, blind=self.blind)).data


@extend_schema_field(SideSerializer(many=True, allow_null=True))
class SidesField(KnownAs, serializers.Field):
    """More than two images, as they are named to the asker."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, help_text=IN_ORDER_OF_SCREEN, **kwargs)

    def to_representation(self, row: Assignment | Comparison) -> Any:
        images = row.lineup_images
        if images is None:
            return None
        sides = [side_of(row, image, blind=self.blind) for image in images]
        return SideSerializer(sides, many=True).data


@extend_schema_field(OpenApiTypes.STR)
class PromptField(serializers.Field):
    """Of what was shown, which is all of one prompt."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, row: Assignment | Comparison) -> str:
        first: Image = row.left or (row.lineup_images or [])[0]
        return first.prompt.text if first.prompt else ""


@extend_schema_field(SideSerializer(allow_null=True))
class ReferenceField(KnownAs, serializers.Field):
    """What the images are to be judged against, such as the original of an edit."""

    def __init__(self, **kwargs: Any) -> None:
        told = "What the images are judged against, such as the original of an edit; or null."
        super().__init__(source="*", read_only=True, help_text=told, **kwargs)

    def to_representation(self, row: Assignment | Comparison) -> Any:
        first: Image = row.left or (row.lineup_images or [])[0]
        reference = first.prompt.reference if first.prompt else None
        if reference is None:
            return None
        return SideSerializer(reference_of(row, reference, blind=self.blind)).data


class ShownPromptField(PromptField):
    """As annotators see it: not at all, if the project hides it from them."""

    def to_representation(self, row: Assignment | Comparison) -> str:
        return super().to_representation(row) if row.project.show_prompt else ""


class WholeSecondsField(serializers.DateTimeField):
    """Rounded down: fractions would tell how long it took to choose what is shown."""

    def to_representation(self, value: datetime) -> Any:
        return super().to_representation(value.replace(microsecond=0))


class AssignmentSerializer(serializers.Serializer):
    """What the annotator is shown. Of the pictures, it tells what anybody sees, and no more."""

    id = serializers.UUIDField()
    criterion = serializers.CharField(source="criterion.key")
    question = serializers.CharField(source="criterion.question")
    prompt = ShownPromptField(help_text=HIDDEN)
    screen = serializers.ChoiceField(choices=Screen.choices)
    left = SideField("left")
    right = SideField("right")
    images = SidesField()
    reference = ReferenceField()
    expires_at = WholeSecondsField()
    replaces = serializers.UUIDField(
        source="replaces_id",
        allow_null=True,
        help_text="The assignment whose answer was undone, if this one is to be judged anew.",
    )


class OpenedSerializer(serializers.Serializer):
    results = AssignmentSerializer(many=True, source="assignments")
    reason = serializers.CharField(
        allow_blank=True, help_text="Why there are none; empty if there are some."
    )


class LevelsField(serializers.ListField):
    def __init__(self, **kwargs: Any) -> None:
        level = serializers.ListField(
            child=serializers.UUIDField(), min_length=1, max_length=limits.IMAGES_SHOWN
        )
        super().__init__(child=level, min_length=2, max_length=limits.IMAGES_SHOWN, **kwargs)


class KnownLevelsField(KnownAs, LevelsField):
    """Stored levels, with the images as they are named to the asker."""

    def get_attribute(self, instance: Comparison) -> Any:
        levels = instance.levels
        return levels and levels_of(instance, levels, blind=self.blind)


@extend_schema_field({"type": ["string", "null"], "format": "uuid"})
class SideIdField(KnownAs, serializers.Field):
    """The id of one of two images, as it is named to the asker."""

    def __init__(self, side: str, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, help_text=OF_PAIRS, **kwargs)
        self.side = side

    def to_representation(self, row: Comparison) -> str | None:
        image_id = getattr(row, self.side)
        return image_id and str(id_of(row, image_id, blind=self.blind))


class TagsField(serializers.ListField):
    def __init__(self, **kwargs: Any) -> None:
        child = serializers.CharField(max_length=limits.TAG)
        super().__init__(child=child, max_length=limits.TAGS, **kwargs)


class NewComparisonSerializer(serializers.Serializer):
    assignment = serializers.UUIDField()
    outcome = serializers.ChoiceField(
        choices=Outcome.choices,
        help_text="Of two images left, right, tie or both_bad; of more, ordered; of any, skip.",
    )
    levels = LevelsField(
        required=False, allow_null=True, help_text=f"With the outcome “ordered”. {LEVELS}"
    )
    duration_ms = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=limits.WHOLE_NUMBER
    )
    cause = serializers.ChoiceField(
        choices=Cause.choices,
        required=False,
        allow_blank=True,
        help_text="With the outcome “skip”: whether an image is broken or unsafe, or it cannot be told.",
    )
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=limits.ANSWER_REASON
    )
    tags = TagsField(required=False, help_text="Some of the project's tags, each once.")
    strength = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=3,
        help_text="1 slightly, 2 clearly, 3 much better.",
    )
    waited_ms = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=LONGEST_WAIT,
        help_text="How long the answer has waited to be sent since it was given. One that was given before "
        "its reservation ended is taken after that, while there is a place for it.",
    )


class ComparisonSerializer(serializers.ModelSerializer):
    """One's own comparison; of the images, the ids by which they were shown."""

    assignment = serializers.UUIDField(source="assignment_id")
    criterion = serializers.CharField(source="criterion.key")
    left = SideIdField("left_id")
    right = SideIdField("right_id")
    levels = KnownLevelsField(allow_null=True, help_text=f"Null, unless it is “ordered”. {LEVELS}")
    tags = TagsField(help_text="Those of the project's tags that were ticked.")

    class Meta:
        model = Comparison
        fields = [
            "id",
            "assignment",
            "criterion",
            "screen",
            "left",
            "right",
            "outcome",
            "levels",
            "strength",
            "cause",
            "reason",
            "tags",
            "duration_ms",
            "created_at",
            "retracted_at",
        ]


class HistorySerializer(ComparisonSerializer):
    """One's own comparison, with the question and the pictures as they were shown."""

    question = serializers.CharField(source="criterion.question")
    prompt = ShownPromptField(help_text=HIDDEN)
    reference = ReferenceField()
    left = SideField("left")  # type: ignore[assignment]  # ids become objects
    right = SideField("right")  # type: ignore[assignment]
    images = SidesField()

    class Meta(ComparisonSerializer.Meta):
        fields = [*ComparisonSerializer.Meta.fields, "question", "images", "prompt", "reference"]


class NamedImageSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class LoggedComparisonSerializer(ComparisonSerializer):
    """A line of the raw log, for reviewers."""

    prompt = PromptField()
    left_name = serializers.CharField(source="left.name", allow_null=True, default=None)
    right_name = serializers.CharField(source="right.name", allow_null=True, default=None)
    images = NamedImageSerializer(
        many=True, source="lineup_images", allow_null=True, help_text=IN_ORDER_OF_SCREEN
    )
    annotator = serializers.UUIDField(source="annotator_id")
    username = serializers.CharField(source="annotator.username", help_text="The annotator's name.")
    shown_at = serializers.DateTimeField(source="assignment.created_at")
    strategy = serializers.CharField(source="assignment.strategy")
    probability = serializers.FloatField(source="assignment.probability", allow_null=True)

    class Meta(ComparisonSerializer.Meta):
        fields = [
            *ComparisonSerializer.Meta.fields,
            "images",
            "purpose",
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
