"""Somebody who looks at pages in a browser: at any width, in light and dark, as any of the team."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

HEIGHTS = {360: 780, 768: 1024, 1440: 900, 2560: 1440}


class Walker:
    """Each person has a desktop and a phone, a browser context each, made when they first look."""

    def __init__(self, browser: Browser, site: str, world: Mapping[str, Any]) -> None:
        self.browser, self.site, self.world = browser, site, world
        self._contexts: list[BrowserContext] = []
        self._pages: dict[tuple[str, bool], Page] = {}

    def look(
        self, stop: Mapping[str, Any], width: int, scheme: Any = "light", *, phone: bool = False
    ) -> Page:
        """The page as it is when everything is there that the stop waits for."""
        page = self._page(stop["who"], phone)
        page.set_viewport_size({"width": width, "height": HEIGHTS.get(width, 800)})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.goto(self.site + stop["path"])
        if stop["click"]:
            # What the browser would refuse to send is sent, to see what the program says of it.
            page.evaluate("for (const form of document.forms) form.noValidate = true")
        for what in stop["click"]:
            page.locator(what).first.click()
        page.locator(stop["wait"]).first.wait_for()
        return page

    def stops(self) -> Iterator[Mapping[str, Any]]:
        yield from self.world["stops"]
        for name in self.world["errors"]:
            path = f"/error/{name}"
            yield {
                "name": f"error-{name}",
                "view": "error",
                "who": "nobody",
                "path": path,
                "click": (),
                "wait": "h1",
            }

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _page(self, who: str, phone: bool) -> Page:
        if (who, phone) not in self._pages:
            context = self.browser.new_context(is_mobile=phone, has_touch=phone)
            self._contexts.append(context)
            context.set_default_timeout(20_000)
            if who in self.world["sessions"]:
                session = self.world["sessions"][who]
                context.add_cookies([{"name": "sessionid", "value": session, "url": self.site}])
            page = self._pages[who, phone] = context.new_page()
            page.route("**/error/*", self._error)
        return self._pages[who, phone]

    def _error(self, route: Any) -> None:
        html = self.world["errors"][route.request.url.rpartition("/")[2]]
        route.fulfill(body=html, content_type="text/html; charset=utf-8")


@contextmanager
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    from tests.browser.chromium import MISSING, OPTIONS
    from tests.browser.chromium import chromium as path

    if path() is None:
        raise SystemExit(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path(), args=OPTIONS)
        yield browser
        browser.close()
