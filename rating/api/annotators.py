from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import limits, selectors
from annotation.access import project_for
from annotation.api.schema import operation
from annotation.api.views.base import View
from annotation.errors import Invalid
from annotation.models import Project, Role, Scope
from annotation.selectors import paused_in
from annotation.services.flags import pause_person, resume_person
from rating.algorithms.attention import FEWEST
from rating.api.signals import SignalsSerializer
from rating.models import AnnotatorReliability, SetAside
from rating.selectors import latest_run, reliabilities_of, set_aside_in, signals_of
from rating.services import set_aside, take_back


class ReliabilitySerializer(serializers.ModelSerializer):
    """How a person saw, in the latest run; each number with the interval that holds it with 95 %."""

    spammer = serializers.SerializerMethodField(
        help_text="The probability that they do not look, or answer in reverse; null under "
        f"{FEWEST} comparisons, which are too few to say so."
    )

    class Meta:
        model = AnnotatorReliability
        fields = [
            "comparisons",
            "sharpness",
            "sharpness_low",
            "sharpness_high",
            "side_bias",
            "side_bias_low",
            "side_bias_high",
            "spammer",
        ]

    def get_spammer(self, known: AnnotatorReliability) -> float | None:
        return known.spammer if known.enough else None


class SetAsideSerializer(serializers.ModelSerializer):
    class Meta:
        model = SetAside
        fields = ["reason", "created_at"]


class PausedSerializer(serializers.Serializer):
    reason = serializers.CharField(source="paused_reason", allow_blank=True)
    created_at = serializers.DateTimeField(source="paused_at")


class AnnotatorSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    username = serializers.CharField()
    role = serializers.CharField(allow_null=True, help_text="null for a former member.")
    comparisons = serializers.IntegerField()
    left_share = serializers.FloatField(
        allow_null=True, help_text="How often left won; far from 0.5 tells of carelessness."
    )
    ties = serializers.IntegerField()
    both_bad = serializers.IntegerField()
    skipped = serializers.IntegerField()
    retracted = serializers.IntegerField()
    mean_duration_ms = serializers.IntegerField(allow_null=True)
    last_comparison_at = serializers.DateTimeField(allow_null=True)
    set_aside = SetAsideSerializer(
        allow_null=True, help_text="Since when, and why, this person does not count in the ratings."
    )
    paused = PausedSerializer(
        allow_null=True, help_text="Since when, and why, this person is shown nothing more."
    )
    signals = SignalsSerializer()
    reliability = ReliabilitySerializer(
        allow_null=True, help_text="null where the run knows nothing of this person."
    )


class AnnotatorChangeSerializer(serializers.Serializer):
    set_aside = serializers.BooleanField(
        required=False, help_text="Whether they count in the ratings no more."
    )
    paused = serializers.BooleanField(
        required=False, help_text="Whether they are shown nothing more."
    )
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=limits.REASON, default=""
    )


def described(project: Project) -> list[dict[str, Any]]:
    run = latest_run(project.id)
    known = reliabilities_of(run) if run else {}
    aside, paused = set_aside_in(project.id), paused_in(project)
    people = selectors.annotators(project)
    signals = signals_of(project, [person["id"] for person in people])
    return [
        person
        | {
            "reliability": known.get(person["id"]),
            "set_aside": aside.get(person["id"]),
            "paused": paused.get(person["id"]),
            "signals": signals[person["id"]],
        }
        for person in people
    ]


class AnnotatorsView(View):
    @operation(
        "list_annotators",
        "See who compared how much, by name, and how they see",
        scopes=[Scope.READ],
        description="Members, and former members who compared.",
        answers=AnnotatorSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.REVIEWER)
        return self.page(described(project), AnnotatorSerializer, "username")


class AnnotatorView(View):
    @operation(
        "change_annotator",
        "Set a person aside or take them back, pause or resume them",
        scopes=[Scope.MANAGE],
        description="Without who is set aside, the ratings are exactly those of a log without them. Who is "
        "paused is shown nothing more, and what they have open goes to others. The log stays either way.",
        body=AnnotatorChangeSerializer,
        answers=AnnotatorSerializer,
        refusals=(400, 401, 403, 404, 415),
    )
    def patch(self, request: Request, project_id: UUID, user_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        self._person(project, user_id)
        change = self.body(AnnotatorChangeSerializer)
        if not change.keys() & {"set_aside", "paused"}:
            raise Invalid("Say what to change: “set_aside”, “paused”, or both.")
        with transaction.atomic():
            self._change(project, user_id, change)
        return Response(self.shown(AnnotatorSerializer, self._person(project, user_id)))

    def _change(self, project: Project, user_id: UUID, change: dict[str, Any]) -> None:
        reason = change["reason"]
        if "paused" in change:
            decide = pause_person if change["paused"] else resume_person
            decide(project, user_id, self.user, reason)
        if change.get("set_aside"):
            set_aside(project, user_id, self.user, reason)
        elif "set_aside" in change:
            take_back(project, user_id, self.user)

    def _person(self, project: Project, user_id: UUID) -> dict[str, Any]:
        for person in described(project):
            if person["id"] == user_id:
                return person
        raise Http404("There is no such annotator in this project.")
