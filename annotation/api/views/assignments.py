from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import membership_for
from annotation.api.schema import operation
from annotation.api.serializers.comparisons import (
    AssignmentRequestSerializer,
    OpenedSerializer,
)
from annotation.api.views.base import View
from annotation.models import Scope
from annotation.selectors import criterion_named
from annotation.services.assignments import open_assignments


class AssignmentsView(View):
    @operation(
        "open_assignments",
        "Ask for images to compare",
        scopes=[Scope.ANNOTATE],
        description="One's open assignments are returned again, renewed, before new ones are made. "
        "Each is reserved until `expires_at`. An empty list comes with a `reason`. `screen` says what is "
        "asked: of a `pair`, which has `left` and `right`, which is better; of three to nine `images` the "
        "best (`best`), the best and the worst (`best_worst`), or their order (`order`). In a project with "
        "`criteria_together`, `count` is of pairs: the questions about each come one after another, with the "
        "same sides.",
        body=AssignmentRequestSerializer,
        answers={201: OpenedSerializer},
        refusals=(400, 401, 404, 415),
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        membership = membership_for(self.user, project_id)
        wanted = self.body(AssignmentRequestSerializer)
        key = wanted.get("criterion")
        criterion = criterion_named(membership.project, key) if key else None
        opened = open_assignments(membership, wanted["count"], criterion)
        self.blind = membership.is_blind
        return Response(self.shown(OpenedSerializer, opened), status=201)
