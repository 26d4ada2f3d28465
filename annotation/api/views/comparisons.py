from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import membership_for, project_for
from annotation.api.filters import ComparisonFilter
from annotation.api.schema import operation, query
from annotation.api.serializers.comparisons import (
    ComparisonSerializer,
    HistorySerializer,
    LoggedComparisonSerializer,
    NewComparisonSerializer,
)
from annotation.api.views.base import View
from annotation.models import Outcome, Purpose, Role, Scope, Screen
from annotation.selectors import comparison_log, own_history
from annotation.services.comparisons import record_comparison, retract_comparison


class ComparisonsView(View):
    @operation(
        "record_comparison",
        "Answer an assignment",
        scopes=[Scope.ANNOTATE],
        description="Sent again, it answers 200 with the same body: one assignment is one comparison. "
        "Another answer is refused with 409, an expired assignment with 410, unless `waited_ms` says that "
        "the answer was given in time, and its place is still free. More than two images are "
        "answered with the outcome `ordered` and `levels`, which name each of them once.",
        body=NewComparisonSerializer,
        answers={201: ComparisonSerializer, 200: ComparisonSerializer},
        refusals=(400, 401, 404, 409, 410, 415),
    )
    def post(self, request: Request) -> Response:
        answer = self.body(NewComparisonSerializer)
        comparison, recorded = record_comparison(
            self.user, answer.pop("assignment"), Outcome(answer.pop("outcome")), **answer
        )
        role = comparison.assignment.role  # type: ignore[attr-defined]  # annotated where it was locked
        self.blind = Role(role).is_blind
        shown = self.shown(ComparisonSerializer, comparison)
        return Response(shown, status=201 if recorded else 200)


class ComparisonView(View):
    @operation(
        "retract_comparison",
        "Undo a comparison",
        scopes=[Scope.ANNOTATE, Scope.MANAGE],
        description="It is marked as retracted, not erased. Its author is shown the same again; a manager "
        "may retract anybody's. Again, it changes nothing. Others go back no further than the project's "
        "`undo_steps`: beyond it, 409.",
        answers={204: None},
        refusals=(401, 403, 404, 409),
    )
    def delete(self, request: Request, comparison_id: UUID) -> Response:
        retract_comparison(self.user, comparison_id)
        return Response(status=204)


class LogView(View):
    blind = False

    @operation(
        "list_comparisons",
        "Read the raw log, in its order",
        scopes=[Scope.READ],
        answers=LoggedComparisonSerializer(many=True),
        refusals=(400, 401, 403, 404),
        parameters=[
            query("criterion", "Only of the criterion with this key."),
            query("annotator", "Only by this person: an id or a username."),
            query("since", "Only from this time on, in ISO 8601; UTC, unless it says otherwise."),
            query(
                "retracted",
                "Only retracted comparisons, or only the others.",
                enum=["true", "false"],
            ),
            query("screen", "Only of what was shown so.", enum=Screen.values),
            query("purpose", "Only what was asked for this.", enum=Purpose.values),
        ],
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.REVIEWER)
        log = ComparisonFilter.cut(comparison_log(project), request.query_params, project)
        return self.page(log, LoggedComparisonSerializer, "created_at", "id")


class HistoryView(View):
    @operation(
        "list_history",
        "Read one's own comparisons, the latest first",
        scopes=[Scope.ANNOTATE, Scope.READ],
        description="Without those that were undone.",
        answers=HistorySerializer(many=True),
        refusals=(400, 401, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        membership = membership_for(self.user, project_id)
        self.blind = membership.is_blind
        return self.page(own_history(membership), HistorySerializer, "-created_at", "-id")
