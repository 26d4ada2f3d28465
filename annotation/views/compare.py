from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from annotation import keys
from annotation.access import membership_for
from annotation.images import SCREENS
from annotation.models import Membership, Role, User
from annotation.selectors import Lately, OwnProgress, lately, needs_introduction, own_progress
from annotation.views.page import page, project_page

ATTEMPTS = 3
# The modules that compare.js imports, by which way ever: asked for at once, they come in one round trip.
MODULES = (
    *("ahead", "api", "choice", "details", "i18n", "keys", "lineup", "pictures", "queue", "server"),
    *("session", "status", "store", "tools", "touch", "turns", "view"),
)


@require_safe
@page
def compare(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """The page where images are judged. Its script asks the API for pairs and sends the answers."""
    membership = membership_for(request.user, project_id)
    if needs_introduction(membership):
        return redirect("introduction", project_id)
    progress, last = _so_far(membership)
    return project_page(
        request,
        membership,
        "annotation/compare.html",
        {
            "progress": progress,
            "facts": _facts(membership, progress, last),
            **_keys(membership.user),
            "has_examples": membership.project.examples.exists(),
            "modules": [f"annotation/{name}.js" for name in MODULES],
        },
    )


def _keys(user: User) -> dict[str, Any]:
    """The person's keys as buttons show them, as screen readers spell them, and as the help lists them."""
    own = keys.keys_of(user)
    return {
        "key": {
            name: keys.label_of(mine[0]) if mine and mine[0] else "" for name, mine in own.items()
        },
        "shortcuts": {name: keys.shortcuts_of(mine) for name, mine in own.items()},
        "key_help": [
            (
                label,
                [
                    (action.label, [keys.label_of(key) for key in own[name] if key])
                    for name, action in actions.items()
                ],
            )
            for label, actions in keys.GROUPS
        ],
    }


def _so_far(membership: Membership) -> tuple[OwnProgress, Lately]:
    """Both of one moment: a page that is loaded while its answers arrive goes on counting from there."""
    last = lately(membership)
    for _ in range(ATTEMPTS):
        progress, before = own_progress(membership), last
        last = lately(membership)
        if last == before:
            break
    return progress, last


def _facts(membership: Membership, progress: OwnProgress, last: Lately) -> dict[str, Any]:
    """What the script knows beforehand; nothing in it tells one image from another."""
    project = membership.project
    may_undo_all = Role(membership.role).includes(Role.MANAGER)
    return {
        "queue": f"{membership.user_id}:{project.id}",
        "assignments": reverse("api-assignments", args=[project.id]),
        "comparisons": reverse("api-comparisons"),
        "history": reverse("api-history", args=[project.id]),
        "allow_tie": project.allow_tie,
        "ask_strength": project.ask_strength,
        "ask_reason": project.ask_reason,
        "tags": project.tags,
        "undo_steps": None if may_undo_all else project.undo_steps,
        "pause_after": project.pause_after,
        "judged": progress.judged,
        "remaining": progress.remaining,
        # Of these the script knows that they are among the judged, whatever it has heard.
        "counted": last.assignments,
        "seconds_each": last.seconds_each,
        "keys": keys.keys_of(membership.user),
        "sizes": SCREENS,
    }
