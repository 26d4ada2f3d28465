from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.access import membership_for
from annotation.models import Assignment, Comparison, Image, Outcome, Role, Screen, User
from annotation.selectors import own_history
from annotation.services.comparisons import retract_comparison
from annotation.showings import Side, side_of
from annotation.views.page import back, cut, page, project_page, refusals_as_messages


@dataclass(frozen=True)
class Picture:
    """An image where it was shown; `place` is what was said of it, `chosen` whether that was the best."""

    image: Image
    shown: Side
    side: str
    place: str = ""
    chosen: bool = False


class Row:
    """One's own comparison as it was on the screen."""

    def __init__(self, comparison: Comparison, *, blind: bool) -> None:
        self.comparison = comparison
        self.blind = blind

    @property
    def pictures(self) -> list[Picture]:
        if self.comparison.screen == Screen.PAIR:
            return list(self._pair())
        return list(self._lineup())

    def _pair(self) -> Iterator[Picture]:
        said = self.comparison.outcome
        sides = (
            (self.comparison.left, Outcome.LEFT, _("Left image")),
            (self.comparison.right, Outcome.RIGHT, _("Right image")),
        )
        for image, outcome, side in sides:
            chosen = said == outcome
            yield self._picture(cast(Image, image), side, _("Better") if chosen else "", chosen)

    def _lineup(self) -> Iterator[Picture]:
        levels = self.comparison.levels or []
        level_of = {id: at for at, level in enumerate(levels) for id in level}
        for number, image in enumerate(self.comparison.lineup_images or [], start=1):
            level = level_of.get(str(image.id))
            side = _("Image %(number)s") % {"number": number}
            yield self._picture(image, side, self._place(level, len(levels)), level == 0)

    def _picture(self, image: Image, side: str, place: str, chosen: bool) -> Picture:
        shown = side_of(self.comparison, image, blind=self.blind)
        return Picture(image, shown, side, place, chosen)

    def _place(self, level: int | None, levels: int) -> str:
        if level is None:
            return ""
        if self.comparison.screen == Screen.ORDER:
            return str(level + 1)
        if level == 0:
            return _("Best")
        return _("Worst") if self.comparison.screen == Screen.BEST_WORST and level == 2 else ""

    @property
    def prompt(self) -> Any:
        return self.pictures[0].image.prompt

    @property
    def outcome(self) -> str:
        if self.comparison.outcome == Outcome.SKIP:
            return {
                "broken": _("Skipped: an image is broken"),
                "unsafe": _("Skipped: an image is unsafe"),
                "unknown": _("Skipped: cannot be judged"),
            }.get(self.comparison.cause, _("Skipped"))
        return {
            Outcome.LEFT: _("Left is better"),
            Outcome.RIGHT: _("Right is better"),
            Outcome.TIE: _("Tie"),
            Outcome.BOTH_BAD: _("Both bad"),
            Outcome.ORDERED: _("Put in order")
            if self.comparison.screen == Screen.ORDER
            else _("Chosen"),
        }[Outcome(self.comparison.outcome)]

    @property
    def strength(self) -> str:
        words = {1: _("slightly"), 2: _("clearly"), 3: _("much")}
        return words.get(self.comparison.strength or 0, "")


@require_safe
@page
def history(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """One's own comparisons, the latest first, each as it was shown."""
    membership = membership_for(request.user, project_id)
    found = cut(request, own_history(membership), "-created_at", "-id")
    project = membership.project
    context = {
        "found": found,
        "rows": [Row(comparison, blind=membership.is_blind) for comparison in found],
        "may_undo": project.undo_steps != 0 or membership.role == Role.MANAGER,
    }
    return project_page(request, membership, "annotation/history.html", context)


@require_POST
@page
def undo(request: HttpRequest, project_id: UUID, comparison_id: UUID) -> HttpResponse:
    """Only one's own, a manager too: to retract others' is another thing, and done elsewhere."""
    membership = membership_for(request.user, project_id)
    mine = Comparison.objects.filter(project=project_id, annotator=membership.user_id)
    comparison = mine.filter(id=comparison_id).first()
    if comparison is None:
        raise Http404("There is no such comparison of yours.")
    with refusals_as_messages(request):
        retract_comparison(cast(User, request.user), comparison_id)
        again = Assignment.objects.filter(
            replaces=comparison.assignment_id, state=Assignment.State.OPEN
        ).exists()
        messages.success(
            request,
            _("Undone. It is shown to you again when you compare.") if again else _("Undone."),
        )
    return back(request, "history", project_id)
