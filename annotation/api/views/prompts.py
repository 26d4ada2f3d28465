from uuid import UUID

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import limits
from annotation.access import project_for
from annotation.api.schema import operation, query
from annotation.api.serializers.images import PromptSerializer
from annotation.api.views.base import View
from annotation.models import Role, Scope
from annotation.selectors import prompts_of
from annotation.services.prompts import rename_prompt


class PromptsView(View):
    @operation(
        "list_prompts",
        "List a project's prompts",
        scopes=[Scope.READ, Scope.MANAGE],
        description="With the number of images of each. In the order of their ids, which is no order.",
        answers=PromptSerializer(many=True),
        refusals=(400, 401, 403, 404),
        parameters=[
            query("search", "Prompts that contain this, in any case.", longest=limits.SEARCH)
        ],
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        search = request.query_params.get("search", "").replace("\0", "")
        return self.page(prompts_of(project, search=search), PromptSerializer, "id")


class PromptView(View):
    @operation(
        "rename_prompt",
        "Correct how a prompt reads",
        scopes=[Scope.MANAGE],
        description="For all its images, compared ones too: they stay together. To give images another "
        "prompt, change the images.",
        body=PromptSerializer,
        answers=PromptSerializer,
        refusals=(400, 401, 403, 404, 409, 415),
    )
    def patch(self, request: Request, project_id: UUID, prompt_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        prompts = prompts_of(project).filter(id=prompt_id)
        prompt = prompts.first()
        if prompt is None:
            raise Http404("There is no such prompt in this project.")
        rename_prompt(prompt, self.body(PromptSerializer)["text"])
        return Response(PromptSerializer(prompts.get()).data)
