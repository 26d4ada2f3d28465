from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from annotation.access import example_for, membership_for
from annotation.errors import Invalid, Refused
from annotation.forms import ExampleForm, ExampleUseForm, GalleryForm
from annotation.models import Example, Image, Project, Role
from annotation.selectors import examples_of, images_of
from annotation.services import examples as services
from annotation.views.page import cut, page, project_page, tell_errors


@require_http_methods(["GET", "HEAD", "POST"])
@page
def examples(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """The project's examples, and a new one, whose two images are chosen one after the other by links.

    The address holds what is chosen, so that one may search for the second after the first.
    """
    membership = membership_for(request.user, project_id, Role.MANAGER)
    project = membership.project
    form = ExampleForm(project, request.POST or None)
    if request.method == "POST" and _added(project, form):
        messages.success(request, _("The example is added."))
        return redirect("examples", project.id)
    chosen = request.POST if request.method == "POST" else request.GET
    better, worse = (_image(project, chosen.get(name)) for name in ("better", "worse"))
    context = {
        "shown": [one for one in examples_of(project) if not one.practice],
        "practised": [one for one in examples_of(project) if one.practice],
        "better": better,
        "worse": worse,
        "form": form,
        "uses": ExampleUseForm.base_fields["practice"].choices,  # type: ignore[attr-defined]
        **_choosable(request, project, better or worse),
    }
    return project_page(request, membership, "annotation/examples.html", context)


def _choosable(request: HttpRequest, project: Project, first: Image | None) -> dict[str, Any]:
    """The images to choose from, of the first one's prompt; excluded ones, too."""
    search = GalleryForm(request.GET).wanted()["search"]
    images = images_of(project, search=search)
    if first is not None:
        images = images.filter(prompt=first.prompt).exclude(id=first.id)
    return {"images": cut(request, images, "name", "id"), "search": search, "first": first}


def _image(project: Project, text: str | None) -> Image | None:
    try:
        return images_of(project).filter(id=UUID(text or "")).first()
    except ValueError:
        return None


def _added(project: Project, form: ExampleForm) -> bool:
    if not form.is_valid():
        return False
    try:
        services.add_example(project, **form.cleaned_data)
    except Invalid as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
    except Refused as refusal:
        form.add_error(None, str(refusal))
    return not form.errors


@require_POST
@page
def change(request: HttpRequest, example_id: UUID) -> HttpResponse:
    example = example_for(request.user, example_id)
    form = ExampleUseForm(request.POST)
    if form.is_valid():
        services.update_example(example, **form.cleaned_data)
        messages.success(request, _("The example is changed."))
    else:
        tell_errors(request, form)
    return _list(example)


@require_POST
@page
def move(request: HttpRequest, example_id: UUID) -> HttpResponse:
    example = example_for(request.user, example_id)
    services.move_example(example, up=request.POST.get("to") == "up")
    return _list(example)


@require_POST
@page
def delete(request: HttpRequest, example_id: UUID) -> HttpResponse:
    example = example_for(request.user, example_id)
    services.delete_example(example)
    messages.success(request, _("The example is deleted. Its images stay."))
    return _list(example)


def _list(example: Example) -> HttpResponse:
    return redirect("examples", example.project_id)
