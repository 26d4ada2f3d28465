"""Several images on the compare page, as people use it: by keys, and by taps on a small screen."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from playwright.sync_api import expect

from annotation.models import Comparison, Image, Project, Screen
from tests.browser.conftest import Person, image_in, own_image
from tests.lineups import as_shown, ids, lineup
from tests.waiting import eventually

pytestmark = pytest.mark.browser

ANSWERS = "**/api/v1/comparisons/"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def sees(judge: Person, images: Sequence[Image]) -> None:
    """Exactly these, in this order."""
    expect(judge.page.locator(".tile img")).to_have_count(len(images))
    sources = "[...document.querySelectorAll('.tile img')].map((image) => image.src)"
    eventually(
        lambda: [own_image(image_in(src)) for src in judge.page.evaluate(sources)] == ids(images)
    )


def said(project: Project) -> list[Any]:
    log = Comparison.objects.filter(project=project, retracted_at=None)
    return list(log.order_by("created_at", "id").values_list("outcome", "levels"))


def level(*images: Image) -> list[str]:
    return ids(images)


def test_best_by_key_and_the_next_one_is_there_at_once(person, project, add_images, bob):
    images = add_images(6)
    lineup(project, bob, images[:4], Screen.BEST)
    lineup(project, bob, images[2:], Screen.BEST)
    judge = person(bob)
    page = judge.open("compare", project.id)
    sees(judge, images[:4])
    expect(page.locator("#task")).to_have_text("Choose the best of the 4.")
    expect(page.locator("#question")).to_have_text("Which image is better?")
    expect(page.locator("#left")).to_be_hidden()
    expect(page.locator(".answers [data-outcome=tie]")).to_be_hidden()
    page.wait_for_load_state("networkidle")
    page.route(ANSWERS, lambda route: None)  # an answer that takes forever
    moved = page.evaluate(
        """() => {
            const boxes = () => [...document.querySelectorAll(".tile")].map((tile) => {
                const {x, y, width, height} = tile.getBoundingClientRect();
                return [x, y, width, height].join();
            });
            const before = boxes();
            dispatchEvent(new KeyboardEvent("keydown", {key: "3", bubbles: true}));
            const complete = [...document.querySelectorAll(".tile img")].every((image) => image.complete);
            return {before, after: boxes(), complete, first: document.querySelector(".tile img").src};
        }"""
    )
    assert moved["before"] == moved["after"]
    assert moved["complete"]
    assert own_image(image_in(moved["first"])) == str(images[2].id)
    page.unroute(ANSWERS)
    page.reload()
    judge.nothing_waits()
    a, b, c, d = images[:4]
    assert said(project) == [("ordered", [level(c), level(a, b, d)])]
    assert Comparison.objects.get().duration_ms


def test_best_and_worst_by_keys_with_a_change_of_mind(person, project, images, bob):
    a, b, c, d = images
    lineup(project, bob, images, Screen.BEST_WORST)
    judge = person(bob)
    page = judge.open("compare", project.id)
    sees(judge, images)
    judge.press("1")
    expect(page.get_by_role("button", name="Image 1 of 4, best")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(page.locator("#task")).to_have_text("Now choose the worst.")
    judge.press("1")
    expect(page.get_by_role("button", name="Image 1 of 4", exact=True)).to_be_visible()
    judge.press("9")
    judge.press("ArrowLeft")
    judge.press("4")
    judge.press("2")
    expect(page.locator("#progress")).to_contain_text("1 judged")
    judge.nothing_waits()
    assert said(project) == [("ordered", [level(d), level(a, c), level(b)])]


def test_order_by_keys_the_last_image_follows_and_backspace_takes_back(
    person, project, images, bob
):
    a, b, c, d = images
    lineup(project, bob, images)
    judge = person(bob)
    page = judge.open("compare", project.id)
    sees(judge, images)
    for key in ("2", "1", "Backspace", "4"):
        judge.press(key)
    expect(page.locator(".place")).to_have_text(["", "1", "", "2"])
    expect(page.locator("#task")).to_have_text("Now the best of the other 2.")
    page.reload()
    expect(page.locator(".place")).to_have_text(["", "1", "", "2"])
    judge.press("3")
    judge.sees_a_pair()
    judge.nothing_waits()
    assert said(project) == [("ordered", [level(b), level(d), level(c), level(a)])]


@pytest.mark.parametrize(
    ("screen", "taps", "levels"),
    [
        (Screen.BEST, [4], [[4], [0, 1, 2, 3, 5, 6, 7, 8]]),
        (Screen.BEST_WORST, [4, 8], [[4], [0, 1, 2, 3, 5, 6, 7], [8]]),
        (Screen.ORDER, [8, 1, 2, 3, 4, 5, 6, 7], [[8], [1], [2], [3], [4], [5], [6], [7], [0]]),
    ],
)
def test_nine_images_by_taps_on_a_phone(person, project, add_images, bob, screen, taps, levels):
    images = add_images(9)
    lineup(project, bob, images, screen)
    judge = person(bob, **PHONE)
    page = judge.open("compare", project.id)
    sees(judge, images)
    frames = [tile.bounding_box() for tile in page.locator(".frame").all()]
    for box in frames:
        assert box is not None
        assert box["width"] * box["height"] > 90 * 60
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["y"] + box["height"] <= 740
    for tap in taps:
        page.locator(".tile").nth(tap).tap()
    judge.sees_a_pair()
    judge.nothing_waits()
    assert said(project) == [("ordered", [level(*(images[at] for at in one)) for one in levels])]


def test_a_tile_is_reached_by_tab_and_the_focus_stays_where_it_is(person, project, add_images, bob):
    images = add_images(5)
    for shown in (images[:4], images[1:]):
        lineup(project, bob, shown, Screen.BEST)
    judge = person(bob)
    page = judge.open("compare", project.id)
    sees(judge, images[:4])
    third = page.get_by_role("button", name="Image 3 of 4")
    third.focus()
    outline = "(tile) => getComputedStyle(tile.querySelector('.frame')).outlineStyle"
    judge.press("Shift+Tab")
    judge.press("Tab")
    assert third.evaluate(outline) == "solid"
    judge.press("Enter")
    sees(judge, images[1:])
    expect(page.get_by_role("button", name="Image 3 of 4")).to_be_focused()
    expect(page.locator("#announcer")).to_have_text("Done.")
    judge.press("Space")
    judge.sees_a_pair()
    judge.nothing_waits()
    assert [levels[0] for _, levels in said(project)] == [level(images[2]), level(images[3])]


def test_a_double_click_chooses_once(person, project, images, bob):
    lineup(project, bob, images)
    judge = person(bob)
    page = judge.open("compare", project.id)
    sees(judge, images)
    page.locator(".tile").nth(2).dblclick()
    expect(page.locator(".place")).to_have_text(["", "", "1", ""])


def test_offline_answers_wait_and_arrive_once_and_undo_brings_a_lineup_back(
    person, project, add_images, bob
):
    images = add_images(5)
    first, second = images[:4], images[1:]
    for shown in (first, second):
        lineup(project, bob, shown, Screen.BEST)
    judge = person(bob)
    page = judge.open("compare", project.id)
    sees(judge, first)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    judge.press("1")
    sees(judge, second)
    judge.press("2")
    expect(page.locator("#waiting")).to_have_text("2 waiting")
    judge.press("u")
    sees(judge, second)
    judge.press("3")
    expect(page.locator("#waiting")).to_have_text("2 waiting")
    page.context.set_offline(False)
    judge.nothing_waits()
    assert [levels[0] for _, levels in said(project)] == [level(first[0]), level(second[2])]
    assert len(judge.acknowledged) == len(set(judge.acknowledged)) == 2


def test_undo_of_what_was_sent_shows_the_same_lineup_again(person, project, images, bob):
    lineup(project, bob, images, Screen.BEST_WORST)
    judge = person(bob)
    page = judge.open("compare", project.id)
    sees(judge, images)
    judge.press("1")
    judge.press("2")
    judge.sees_a_pair()
    judge.nothing_waits()
    judge.press("u")
    sees(judge, images)
    expect(page.locator(".place")).to_have_text(["", "", "", ""])
    judge.press("3")
    judge.press("4")
    judge.sees_a_pair()
    judge.nothing_waits()
    a, b, c, d = images
    assert said(project) == [("ordered", [level(c), level(a, b), level(d)])]


def test_undo_takes_the_last_choice_back_before_the_last_answer(person, project, images, bob):
    lineup(project, bob, images)
    judge = person(bob)
    page = judge.open("compare", project.id)
    sees(judge, images)
    judge.press("2")
    page.click("#undo")
    expect(page.locator(".place")).to_have_text(["", "", "", ""])
    judge.press("s s")
    judge.sees_a_pair()
    judge.nothing_waits()
    assert said(project) == [("skip", None)]


def test_a_lineup_with_a_picture_that_cannot_be_shown_can_be_skipped(person, project, images, bob):
    second = as_shown(lineup(project, bob, images), images)[1]
    judge = person(bob)
    page = judge.page
    page.route(re.compile(f"/images/{second}/"), lambda route: route.abort())
    judge.open("compare", project.id)
    expect(page.locator(".tile").nth(1)).to_contain_text("cannot be shown")
    judge.press("1")
    expect(page.locator(".place")).to_have_text(["", "", "", ""])
    page.unroute(re.compile(f"/images/{second}/"))
    judge.press("s s")
    judge.sees_a_pair()
    judge.nothing_waits()
    assert said(project) == [("skip", None)]
