"""Whom can I trust: the signals of people in plain words, and what managers decide of them."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotation import limits
from annotation.access import project_for
from annotation.language import number
from annotation.models import Flag, Membership, Project, Role, User
from annotation.selectors import decisions_of, flags_of
from annotation.services import flags as services
from annotation.views.page import page, refusals_as_messages
from rating.algorithms.attention import FEWEST, Share
from rating.selectors import Signals, signals_of

# How many of the decisions and of the dismissed flags are listed.
LATEST = 20


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=limits.REASON, required=False)


@dataclass(frozen=True)
class Cell:
    """A share as it is read: `92 %`, `74–98 % of 24`; `few` where it is too early to say anything."""

    value: str
    note: str = ""
    few: bool = False


def trust_of(project: Project, people: list[dict[str, Any]]) -> dict[str, Any]:
    """people: the rows of the table of people; only those who compared are told of."""
    compared = [person for person in people if person["compared"]]
    signals = signals_of(project, [person["id"] for person in compared])
    standing: defaultdict[UUID, list[Flag]] = defaultdict(list)
    for flag in flags_of(project).filter(services.UNSETTLED):
        standing[flag.annotator_id].append(flag)
    decided = flags_of(project).filter(decision=Flag.Outcome.DISMISSED)
    return {
        "noticed": [
            {
                "person": person,
                "flags": standing[person["id"]],
                "paused": person["paused"],
                "why": _why(person["paused"], standing[person["id"]]),
            }
            for person in people
            if standing[person["id"]] or person["paused"]
        ],
        "signals": [
            {"person": person, "cells": _cells(signals[person["id"]])} for person in compared
        ],
        "dismissed_flags": list(decided[:LATEST]),
        "decisions": list(decisions_of(project)[:LATEST]),
        "fewest": FEWEST,
    }


def _why(paused: Membership | None, flags: list[Flag]) -> str:
    """Why a manager has paused them; why the program has, its flags say."""
    why = paused.paused_reason if paused else ""
    return "" if any(flag.summary in why for flag in flags) else why


def _cells(signals: Signals) -> list[Cell]:
    return [
        _share(signals.gold),
        _share(signals.repeat),
        _haste(signals),
        _sides(signals),
        _share(signals.ties),
        _share(signals.skips),
    ]


def _share(share: Share | None) -> Cell:
    if share is None:
        return Cell("–")
    note = _("%(low)s–%(high)s %% of %(of)s") % {
        "low": f"{100 * share.low:.0f}",
        "high": f"{100 * share.high:.0f}",
        "of": share.of,
    }
    return Cell(f"{100 * share.share:.0f} %", note, few=not share.enough)


def _haste(signals: Signals) -> Cell:
    haste = signals.haste
    if haste is None:
        return Cell("–")
    median = _seconds(haste.median)
    if haste.limit is None or haste.fast is None:
        return Cell(median, _("no others to compare with"), few=True)
    note = _("%(share)s %% below %(seconds)s") % {
        "share": f"{100 * haste.fast.share:.0f}",
        "seconds": _seconds(haste.limit),
    }
    return Cell(median, note, few=not haste.fast.enough)


def _seconds(ms: float) -> str:
    return number(f"{ms / 1000:.1f} s")


def _sides(signals: Signals) -> Cell:
    sides = signals.sides
    if sides is None:
        return Cell("–")
    cell = _share(sides.share)
    value = _("%(share)s left") if sides.side > 0 else _("%(share)s right")
    note = _("%(share)s, %(run)s in a row") % {"share": cell.note, "run": sides.run}
    return Cell(value % {"share": cell.value}, note, few=cell.few)


# --- What managers decide ----------------------------------------------------------------------------


Decide = Callable[[Project, UUID, User, str], object]


def _decide(
    request: HttpRequest, project_id: UUID, decide: Decide, of: UUID, said: str
) -> HttpResponse:
    project = project_for(request.user, project_id, Role.MANAGER)
    form = ReasonForm(request.POST)
    if form.is_valid():
        with refusals_as_messages(request):
            decide(project, of, cast(User, request.user), form.cleaned_data["reason"])
            messages.success(request, said)
    else:
        messages.error(request, _("A reason may have up to 300 characters."))
    return redirect("dashboard", project_id)


@require_POST
@page
def pause(request: HttpRequest, project_id: UUID, user_id: UUID) -> HttpResponse:
    said = _("Paused. They are shown nothing more; what they have compared stays in the log.")
    return _decide(request, project_id, services.pause_person, user_id, said)


@require_POST
@page
def resume(request: HttpRequest, project_id: UUID, user_id: UUID) -> HttpResponse:
    said = _("Resumed. What was noticed before is not held against them again.")
    return _decide(request, project_id, services.resume_person, user_id, said)


@require_POST
@page
def dismiss(request: HttpRequest, project_id: UUID, flag_id: UUID) -> HttpResponse:
    said = _("Dismissed. It comes back only if new comparisons are a new reason.")
    return _decide(request, project_id, services.dismiss_flag, flag_id, said)


@require_POST
@page
def reopen(request: HttpRequest, project_id: UUID, flag_id: UUID) -> HttpResponse:
    said = _("The flag is open again.")
    return _decide(request, project_id, services.reopen_flag, flag_id, said)
