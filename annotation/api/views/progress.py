from dataclasses import asdict
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from annotation import selectors
from annotation.access import project_for
from annotation.api.schema import operation
from annotation.api.serializers.progress import ProgressSerializer
from annotation.api.views.base import View
from annotation.models import Role, Scope


class ProgressView(View):
    @operation(
        "get_progress", "See how far a project is", scopes=[Scope.READ], answers=ProgressSerializer
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.REVIEWER)
        instead = selectors.random_instead(project)
        self.unless_known(project.revision, selectors.open_assignments(project), instead)
        progress = selectors.progress(project)
        days = [
            {"day": day.date(), "comparisons": made}
            for day, made in selectors.comparisons_by_day(project)
        ]
        screens = [asdict(use) for use in selectors.screen_uses(project)]
        shown = asdict(progress) | {
            "share": progress.share,
            "screens": screens,
            "days": days,
            "random_instead": instead,
        }
        return Response(ProgressSerializer(shown).data)
