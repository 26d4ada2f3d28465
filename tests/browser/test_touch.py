"""Judging by hand, on a phone: taps, swipes and pinches, none of which answers by chance."""

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import outcomes

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


class Fingers:
    """Touches of the screen, as the browser has them from its system."""

    def __init__(self, page: Page) -> None:
        self.session = page.context.new_cdp_session(page)

    def _send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def down(self, *points: tuple[float, float]) -> None:
        self._send("touchStart", *points)

    def move(self, *points: tuple[float, float]) -> None:
        self._send("touchMove", *points)

    def up(self) -> None:
        self._send("touchEnd")

    def swipe(self, *way: tuple[float, float]) -> None:
        self.down(way[0])
        for (x0, y0), (x1, y1) in pairwise(way):
            for part in range(1, 5):
                self.move((x0 + (x1 - x0) * part / 4, y0 + (y1 - y0) * part / 4))


def middle(page: Page, selector: str) -> tuple[float, float]:
    box: Any = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_hand_chooses_and_never_by_chance(person, project, add_images, bob):
    add_images(6)
    judge = person(bob, **PHONE)
    page = judge.page
    judge.compare(project)
    fingers = Fingers(page)
    level = page.locator("#zoom-level")
    stage = page.locator("#stage")
    pair = judge.shown()
    x, y = middle(page, "#left")
    # A swipe shows what it would choose; back, it chooses nothing.
    fingers.swipe((x, y), (x, y + 100))
    expect(stage).to_have_attribute("data-aim", "right")
    expect(page.locator(".aim")).to_contain_text("Let go: bottom")
    fingers.move((x, y + 10))
    expect(stage).to_have_attribute("data-aim", "")
    fingers.up()
    # Two fingers enlarge, and one moves what is enlarged; neither chooses.
    fingers.down((x - 20, y), (x + 20, y))
    for apart in (30, 40, 50, 60):
        fingers.move((x - apart, y), (x + apart, y))
    fingers.up()
    expect(level).to_have_text("3×")
    fingers.swipe((x, y), (x, y + 120))
    expect(stage).not_to_have_attribute("data-aim", "right")
    fingers.up()
    # Buttons by the mouse, since Chromium counts no tap while what was swiped may still be rolling.
    page.locator("[data-tool=zoom_reset]").click()
    expect(level).to_have_text("1×")
    judge.nothing_waits()
    assert judge.shown() == pair
    # A tap chooses at once; a second one, which was meant for the same, chooses nothing more.
    page.touchscreen.tap(x, y)
    page.touchscreen.tap(x, y)
    judge.sees_another_than(pair)
    pair = judge.sees_a_pair()
    fingers.swipe((x, y), (x, y + 100))
    fingers.up()
    judge.sees_another_than(pair)
    # What waits to be sent moves no button.
    pair = judge.sees_a_pair()
    tie = page.locator(".answers [data-outcome=tie]")
    judge.nothing_waits()
    at = tie.bounding_box()
    page.context.set_offline(True)
    tie.click()
    judge.sees_another_than(pair)
    expect(page.locator("#waiting")).to_be_visible()
    assert tie.bounding_box() == at
    page.context.set_offline(False)
    judge.nothing_waits()
    assert [row[2] for row in outcomes(project)] == ["left", "right", "tie"]


def test_everything_is_within_reach_of_a_thumb(person, project, add_images, bob):
    add_images(
        3, prompt="A row of motorcycles at a race track in the evening sun, seen from the side"
    )
    judge = person(bob, **PHONE)
    page = judge.page
    judge.compare(project)
    for width, height, beside in ((360, 740, False), (740, 360, True)):
        page.set_viewport_size({"width": width, "height": height})
        left, right = middle(page, "#left"), middle(page, "#right")
        assert (left[0] < right[0]) == beside
        assert (left[1] < right[1]) == (not beside)
        for shown in ("#prompt", "#question", "#left", "#right", "#progress"):
            box: Any = page.locator(shown).bounding_box()
            assert box["y"] >= 0, shown
            assert box["y"] + box["height"] <= height + 1, shown
            assert box["x"] + box["width"] <= width, shown
        targets = page.locator(".answers button:visible, .tools button:visible").all()
        assert len(targets) >= 8
        for target in targets:
            box = target.bounding_box()
            assert box["height"] >= 48, target.inner_text()
            assert box["width"] >= 44, target.inner_text()
            assert box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
