from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import F, Max, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_safe

from annotation.access import membership_for
from annotation.models import Criterion, Project, Prompt, Role
from annotation.views.page import page, project_page
from rating.algorithms.methods import METHODS
from rating.models import Rating, RatingRun
from rating.selectors import is_stale, latest_run, ratings_of
from rating.views.charts import Scale, Whisker

PAGE_SIZE = 200


@dataclass(frozen=True)
class Line:
    rating: Rating
    whisker: Whisker


@dataclass(frozen=True)
class Section:
    """One prompt's lines on this page, and of all its images: how many groups, whether any was compared."""

    prompt: Prompt | None
    lines: list[Line]
    groups: int
    compared: bool


@require_safe
@page
def ranking(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """The images in order. The page asks for itself every few seconds: it gets its status line each
    time, and the images only if there is a newer run than the one it shows."""
    membership = membership_for(request.user, project_id, Role.REVIEWER)
    criteria = list(membership.project.criteria.all())
    criterion = chosen_criterion(criteria, request.GET.get("criterion"))
    run = latest_run(project_id)
    context: dict[str, Any] = {
        "criteria": criteria,
        "criterion": criterion,
        "page_number": request.GET.get("page", "1"),
        **run_facts(run),
    }
    asked_by_itself = getattr(request, "htmx", False)
    if run is not None and request.GET.get("shown") != str(run.id):
        context |= _lines(run, criterion, request.GET.get("page"))
        context["changed"] = bool(asked_by_itself)
    template = "rating/_ranking_update.html" if asked_by_itself else "rating/ranking.html"
    return project_page(request, membership, template, context)


def chosen_criterion(criteria: list[Criterion], key: str | None) -> Criterion:
    for criterion in criteria:
        if key in (None, "", criterion.key):
            return criterion
    raise Http404(_("There is no such criterion in this project."))


def run_facts(run: RatingRun | None) -> dict[str, Any]:
    """Which run is shown, how old it is, and whether newer comparisons are not in it yet."""
    if run is None:
        return {"run": None}
    seconds = max(0, int((timezone.now() - run.finished_at).total_seconds()))
    return {
        "run": run,
        "method": METHODS.get(run.method),
        "stale": is_stale(run),
        "age": _in_words(seconds),
    }


def top_of(project: Project, run: RatingRun | None, count: int) -> list[dict[str, Any]]:
    """The first images of each criterion; where prompts are used, those ranked first of their prompts."""
    if run is None:
        return []
    tops = []
    for criterion in project.criteria.all():
        lines = _placed(
            run, criterion, list(ratings_of(run, criterion).order_by("rank", "-mu")[:count])
        )
        tops.append({"criterion": criterion, "lines": lines})
    return tops


def _lines(run: RatingRun, criterion: Criterion, number: str | None) -> dict[str, Any]:
    found: Page[Rating] = Paginator(ratings_of(run, criterion), PAGE_SIZE).get_page(number)
    lines = _placed(run, criterion, list(found))
    return {"sections": _by_prompt(run, criterion, lines), "page": found}


def _by_prompt(run: RatingRun, criterion: Criterion, lines: list[Line]) -> list[Section]:
    by_prompt: dict[Prompt | None, list[Line]] = {}
    for line in lines:
        by_prompt.setdefault(line.rating.image.prompt, []).append(line)
    # Groups are numbered from 1 within a prompt, so that the last number says how many there are.
    found = Rating.objects.filter(run=run, criterion=criterion).values("image__prompt").order_by()
    facts: dict[UUID | None, tuple[int, bool]] = {
        prompt: (groups, comparisons > 0)
        for prompt, groups, comparisons in found.annotate(
            groups=Max("group"), compared=Max("comparisons")
        ).values_list("image__prompt", "groups", "compared")
    }
    return [
        Section(prompt, part, *facts[prompt.id if prompt else None])
        for prompt, part in by_prompt.items()
    ]


def _placed(run: RatingRun, criterion: Criterion, ratings: list[Rating]) -> list[Line]:
    ends = Rating.objects.filter(run=run, criterion=criterion).aggregate(
        low=Min(F("mu") - 2 * F("sigma")), high=Max(F("mu") + 2 * F("sigma"))
    )
    scale = Scale(ends["low"] or 0.0, ends["high"] or 0.0)
    return [Line(rating, scale.whisker(rating)) for rating in ratings]


def _in_words(seconds: int) -> str:
    """`12 seconds ago`; Django's timesince knows nothing shorter than a minute."""
    count, words = seconds, ngettext_lazy("%(count)s second ago", "%(count)s seconds ago", "count")
    for size, unit in (
        (86_400, ngettext_lazy("%(count)s day ago", "%(count)s days ago", "count")),
        (3600, ngettext_lazy("%(count)s hour ago", "%(count)s hours ago", "count")),
        (60, ngettext_lazy("%(count)s minute ago", "%(count)s minutes ago", "count")),
    ):
        if seconds >= size:
            count, words = seconds // size, unit
            break
    return str(words % {"count": count})
