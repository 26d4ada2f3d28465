"""Looking closely at two images: enlarged on the same spot, one in place of the other, their difference."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from annotation.models import Screen
from annotation.services.images import add_image
from tests.browser.conftest import outcomes
from tests.browser.looking import serious, with_assignments, with_facts
from tests.conftest import picture
from tests.lineups import lineup

pytestmark = pytest.mark.browser

LEFT, RIGHT = "#left .picture", "#right .picture"
PLACES = """(selectors) => selectors.map((selector) => {
    const layer = document.querySelector(selector);
    const {a, e, f} = new DOMMatrix(getComputedStyle(layer).transform);
    return [a, e, f].map((value) => Math.round(value * 100) / 100);
})"""


def places(page: Page) -> list[list[float]]:
    """Of each image: how many times it is enlarged, and where its corner is."""
    return page.evaluate(PLACES, [LEFT, RIGHT])


def sources(page: Page) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('.pane img')].map((image) => image.src)")


def test_both_are_enlarged_on_the_same_spot_and_a_drag_never_answers(person, project, bob):
    # Of different sizes, and one of them much larger than its derivative.
    for n, size in enumerate([(300, 200), (3000, 2000)]):
        add_image(project, picture(40 * n, size), name=f"{n}.png")
    judge = person(bob)
    page = judge.page

    def sharper(route: Route) -> None:
        route.fulfill(body=picture(90, (300, 200)), content_type="image/png")

    page.route(re.compile(r"/images/.*size=(large|full)"), sharper)
    judge.compare(project)
    pair = judge.shown()
    level = page.locator("#zoom-level")
    box = page.locator("#left").bounding_box()
    assert box is not None
    x, y = int(box["x"] + box["width"] / 4), int(box["y"] + box["height"] / 2)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -600)
    page.mouse.wheel(0, -600)
    expect(level).to_have_text("4×")
    left, right = places(page)
    assert left == right
    assert left[0] == 4
    # What was under the pointer still is.
    assert x - box["x"] == pytest.approx(left[1] + left[0] * (x - box["x"]), abs=1)
    # The sharper pictures come for both at once.
    expect(page.locator("#left img")).to_have_attribute("src", re.compile("size=(large|full)"))
    expect(page.locator("#right img")).to_have_attribute("src", re.compile("size=(large|full)"))
    page.mouse.down()
    page.mouse.move(x + 60, y + 30, steps=4)
    page.mouse.up()
    moved_left, moved_right = places(page)
    assert moved_left == moved_right
    assert moved_left[1:] != left[1:]
    judge.press("Shift+ArrowRight")
    assert places(page)[0][1] < moved_left[1]
    judge.press("- - - -")
    expect(level).to_have_text("1×")
    assert places(page) == [[1, 0, 0], [1, 0, 0]]
    page.get_by_label("Larger").click()
    expect(level).to_have_text("1.5×")
    judge.press("0")
    for _ in range(12):
        judge.press("+")
    # Eight times as large as it fits, or four pixels of the screen for one of the image.
    assert places(page)[0][0] >= 8
    judge.nothing_waits()
    assert outcomes(project) == []
    page.mouse.click(x, y)
    judge.sees_another_than(pair)
    judge.nothing_waits()
    assert [row[2] for row in outcomes(project)] == ["left"]


def test_the_largest_there_is_shown_until_the_full_size_is_made(person, project, bob):
    for n in range(2):
        add_image(project, picture(40 * n, (3000, 2000)), name=f"{n}.png")
    judge = person(bob)
    page = judge.page
    made: list[str] = []
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if "size=full" in route.request.url and not made:
            route.fulfill(status=503, headers={"Retry-After": "5"})
        else:
            route.fulfill(body=picture(90, (300, 200)), content_type="image/png")

    page.route(re.compile(r"/images/.*size="), answer)
    page.clock.install()
    judge.compare(project)
    for _ in range(12):
        judge.press("+")
    page.clock.run_for(200)
    expect(page.locator("#left img")).to_have_attribute("src", re.compile("size=large"))
    expect(page.locator("#right img")).to_have_attribute("src", re.compile("size=large"))
    assert any("size=full" in url for url in asked)
    made.append("both")
    page.clock.run_for(5100)
    expect(page.locator("#left img")).to_have_attribute("src", re.compile("size=full"))
    expect(page.locator("#right img")).to_have_attribute("src", re.compile("size=full"))


def test_another_question_about_the_pair_keeps_the_view_and_another_pair_does_not(
    person, project, images, bob
):
    judge = person(bob)
    first: dict[str, object] = {}
    asked: list[str] = []

    def same(side: str):
        def of(one: dict[str, object]) -> object:
            if one["id"] not in asked:
                asked.append(str(one["id"]))
            return (
                first.setdefault(side, one[side]) if asked.index(str(one["id"])) < 2 else one[side]
            )

        return of

    with_assignments(judge.page, left=same("left"), right=same("right"))
    judge.compare(project)
    page = judge.page
    progress = page.locator("#progress")
    judge.press("+ + 1")
    expect(progress).to_contain_text("1 judged")
    assert places(page)[0][0] == pytest.approx(2.25)
    judge.press("2")
    expect(progress).to_contain_text("2 judged")
    assert places(page)[0][0] == 1


def test_flip_difference_and_reference_in_place(person, project, images, bob):
    judge = person(bob)
    page = judge.page
    with_assignments(page, reference=lambda one: one["left"] | {"id": "x"})
    judge.compare(project)
    left, right = judge.shown()
    judge.press("+")
    enlarged = places(page)
    page.keyboard.down("f")
    assert judge.shown() == (right, left)
    assert places(page) == enlarged
    expect(page.locator("#announcer")).to_have_text("Each side shows the other image.")
    page.keyboard.up("f")
    assert judge.shown() == (left, right)
    # The same by a button that is held.
    flip = page.get_by_role("button", name="Flip")
    flip.hover()
    page.mouse.down()
    expect(flip).to_have_attribute("aria-pressed", "true")
    assert judge.shown() == (right, left)
    page.mouse.up()
    assert judge.shown() == (left, right)
    # The reference stands between the two, and comes in their place.
    expect(page.get_by_role("img", name="Reference")).to_be_visible()
    page.keyboard.down("r")
    assert judge.shown() == (left, left)
    page.keyboard.up("r")
    judge.press("d")
    expect(page.locator("#looking")).to_contain_text("Difference")
    for side in ("#left", "#right"):
        expect(page.locator(f"{side} img")).to_have_count(2)
        blend = (
            page.locator(f"{side} img")
            .nth(1)
            .evaluate("(image) => getComputedStyle(image).mixBlendMode")
        )
        assert blend == "difference"
    assert serious(page) == []
    # A look that is held comes before one that stays.
    page.keyboard.down("f")
    assert judge.shown() == (right, left)
    page.keyboard.up("f")
    expect(page.locator("#left img")).to_have_count(2)
    judge.press("ArrowLeft")
    judge.sees_another_than((left, right))
    expect(page.locator("#left img")).to_have_count(1)
    judge.nothing_waits()
    assert outcomes(project) == [(left, right, "left")]


def test_no_state_of_the_page_keeps_anybody_out(person, project, add_images, bob):
    images = add_images(4)
    judge = person(bob)
    page = judge.page
    with_facts(page, ask_strength=True, ask_reason=True, tags=["Sharp", "Odd hands"])
    judge.compare(project)
    assert serious(page) == []
    for key in ("1", "s", "?"):
        judge.press(key)
        assert serious(page) == [], key
        judge.press("Escape")
    # Two hundred per cent text, on a desk and on a phone: nothing is cut off at the side.
    for width, height in ((1280, 800), (360, 740)):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        out = page.evaluate(
            """[...document.querySelectorAll(".answers button, .tools button")]
            .filter((one) => one.offsetWidth)
            .map((one) => [one.textContent, one.getBoundingClientRect()])
            .filter(([, {left, right, bottom}]) => left < 0 || right > innerWidth
                || bottom > document.documentElement.scrollHeight)"""
        )
        assert out == [], width
    page.evaluate("document.documentElement.style.fontSize = ''")
    judge.press("s s")
    lineup(project, bob, images, Screen.BEST)
    page.reload()
    while not page.locator(".tile img").count():
        judge.judges("s s")
    assert serious(page) == []
    tile = page.locator(".tile").nth(1)
    tile.hover()
    page.mouse.wheel(0, -600)
    expect(page.locator("#zoom-level")).to_have_text("2×")
    assert page.evaluate(PLACES, [".tile .picture"])[0][0] == 2
