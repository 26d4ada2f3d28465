"""Every page is for everybody: what axe finds, in light and dark, wide and narrow, and what it cannot see."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import PIL.Image
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, reverse
from playwright.sync_api import Browser, Page, expect

import annotation.urls
import rating.urls
from annotation import demo
from annotation.models import Project, User
from annotation.services.images import add_image
from annotation.services.projects import create_project
from bench.pages import FOREIGN, NO_PAGES, STOPS, told
from bench.walk import Walker
from bench.world import make
from tests.browser.conftest import requests_under_way
from tests.conftest import picture
from tests.waiting import eventually

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What may be otherwise at another width or in other colours.
OF_THE_LOOK = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]
DESKTOP: tuple[int, Any] = (1280, "light")
PHONE: tuple[int, Any] = (360, "dark")
FOREIGN_VIEWS = {stop.view for stop in FOREIGN}
# WCAG 1.4.10: what is read needs no scrolling to the side at this width, which is 1280 magnified fourfold.
NARROWEST = 320


@pytest.fixture
def walker(transactional_db: None, live_server: Any, browser: Browser) -> Iterator[Walker]:
    """A populated world, and somebody who walks through it."""
    cache.clear()
    alice = User.objects.create_superuser("alice")
    project = create_project(alice, name="Landscapes", state=Project.State.OPEN)
    for n in range(8):
        content = picture(25 * n, size=(90, 60) if n % 3 else (60, 90))
        scene = list(demo.SCENES)[n // 4]
        add_image(project, content, name=f"landscape-{n}.png", prompt=scene, model="painter-1")
    world = make(project, votes=60)
    world["stops"] = told(STOPS + FOREIGN, world)
    walker = Walker(browser, live_server.url, world)
    with requests_under_way() as under_way:
        yield walker
        walker.close()
        # Nothing may ask the database while it is being emptied for the next test.
        eventually(lambda: not under_way)


def test_no_page_is_forgotten(client: Client, db: None) -> None:
    """A new page is to be one more line of bench/pages.py."""
    paths = [*annotation.urls.urlpatterns, *rating.urls.urlpatterns]
    seen = {stop.view for stop in STOPS}
    assert seen | NO_PAGES.keys() <= {path.name for path in paths}
    unseen = [path for path in paths if path.name not in seen and path.name not in NO_PAGES]
    assert [path.name for path in unseen if answers_to_get(client, path)] == []


def answers_to_get(client: Client, path: URLPattern) -> bool:
    like = {
        "UUIDConverter": "00000000-0000-0000-0000-000000000000",
        "StringConverter": "x",
        "IntConverter": 1,
    }
    kinds = path.pattern.converters.items()
    kwargs = {name: like[type(converter).__name__] for name, converter in kinds}
    address = reverse(path.name or "", kwargs=kwargs)
    return client.get(address).status_code != 405


def test_every_page_is_for_everybody(walker: Walker) -> None:
    """One walk, because each stop takes a while. Swagger UI is asked what WCAG asks, not what axe likes."""
    axe, found, seen = Axe(), [], set()
    for stop in walker.stops():
        ours, again = stop["view"] not in FOREIGN_VIEWS, stop["view"] in seen
        # A page that was seen already, in another state, is now looked at on a phone.
        page = walker.look(stop, *(PHONE if again else DESKTOP))
        page.evaluate(axe.axe_script)
        what = violations(page, {"type": "tag", "values": RULES if ours else RULES[:-1]})
        if ours and not again:
            page.emulate_media(color_scheme=PHONE[1])
            page.set_viewport_size({"width": PHONE[0], "height": 780})
            what += violations(page, {"type": "rule", "values": OF_THE_LOOK})
        # Where images are judged, what is needed must fit the screen, and is tested there.
        if ours and stop["view"] != "compare":
            what += cut_off(page)
        found += [" | ".join((stop["name"], *one)) for one in what]
        seen.add(stop["view"])
    assert not found, "\n".join(found)


def violations(page: Page, rules: dict[str, Any]) -> list[tuple[str, ...]]:
    options = {"resultTypes": ["violations"], "runOnly": rules}
    found = page.evaluate("(options) => axe.run(document, options)", options)["violations"]
    return [
        (one["id"], node["html"][:120], node["failureSummary"][-160:])
        for one in found
        for node in one["nodes"][:3]
    ]


def cut_off(page: Page) -> list[tuple[str, ...]]:
    """What sticks out to the right of a narrow page, or of a wide one whose text is twice as large."""
    page.set_viewport_size({"width": NARROWEST, "height": 780})
    narrow = page.evaluate(STICKS_OUT)
    page.set_viewport_size({"width": 1280, "height": 900})
    session = page.context.new_cdp_session(page)
    session.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
    large = page.evaluate(STICKS_OUT)
    session.send("Page.setFontSizes", {"fontSizes": {"standard": 16, "fixed": 13}})
    session.detach()
    return [("narrow", one) for one in narrow] + [("large text", one) for one in large]


STICKS_OUT = """() => {
    const root = document.documentElement;
    const cut = [...document.querySelectorAll("button, .button, .tag")].filter(
        (one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1 && !one.querySelector("img"));
    const beyond = [...document.querySelectorAll("main *, header *")].filter(
        (one) => one.getBoundingClientRect().right > root.clientWidth + 1 && !one.closest(".scroll"));
    const out = root.scrollWidth > root.clientWidth ? [root, ...beyond.slice(-3)] : [];
    return [...cut, ...out].map(
        (one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 40)}`);
}"""


def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(person, project, alice):
    page = person(alice).open("project_settings", project.id)
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    expect(page.locator(".skip-link")).to_be_in_viewport()
    places = []
    for _ in range(12):
        page.keyboard.press("Tab")
        places.append(page.evaluate(FOCUSED))
    assert [place["text"] for place in places[:3]] == ["Pairwright", "alice", "Compare"]
    assert all(place["ring"] >= 2 and place["seen"] for place in places)
    page.locator(".skip-link").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#id_name")).to_be_focused()


FOCUSED = """() => {
    const here = document.activeElement, style = getComputedStyle(here), box = here.getBoundingClientRect();
    return {
        text: here.textContent.trim(),
        ring: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
        seen: box.width > 0 && box.top >= 0 && box.bottom <= innerHeight,
    };
}"""


def test_the_menu_closes_by_itself_and_what_is_wrong_is_said_at_its_field(person, alice):
    page = person(alice).open("account_change_password")
    menu, items = page.locator(".menu summary"), page.locator(".menu-items")
    menu.click()
    expect(items).to_be_visible()
    page.keyboard.press("Escape")
    expect(items).to_be_hidden()
    expect(menu).to_be_focused()
    page.keyboard.press("Enter")
    expect(items).to_be_visible()
    page.keyboard.press("Shift+Tab")
    expect(items).to_be_hidden()
    menu.click()
    page.locator("h1").click()
    expect(items).to_be_hidden()
    page.evaluate("document.querySelector('main form').noValidate = true")
    page.click("button.primary")
    for field in page.locator("input[type=password]").all():
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile("This field is required"))


def test_it_can_be_put_on_a_home_screen(person):
    """What Chromium itself says of the manifest, and icons of the sizes that it promises."""
    stranger = person()
    page = stranger.open("account_login")
    session = page.context.new_cdp_session(page)
    told = session.send("Page.getAppManifest")
    assert told["errors"] == []
    reasons = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # Its only objection: the browser of a test keeps nothing.
    assert {reason["errorId"] for reason in reasons} <= {"in-incognito"}
    manifest = page.request.get(told["url"]).json()
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "/")
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    touch = page.locator("link[rel=apple-touch-icon]").get_attribute("href") or ""
    sizes = {icon["src"]: icon["sizes"] for icon in manifest["icons"]} | {touch: "180x180"}
    for address, size in sizes.items():
        drawn = PIL.Image.open(BytesIO(page.request.get(stranger.site + address).body()))
        assert f"{drawn.width}x{drawn.height}" == size
        assert drawn.getpixel((drawn.width // 3, drawn.height // 2)) == (242, 242, 242, 255)
    assert page.request.get(f"{stranger.site}/icons/maskable/180/").status == 404
