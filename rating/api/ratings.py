from uuid import UUID

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import limits
from annotation.access import project_for
from annotation.api.schema import operation, query
from annotation.api.views.base import View
from annotation.errors import Gone, Invalid
from annotation.models import Project, Prompt, Role, Scope
from annotation.models.prompt import prompt_digest
from annotation.selectors import criterion_asked
from rating.api.serializers import (
    RatingSerializer,
    RatingsSerializer,
    RecomputeRequestSerializer,
    RecomputeSerializer,
    RunSerializer,
)
from rating.models import Rating, RatingRun
from rating.selectors import latest_run, ratings_of
from rating.services import choose_method, request_recompute


class RatingsView(View):
    @operation(
        "list_ratings",
        "Read the ratings of one run, prompt by prompt, the best first",
        scopes=[Scope.READ],
        description="Before the first run, `run` is null and there are no results. The links `next` and "
        "`previous` stay with their run, whatever is computed meanwhile.",
        answers=RatingsSerializer,
        refusals=(400, 401, 403, 404, 410),
        parameters=[
            query("criterion", "A criterion's key; the project's first, unless given."),
            query("prompt", "Only images of this prompt: its whole text.", longest=limits.PROMPT),
            query("run", "An earlier run's id; the latest, unless given.", UUID),
            query("cursor", "Where the page begins, as the links have it.", longest=limits.CURSOR),
            query("page_size", "How many results a page has, up to 1000.", int),
        ],
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.REVIEWER)
        criterion = criterion_asked(project, request.query_params.get("criterion"))
        prompt = self._prompt(project)
        run = self._run(project)
        self.unless_known(project.revision, run and (run.id, run.revision, run.fingerprint))
        # By digest, since a prompt may be too long for a link.
        ratings = ratings_of(run, criterion, prompt) if run else Rating.objects.none()
        ratings = ratings.annotate(prompt_digest=Coalesce(F("image__prompt__digest"), Value("")))
        return self.page(
            ratings,
            RatingSerializer,
            "prompt_digest",
            "rank",
            "id",
            pinned={"run": str(run.id)} if run else {},
            run=RunSerializer(run).data if run else None,
            criterion=criterion.key,
        )

    def _prompt(self, project: Project) -> Prompt | None:
        text = self.request.query_params.get("prompt")
        if not text:
            return None
        prompt = project.prompts.filter(digest=prompt_digest(text)).first()
        if prompt is None:
            raise Invalid("No image of the project has this prompt. Send its whole text.", "prompt")
        return prompt

    def _run(self, project: Project) -> RatingRun | None:
        text = self.request.query_params.get("run")
        if not text:
            return latest_run(project.id)
        try:
            id = UUID(text)
        except ValueError:
            raise ValidationError({"run": ["This is no run's id. runs/ lists them."]}) from None
        run = RatingRun.objects.filter(project=project, id=id).first()
        if run is None:
            raise Http404("There is no such run in this project.")
        if run.comparisons and not run.ratings.exists():
            raise Gone("The ratings of this run are not kept any more; recompute makes new ones.")
        return run


class RunsView(View):
    @operation(
        "list_runs",
        "List the runs that computed ratings, the latest first",
        scopes=[Scope.READ],
        answers=RunSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        runs = RatingRun.objects.filter(project=project).annotate(
            stale=Q(project__revision__gt=F("revision"))
        )
        return self.page(runs, RunSerializer, "-revision", "-finished_at", "-id")


class RecomputeView(View):
    @operation(
        "recompute",
        "Have the ratings computed anew",
        scopes=[Scope.MANAGE],
        description="It is asked for, not waited for: the ratings are current when their run is not "
        "`stale`. The same log and method give the same ratings, and then the run stays what it is.",
        body=RecomputeRequestSerializer,
        answers={202: RecomputeSerializer},
        refusals=(400, 401, 403, 404, 415),
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        method = self.body(RecomputeRequestSerializer).get("method")
        if method:
            choose_method(project.id, method)
        return Response({"revision": request_recompute(project.id)}, status=202)
