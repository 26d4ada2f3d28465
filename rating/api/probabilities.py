from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import project_for
from annotation.api.schema import operation, query
from annotation.api.views.base import View
from annotation.errors import Conflict, Invalid
from annotation.models import Criterion, Image, Project, Role, Scope
from annotation.selectors import criterion_asked
from rating.models import RatingRun
from rating.posteriors import Kept, kept
from rating.selectors import latest_run


class ProbabilitySerializer(serializers.Serializer):
    image = serializers.UUIDField()
    name = serializers.CharField()
    prompt = serializers.CharField()
    probability = serializers.FloatField()


class ProbabilitiesSerializer(serializers.Serializer):
    """What the joint posterior of the latest run says."""

    run = serializers.UUIDField()
    criterion = serializers.CharField()
    results = ProbabilitySerializer(many=True)


class QuestionSerializer(serializers.Serializer):
    image = serializers.UUIDField(required=False)
    than = serializers.UUIDField(required=False)
    top = serializers.IntegerField(required=False, min_value=1, max_value=1_000_000)


class ProbabilitiesView(View):
    @operation(
        "get_probabilities",
        "Ask how probable an order is: A before B, or in the top k",
        scopes=[Scope.READ],
        description="With `image` and `than`: the probability that the one is better than the other. With "
        "`top`: for each image, the probability that it is among the best `top` of its prompt.",
        answers=ProbabilitiesSerializer,
        refusals=(400, 401, 403, 404, 409, 410),
        parameters=[
            query("criterion", "A criterion's key; the project's first, unless given."),
            query("image", "An image's id; with `than`.", UUID),
            query("than", "Another image's id, of the same prompt.", UUID),
            query("top", "How many count as the top.", int),
        ],
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.REVIEWER)
        question = QuestionSerializer(data=request.query_params)
        question.is_valid(raise_exception=True)
        criterion = criterion_asked(project, request.query_params.get("criterion"))
        run = latest_run(project.id)
        if run is None:
            raise Conflict("The project has no ratings yet. They come with its first comparisons.")
        asked = question.validated_data
        if "image" in asked and "than" in asked:
            rows = _better(project, run, criterion, asked["image"], asked["than"])
        elif "top" in asked:
            rows = _top(project, run, criterion, asked["top"])
        else:
            raise Invalid("Ask either for image and than, or for top.")
        answer = {"run": run.id, "criterion": criterion.key, "results": rows}
        return Response(self.shown(ProbabilitiesSerializer, answer))


def _better(
    project: Project, run: RatingRun, criterion: Criterion, image: UUID, than: UUID
) -> list[dict[str, Any]]:
    probability = kept(run).better(criterion.id, image, than)
    return [_row(_images(project).get(id=image), probability)]


def _top(project: Project, run: RatingRun, criterion: Criterion, k: int) -> list[dict[str, Any]]:
    posterior: Kept = kept(run)
    images = _images(project).in_bulk()
    return [
        _row(images[id_], probability)
        for group in posterior.groups
        if group.criterion_id == criterion.id
        for id_, probability in zip(
            group.images, posterior.among_the_top(group, k).tolist(), strict=True
        )
    ]


def _images(project: Project) -> QuerySet[Image]:
    return Image.objects.filter(project=project).select_related("prompt")


def _row(image: Image, probability: float) -> dict[str, Any]:
    prompt = image.prompt.text if image.prompt else ""
    return {"image": image.id, "name": image.name, "prompt": prompt, "probability": probability}
