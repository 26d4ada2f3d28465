"""What the compare page is told, changed on the way to it, and what it says in return."""

import json
import re
from contextlib import suppress
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page, Request, Route

FACTS = re.compile(r'(<script id="facts" type="application/json">)(.*?)(</script>)', re.DOTALL)


def with_facts(page: Page, **facts: Any) -> None:
    """From now on the compare page has these facts besides its own."""

    def add(route: Route) -> None:
        answer = route.fetch()
        body = FACTS.sub(
            lambda match: match[1] + json.dumps(json.loads(match[2]) | facts) + match[3],
            answer.text(),
        )
        route.fulfill(response=answer, body=body)

    page.route(re.compile(r"/compare/$"), add)


def with_assignments(page: Page, **fields: Any) -> None:
    """From now on each assignment that is given out has these fields; a function is given the assignment."""

    def add(route: Route) -> None:
        # Of a page that is gone meanwhile, nobody waits for the answer.
        with suppress(Error):
            answer = route.fetch()
            body = answer.json()
            for one in body["results"]:
                one |= {
                    name: field(one) if callable(field) else field for name, field in fields.items()
                }
            route.fulfill(response=answer, json=body)

    page.route(re.compile(r"/assignments/$"), add)


def answers_of(page: Page) -> list[dict[str, Any]]:
    """A list that grows by each answer that the page sends, without its assignment and its time."""
    heard: list[dict[str, Any]] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/api/v1/comparisons/"):
            body = request.post_data_json or {}
            assert isinstance(body.pop("duration_ms"), int)
            heard.append(
                {
                    key: value
                    for key, value in body.items()
                    if key in ("outcome", "levels", "strength", "tags", "reason", "cause")
                }
            )

    page.on("request", note)
    return heard


def serious(page: Page) -> list[str]:
    """What axe finds that keeps people from using the page as it is now."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']} {[node['target'] for node in one['nodes']]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
