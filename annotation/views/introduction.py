from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from annotation.access import membership_for
from annotation.forms import PracticeForm
from annotation.models import Example, Image, Membership, Prompt
from annotation.selectors import Practice, examples_of, practice_of, sides
from annotation.services import introduction as services
from annotation.showings import Side, reference_of, side_of
from annotation.views.page import page, project_page, refusals_as_messages, tell_errors


class Shown:
    """An example as it is on the page: its images by the ids of this showing, whoever looks."""

    def __init__(self, example: Example) -> None:
        self.example = example

    @property
    def better(self) -> Side:
        return side_of(self.example, self.example.better, blind=True)

    @property
    def worse(self) -> Side:
        return side_of(self.example, self.example.worse, blind=True)

    @property
    def prompt(self) -> Prompt | None:
        return self.example.better.prompt

    @property
    def reference(self) -> Side | None:
        reference = self.prompt.reference if self.prompt else None
        return reference_of(self.example, reference, blind=True) if reference else None


class Practised(Shown):
    """A pair that is practised; `right` is what the person said of it, if they have."""

    def __init__(
        self, example: Example, number: int, left: Image, right: bool | None = None
    ) -> None:
        super().__init__(example)
        self.number = number
        self.left = left
        self.right = right

    @property
    def pair(self) -> tuple[Side, Side]:
        """From left to right."""
        better_left = self.left == self.example.better
        return (self.better, self.worse) if better_left else (self.worse, self.better)

    @property
    def chosen(self) -> Side:
        return self.better if self.right else self.worse


@require_safe
@page
def introduction(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """What to look for, with examples; then the pairs to practise, one after another; then it starts."""
    membership = membership_for(request.user, project_id)
    practice = practice_of(membership, again="again" in request.GET)
    context = {
        "examples": [
            Shown(example) for example in examples_of(membership.project).filter(practice=False)
        ],
        "practice": practice,
        "shown": _shown(membership, practice, request.GET.get("answered", "")),
        # Whoever has begun to practise has read the rest; it is still there to be opened.
        "reading": not practice.answers and practice.round == 1,
    }
    return project_page(request, membership, "annotation/introduction.html", context)


def _shown(membership: Membership, practice: Practice, answered: str) -> Practised | None:
    """The pair that was just answered, if the address names it; else the next one."""
    for example in practice.examples:
        if str(example.id) == answered and example.id in practice.answers:
            return _placed(membership, practice, example, practice.answers[example.id])
    return _placed(membership, practice, practice.left[0]) if practice.left else None


def _placed(
    membership: Membership, practice: Practice, example: Example, right: bool | None = None
) -> Practised:
    left, _right_side = sides(membership, example, practice.round)
    return Practised(example, practice.number(example), left, right)


@require_POST
@page
def practice(request: HttpRequest, project_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, project_id)
    form = PracticeForm(request.POST)
    where = reverse("introduction", args=[project_id])
    if form.is_valid():
        said = form.cleaned_data
        with refusals_as_messages(request):
            services.practise(membership, said["example"], said["chosen"], said["round"])
            where += f"?answered={said['example']}"
    else:
        tell_errors(request, form)
    return redirect(f"{where}#practice")


@require_POST
@page
def start(request: HttpRequest, project_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, project_id)
    where = "introduction"
    with refusals_as_messages(request):
        services.start_comparing(membership)
        where = "compare"
    return redirect(where, project_id)
