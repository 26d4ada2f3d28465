from uuid import UUID

from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import limits
from annotation.access import project_for
from annotation.api.schema import operation, query
from annotation.api.views.base import View
from annotation.errors import Invalid
from annotation.models import Decision, Flag, Role, Scope
from annotation.selectors import decisions_of, flags_of
from annotation.services.flags import UNSETTLED, dismiss_flag, reopen_flag


class FlagSerializer(serializers.ModelSerializer):
    """What was noticed of a person, with the facts of that moment, and what became of it."""

    annotator = serializers.UUIDField(source="annotator_id")
    username = serializers.CharField(source="annotator.username", help_text="The annotator's name.")
    facts = serializers.DictField(help_text="What was counted, and the limit.")

    class Meta:
        model = Flag
        fields = [
            "id",
            "annotator",
            "username",
            "signal",
            "level",
            "summary",
            "facts",
            "created_at",
            "decision",
            "decided_at",
        ]


class FlagChangeSerializer(serializers.Serializer):
    dismissed = serializers.BooleanField(
        help_text="Whether what it says counts no more; it comes back only for new reasons."
    )
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=limits.REASON, default=""
    )


class DecisionSerializer(serializers.ModelSerializer):
    annotator = serializers.UUIDField(source="annotator_id")
    username = serializers.CharField(source="annotator.username", help_text="The annotator's name.")
    flag = serializers.UUIDField(source="flag_id", allow_null=True)
    decided_by = serializers.CharField(
        source="decided_by.username",
        default=None,
        allow_null=True,
        help_text="null if the program did so, as the project's settings say.",
    )

    class Meta:
        model = Decision
        fields = [
            "id",
            "annotator",
            "username",
            "kind",
            "flag",
            "reason",
            "decided_by",
            "created_at",
        ]


class FlagsView(View):
    @operation(
        "list_flags",
        "See what was noticed of people, the latest first",
        scopes=[Scope.READ],
        description="Every flag that was ever raised; none is deleted.",
        answers=FlagSerializer(many=True),
        refusals=(400, 401, 403, 404),
        parameters=[
            query(
                "open",
                "Only those that are still to be decided on, or only the others.",
                enum=["true", "false"],
            )
        ],
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        flags = flags_of(project_for(self.user, project_id, Role.REVIEWER))
        wanted = request.query_params.get("open")
        if wanted not in (None, "true", "false"):
            raise Invalid("“open” is true or false.", "open")
        if wanted is not None:
            flags = flags.filter(Q(UNSETTLED) if wanted == "true" else ~Q(UNSETTLED))
        return self.page(flags, FlagSerializer, "-created_at", "-id")


class FlagView(View):
    @operation(
        "change_flag",
        "Dismiss a flag, or open it again",
        scopes=[Scope.MANAGE],
        body=FlagChangeSerializer,
        answers=FlagSerializer,
        refusals=(400, 401, 403, 404, 409, 415),
    )
    def patch(self, request: Request, project_id: UUID, flag_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        change = self.body(FlagChangeSerializer)
        decide = dismiss_flag if change["dismissed"] else reopen_flag
        flag = decide(project, flag_id, self.user, change["reason"])
        return Response(self.shown(FlagSerializer, flag))


class DecisionsView(View):
    @operation(
        "list_decisions",
        "See what was decided of people, the latest first",
        scopes=[Scope.READ],
        description="Who was paused, resumed, set aside or taken back, and which flags were dismissed: by "
        "whom, when and why.",
        answers=DecisionSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        decisions = decisions_of(project_for(self.user, project_id, Role.REVIEWER))
        return self.page(decisions, DecisionSerializer, "-created_at", "-id")
