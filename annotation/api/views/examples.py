from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import example_for, project_for
from annotation.api.schema import operation
from annotation.api.serializers.examples import (
    ExampleSerializer,
    ExampleUseSerializer,
    NewExampleSerializer,
)
from annotation.api.views.base import View
from annotation.models import Role, Scope
from annotation.selectors import criterion_asked, examples_of
from annotation.services import examples


class ExamplesView(View):
    @operation(
        "list_examples",
        "List the examples of the introduction, in their order",
        scopes=[Scope.READ, Scope.MANAGE],
        answers=ExampleSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        return self.page(examples_of(project), ExampleSerializer, "position", "id")

    @operation(
        "add_example",
        "Show an example in the introduction, or have it practised",
        scopes=[Scope.MANAGE],
        description="Two images of one prompt, one of which is better. Excluded images may be used, so that "
        "examples need not be part of the ranking.",
        body=NewExampleSerializer,
        answers={201: ExampleSerializer},
        refusals=(400, 401, 403, 404, 409, 415),
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        wanted = self.body(NewExampleSerializer)
        criterion = criterion_asked(project, wanted.pop("criterion", None))
        example = examples.add_example(project, criterion, **wanted)
        return Response(ExampleSerializer(example).data, status=201)


class ExampleView(View):
    @operation(
        "update_example",
        "Change what is said of an example, its use, or its place",
        scopes=[Scope.MANAGE],
        body=ExampleUseSerializer,
        answers=ExampleSerializer,
        refusals=(400, 401, 403, 404, 415),
    )
    def patch(self, request: Request, example_id: UUID) -> Response:
        example = example_for(self.user, example_id)
        changed = examples.update_example(example, **self.body(ExampleUseSerializer))
        return Response(ExampleSerializer(changed).data)

    @operation(
        "delete_example",
        "Delete an example",
        scopes=[Scope.MANAGE],
        description="Its images stay; what was answered of it in practice goes with it.",
        answers={204: None},
    )
    def delete(self, request: Request, example_id: UUID) -> Response:
        examples.delete_example(example_for(self.user, example_id))
        return Response(status=204)
