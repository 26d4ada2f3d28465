"""Every page there is, as somebody who may see it would come to it.

The tests of accessibility and `make screenshots` walk along this list, and a test asks that no page of the
program is missing: a new page is one more line here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.urls import reverse


@dataclass(frozen=True)
class Stop:
    """One look at a page: who looks, what they click on first, and what must be there by then."""

    name: str
    view: str
    args: tuple[str, ...] = ()  # keys of the world
    who: str = "manager"
    query: str = ""
    click: tuple[str, ...] = ()
    wait: str = "h1"


PROJECT = ("project",)
PAIR = "#left img"

STOPS = (
    Stop("login", "account_login", who="nobody"),
    Stop("login-wrong", "account_login", who="nobody", click=("form button.primary",)),
    Stop("inactive", "account_inactive", who="nobody"),
    Stop("invitation", "invitation", ("invitation",), "nobody"),
    Stop("invitation-known", "invitation", ("invitation",), "stranger"),
    Stop("entry-used", "enter", ("encoded", "used"), "nobody"),
    Stop("projects", "projects"),
    Stop("projects-menu", "projects", who="stranger", click=(".menu summary",)),
    Stop("projects-annotator", "projects", who="annotator"),
    Stop("projects-none", "projects", who="stranger"),
    Stop("new-project", "new_project"),
    Stop("new-project-wrong", "new_project", click=("form button.primary",)),
    Stop("password", "account_change_password"),
    Stop("password-wrong", "account_change_password", click=("form button.primary",)),
    Stop("password-set", "account_set_password", who="stranger"),
    Stop("tokens", "tokens"),
    Stop("keys", "keys"),
    Stop("introduction", "introduction", PROJECT, "annotator"),
    Stop("history", "history", PROJECT, "annotator"),
    Stop("compare", "compare", PROJECT, "annotator", wait=PAIR),
    Stop("ranking", "ranking", PROJECT, "reviewer", wait=".ranking"),
    Stop("ranking-none", "ranking", ("empty",)),
    Stop("dashboard", "dashboard", PROJECT),
    Stop("dashboard-reviewer", "dashboard", PROJECT, "reviewer"),
    Stop("dashboard-none", "dashboard", ("empty",)),
    Stop("images", "project_images", PROJECT),
    Stop("images-many", "project_images", PROJECT, click=("#many summary", "#tick-page")),
    Stop("images-change", "project_images", PROJECT, click=(".gallery details summary >> nth=0",)),
    Stop("images-none", "project_images", ("empty",)),
    Stop("prompts", "prompts", PROJECT, click=(".prompts summary >> nth=0",)),
    Stop("prompts-none", "prompts", ("empty",)),
    Stop("examples", "examples", PROJECT),
    Stop("examples-none", "examples", ("empty",)),
    Stop("duplicates", "duplicates", PROJECT),
    Stop("duplicates-none", "duplicates", ("empty",)),
    Stop("imports", "imports", PROJECT, click=(".imports summary >> nth=0", "form summary")),
    Stop("imports-none", "imports", ("empty",)),
    Stop("members", "members", PROJECT),
    Stop("members-link", "members", PROJECT, click=("text=Make a link",), wait="#link"),
    Stop("settings", "project_settings", PROJECT),
    Stop("webhooks", "webhooks", PROJECT),
    Stop("webhook", "webhook", ("webhook",)),
    Stop("forbidden", "new_project", who="annotator"),
)

# What answers to GET, and is no page that anybody reads.
NO_PAGES = {
    "image": "a picture",
    "import_list": "a part of the page of imports",
    "exports": "a part of the dashboard",
    "manifest": "facts for home screens",
    "icon": "a picture",
}

# Rendered apart, because nobody comes to them on purpose.
ERRORS = ("400", "403_csrf", "404", "429", "500", "503")

# Pages of others, which our style is not on.
FOREIGN = (Stop("api-docs", "api-docs", wait=".info .title"),)


def told(stops: tuple[Stop, ...], world: Mapping[str, str]) -> list[dict[str, Any]]:
    """The stops with their addresses, for whoever walks without Django."""
    return [
        asdict(stop)
        | {"path": reverse(stop.view, args=[world[key] for key in stop.args]) + stop.query}
        for stop in stops
    ]
