from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import project_for
from annotation.api.schema import operation
from annotation.api.views.base import View
from annotation.models import Project, Role, Scope
from rating.api.serializers import RunSerializer
from rating.models import Closing, RunAccuracy
from rating.selectors.accuracy import announced, closed_by_itself, curve


class MeasureSerializer(serializers.Serializer):
    """What is expected of a number that is not known, and what holds it with 95 %."""

    estimate = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class RandomPairsSerializer(serializers.Serializer):
    """Answers to pairs shown at random, held back from a rating of the others."""

    votes = serializers.IntegerField()
    promised = serializers.FloatField(
        help_text="The share that the model expects to fit the ranking."
    )
    seen = serializers.FloatField(help_text="The share that does.")
    low = serializers.FloatField(help_text="From here to `high` the true share lies with 95 %.")
    high = serializers.FloatField()
    off = serializers.FloatField(
        help_text="How far seen is from promised, in standard deviations of what the model allows."
    )
    disagrees = serializers.BooleanField(
        help_text="Then the announced accuracy is lowered, or widened, for it."
    )


class ForecastSerializer(serializers.Serializer):
    """Further comparisons until the target; null is more than `most`."""

    votes = serializers.IntegerField(allow_null=True)
    low = serializers.IntegerField(allow_null=True)
    high = serializers.IntegerField(allow_null=True)
    most = serializers.IntegerField(help_text="How far the forecast looks.")
    hours = serializers.FloatField(
        allow_null=True, help_text="Of people's time for `votes`, at the pace of the latest ones."
    )


class PointSerializer(serializers.Serializer):
    comparisons = serializers.IntegerField(source="run.comparisons")
    tau = serializers.FloatField()
    tau_low = serializers.FloatField()
    tau_high = serializers.FloatField()
    top_right = serializers.FloatField(source="top", allow_null=True)


class CriterionAccuracySerializer(serializers.Serializer):
    """How near the truth the ranking under one criterion is."""

    criterion = serializers.CharField()
    tau = MeasureSerializer(
        help_text="Kendall's, averaged over the prompts by their pairs; (1 + tau)/2 is the share of pairs "
        "in the right order."
    )
    spearman = MeasureSerializer()
    k = serializers.IntegerField(help_text="How many images of a prompt are its top.")
    top_right = MeasureSerializer(
        allow_null=True,
        help_text="The share of the published top k that belongs there; null where no prompt has more "
        "than k images.",
    )
    reached = serializers.BooleanField(
        help_text="Whether the lower end of what the target is about is at the target."
    )
    random_pairs = RandomPairsSerializer(
        allow_null=True, help_text="null with too few of them. Of all criteria together."
    )
    forecast = ForecastSerializer(
        allow_null=True, help_text="null without a target, or where it is reached."
    )
    seconds_a_vote = serializers.FloatField(allow_null=True)
    curve = PointSerializer(many=True, help_text="The project's runs by their comparisons.")


def _told(project: Project, row: RunAccuracy) -> dict[str, Any]:
    forecast, pace = row.forecast, row.seconds_a_vote
    if forecast is not None:
        votes = forecast["votes"]
        hours = None if votes is None or pace is None else votes * pace / 3600
        forecast = forecast | {"hours": hours}
    return {
        "criterion": row.criterion.key,
        "tau": _measure(row, "tau"),
        "spearman": _measure(row, "spearman"),
        "k": row.k,
        "top_right": None if row.top is None else _measure(row, "top"),
        "reached": row.reached,
        "random_pairs": row.random_pairs,
        "forecast": forecast,
        "seconds_a_vote": pace,
        "curve": curve(project, row.criterion),
    }


def _measure(row: RunAccuracy, name: str) -> dict[str, float]:
    parts = ("estimate", name), ("low", f"{name}_low"), ("high", f"{name}_high")
    return {part: getattr(row, field) for part, field in parts}


class ClosingSerializer(serializers.ModelSerializer):
    """When and why the project closed itself."""

    class Meta:
        model = Closing
        fields = ["target", "target_value", "why", "created_at"]


class AccuracySerializer(serializers.Serializer):
    """The announced accuracy of the last run that was judged."""

    run = RunSerializer(allow_null=True, help_text="null before the first.")
    target = serializers.ChoiceField(choices=Project.Target.choices, help_text="As it is set now.")
    target_value = serializers.FloatField()
    close_at_target = serializers.BooleanField()
    closed_by_itself = ClosingSerializer(allow_null=True)
    criteria = CriterionAccuracySerializer(many=True)


class AccuracyView(View):
    @operation(
        "get_accuracy",
        "Read how near the truth the ranking is, and what is still needed",
        scopes=[Scope.READ],
        description="What is announced of the latest run that was judged, each number with the interval that "
        "holds the truth with 95 %: Kendall's tau and Spearman's rho between the ranking and the truth, the "
        "share of the top that is right, what pairs shown at random say of it, and how many more comparisons "
        "the project's target takes.",
        answers=AccuracySerializer,
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.REVIEWER)
        rows = announced(project)
        told = {
            "run": rows[0].run if rows else None,
            "target": project.target,
            "target_value": project.target_value,
            "close_at_target": project.close_at_target,
            "closed_by_itself": closed_by_itself(project),
            "criteria": [_told(project, row) for row in rows],
        }
        return Response(self.shown(AccuracySerializer, told))
