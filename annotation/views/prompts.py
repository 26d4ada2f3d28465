from uuid import UUID

from django.contrib import messages
from django.db.models.functions import Left
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.access import membership_for, project_for
from annotation.forms import GalleryForm, PromptForm
from annotation.models import Role
from annotation.selectors import prompts_of
from annotation.services.prompts import rename_prompt
from annotation.views.page import back, cut, page, project_page, refusals_as_messages, tell_errors

# By so much of its text a prompt is sorted: a whole one is too long for the address of a page.
SORTED_BY = 100


@require_safe
@page
def prompts(request: HttpRequest, project_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, project_id, Role.MANAGER)
    search = GalleryForm(request.GET).wanted()["search"]
    found = prompts_of(membership.project, search=search, with_images=True)
    beginning = found.annotate(beginning=Left("text", SORTED_BY))
    context = {
        "prompts": cut(request, beginning, "beginning", "id"),
        "total": found.count(),
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
