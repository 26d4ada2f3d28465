"""People in front of real browsers: Chromium, driven by Playwright, against a live server."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, Request, Response, expect

from annotation.models import Assignment, Comparison, Project, User
from annotation.showings import id_of, image_at, read_showing
from tests.browser.chromium import MISSING, OPTIONS, chromium
from tests.waiting import eventually

# A busy machine is slow, not wrong.
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = chromium()
    if path is None:
        pytest.exit(MISSING, returncode=4)
    return browser_type_launch_args | {"executable_path": path, "args": OPTIONS}


class Person:
    """Somebody with a browser of their own, as they see and use it."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site = page, site
        self.answers_sent: list[str] = []
        self.replies: list[tuple[str, str]] = []
        page.context.on("request", self._note_request)
        page.context.on("response", self._note_response)
        page.context.on("requestfailed", self._note_failure)

    def _note_request(self, request: Request) -> None:
        if _is_answer(request):
            self.answers_sent.append(_assignment(request))

    def _note_response(self, response: Response) -> None:
        if _is_answer(response.request):
            self.replies.append((_assignment(response.request), str(response.status)))

    def _note_failure(self, request: Request) -> None:
        if _is_answer(request):
            self.replies.append((_assignment(request), request.failure or "failed"))

    @property
    def acknowledged(self) -> list[str]:
        return [assignment for assignment, reply in self.replies if reply in ("200", "201")]

    def open(self, name: str, *args: Any, query: str = "") -> Page:
        self.page.goto(f"{self.site}{reverse(name, args=args)}{query}")
        return self.page

    def compare(self, project: Project) -> None:
        self.open("compare", project.id)
        self.sees_a_pair()

    def sees_a_pair(self) -> tuple[str, str]:
        """The ids of the images on the screen, left and right."""
        expect(self.page.locator("#left img")).to_be_visible()
        expect(self.page.locator("#right img")).to_be_visible()
        return self.shown()

    def shown(self) -> tuple[str, str]:
        left, right = self.page.evaluate(
            "['left', 'right'].map((id) => document.querySelector(`#${id} img`)?.src ?? '')"
        )
        return image_in(left), image_in(right)

    def press(self, keys: str) -> None:
        """One key, or several one after another, with spaces between."""
        for key in keys.split():
            self.page.keyboard.press(key)

    def judges(self, key: str) -> tuple[str, str]:
        """Answer the pair on the screen; it, once another is there instead (or nothing)."""
        pair = self.sees_a_pair()
        self.press(key)
        self.sees_another_than(pair)
        return pair

    def sees_another_than(self, pair: tuple[str, str]) -> None:
        self.page.wait_for_function(
            "(before) => before !== ['left', 'right']"
            ".map((id) => document.querySelector(`#${id} img`)?.src.split('/').at(-2) ?? '').join()",
            arg=",".join(pair),
        )

    def sees_again(self, pair: tuple[str, str]) -> None:
        for side, image in zip(("left", "right"), pair, strict=True):
            expect(self.page.locator(f"#{side} img")).to_have_attribute("src", in_any_size(image))

    def nothing_waits(self) -> None:
        expect(self.page.locator("#compare")).to_have_attribute("data-waiting", "0")
        expect(self.page.locator("#waiting")).to_be_hidden()


def image_in(src: str) -> str:
    """The id of the image at this address, in whatever size; "" if there is none."""
    return src.partition("?")[0].rstrip("/").rpartition("/")[2]


def own_image(shown: str) -> str:
    """The own id of the image that somebody sees under this id."""
    showing = read_showing(UUID(shown))
    if showing is None:
        return shown
    assignment = Assignment.objects.get(id=showing.shown_by)
    return str(image_at(assignment, showing.place).get().id)


def in_any_size(image: Any) -> re.Pattern[str]:
    return re.compile(rf"^/images/{image}/(\?|$)")


def _is_answer(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/api/v1/comparisons/")


def _assignment(request: Request) -> str:
    return str((request.post_data_json or {})["assignment"])


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browsers had to say of our pages, above all of the content security policy; nothing."""
    heard: list[str] = []
    yield heard
    assert heard == []


@pytest.fixture
def person(
    transactional_db: None, live_server: Any, browser: Browser, complaints: list[str]
) -> Iterator[Callable[..., Person]]:
    """`person(bob)`: bob in a browser of his own, logged in; `person()`: somebody unknown."""
    cache.clear()
    contexts = []

    def arrive(user: User | None = None, **options: Any) -> Person:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        context.on("console", lambda message: _listen(message.text, complaints))
        if user is not None:
            client = Client()
            client.force_login(user)
            session = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
            )
        return Person(context.new_page(), live_server.url)

    with requests_under_way() as under_way:
        yield arrive
        for context in contexts:
            context.close()
        # Nothing may ask the database while it is being emptied for the next test.
        eventually(lambda: not under_way)


@contextmanager
def requests_under_way() -> Iterator[list[None]]:
    """As many entries as the live server has requests in hand, those of pages that are gone included."""
    entries: list[None] = []

    def begin(**kwargs: Any) -> None:
        entries.append(None)

    def end(**kwargs: Any) -> None:
        entries.pop()

    # The last receiver of the two: Django's own has closed the connection by then.
    request_started.connect(begin)
    request_finished.connect(end)
    try:
        yield entries
    finally:
        request_started.disconnect(begin)
        request_finished.disconnect(end)


def _listen(text: str, complaints: list[str]) -> None:
    # A request that fails is a resource that fails to load; tests cause that on purpose.
    if "Content Security Policy" in text or "Refused to" in text or "Uncaught" in text:
        complaints.append(text)


def outcomes(project: Project, user: User | None = None) -> list[tuple[str, str, str]]:
    """The log without what was undone: left and right by the ids that people saw, and outcome."""
    log = Comparison.objects.filter(project=project, retracted_at=None)
    if user is not None:
        log = log.filter(annotator=user)
    roles = {one.user_id: one for one in project.memberships.all()}
    rows = log.select_related("assignment").order_by("created_at", "id")
    return [(*sides_seen(row, blind=roles[row.annotator_id].is_blind), row.outcome) for row in rows]


def sides_seen(row: Comparison, *, blind: bool = True) -> tuple[str, str]:
    """The ids under which its author saw the left image and the right one."""
    assert row.left_id is not None
    assert row.right_id is not None
    return str(id_of(row, row.left_id, blind=blind)), str(id_of(row, row.right_id, blind=blind))
