from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.access import membership_for, project_for
from annotation.forms import GalleryForm, PromptForm
from annotation.models import Role
from annotation.selectors import prompts_of
from annotation.services.prompts import rename_prompt
from annotation.views.page import back, page, project_page, refusals_as_messages, tell_errors

PAGE_SIZE = 100


@require_safe
@page
def prompts(request: HttpRequest, project_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, project_id, Role.MANAGER)
    search = GalleryForm(request.GET).wanted()["search"]
    found = prompts_of(membership.project, search=search, with_images=True)
    context = {
        "prompts": Paginator(found.order_by("text", "id"), PAGE_SIZE).get_page(
            request.GET.get("page")
        ),
        "search": search,
    }
    return project_page(request, membership, "annotation/prompts.html", context)


@require_POST
@page
def rename(request: HttpRequest, project_id: UUID, prompt_id: UUID) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    prompt = project.prompts.filter(id=prompt_id).first()
    if prompt is None:
        raise Http404(_("There is no such prompt in this project."))
    form = PromptForm(request.POST)
    if form.is_valid():
        with refusals_as_messages(request):
            rename_prompt(prompt, form.cleaned_data["prompt"])
            messages.success(request, _("The prompt now reads so for all its images."))
    else:
        tell_errors(request, form)
    return back(request, "prompts", project.id)
