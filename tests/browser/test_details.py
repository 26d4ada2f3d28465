"""What a project asks besides the choice, and what is in the way of those who skip."""

from typing import Any

import pytest
from playwright.sync_api import expect

from annotation.models import Screen
from annotation.services.projects import update_project
from tests.browser.conftest import outcomes
from tests.browser.looking import answers_of
from tests.lineups import lineup

pytestmark = pytest.mark.browser


def test_how_much_better_is_one_more_key(person, project, images, bob):
    judge = person(bob)
    update_project(project.id, ask_strength=True)
    answers = answers_of(judge.page)
    judge.compare(project)
    pair = judge.shown()
    details = judge.page.locator("#details")
    answered = judge.page.locator("#answers")
    before = judge.page.locator("#left").bounding_box()
    judge.press("ArrowLeft")
    expect(details).to_be_visible()
    expect(answered).to_be_hidden()
    assert judge.page.locator("#left").bounding_box() == before
    # Back to the pair, and another mind.
    judge.press("Escape")
    expect(answered).to_be_visible()
    judge.press("ArrowLeft ArrowRight")
    expect(details).to_contain_text("You chose the right image.")
    judge.press("2")
    judge.sees_another_than(pair)
    pair = judge.shown()
    judge.page.click("#left")
    judge.page.get_by_role("button", name="Much better").click()
    judge.sees_another_than(pair)
    # Of a tie nothing more is asked.
    judge.judges("3")
    judge.nothing_waits()
    assert answers == [
        {"outcome": "right", "strength": 2},
        {"outcome": "left", "strength": 3},
        {"outcome": "tie"},
    ]
    assert [row[2] for row in outcomes(project)] == ["right", "left", "tie"]


def test_tags_and_a_reason_by_keys_and_by_mouse(person, project, add_images, bob):
    images = add_images(5)
    judge = person(bob)
    page = judge.page
    asked: dict[str, Any] = {"ask_strength": True, "ask_reason": True}
    update_project(project.id, tags=["Sharp", "Odd hands"], **asked)
    answers = answers_of(page)
    judge.compare(project)
    pair = judge.shown()
    page.locator("#right").focus()
    judge.press("1 b a b 3")
    expect(page.get_by_role("checkbox", name="Sharp")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Odd hands")).not_to_be_checked()
    page.get_by_role("textbox", name="Why", exact=True).focus()
    page.keyboard.type("3 fingers")
    judge.press("Enter")
    judge.sees_another_than(pair)
    # The focus is where it was.
    expect(page.locator("#right")).to_be_focused()
    pair = judge.shown()
    page.locator(".answers [data-outcome=both_bad]").click()
    expect(page.locator("#details [data-strength='1']")).to_be_hidden()
    page.get_by_text("Odd hands").click()
    page.get_by_role("button", name="Send").click()
    judge.sees_another_than(pair)
    # Where strength is asked, it is needed; and Enter alone sends the rest.
    pair = judge.shown()
    judge.press("2 b")
    page.get_by_role("textbox", name="Why", exact=True).press("Enter")
    expect(page.locator("#details [data-strength='1']")).to_be_focused()
    judge.press("1 Enter")
    judge.sees_another_than(pair)
    judge.nothing_waits()
    assert answers == [
        {"outcome": "left", "strength": 3, "tags": ["Sharp"], "reason": "3 fingers"},
        {"outcome": "both_bad", "tags": ["Odd hands"]},
        {"outcome": "right", "strength": 1, "tags": ["Odd hands"]},
    ]
    # Several images may have them, too; whoever goes back takes the choice back.
    lineup(project, bob, images[:3], Screen.BEST)
    page.reload()
    anything = page.locator("#left img, .tile img").first
    anything.wait_for()
    while not page.locator(".tile img").count():
        judge.judges("s s")
        anything.wait_for()
    judge.nothing_waits()
    answers.clear()
    judge.press("3")
    expect(page.locator("#details")).to_be_visible()
    judge.press("Escape")
    expect(page.locator(".place")).to_have_text(["", "", ""])
    judge.press("1 a")
    page.get_by_role("button", name="Send").click()
    judge.nothing_waits()
    assert [(one["outcome"], one["tags"]) for one in answers] == [("ordered", ["Sharp"])]


def test_a_skip_says_why_in_two_keys(person, project, add_images, bob):
    add_images(6)
    judge = person(bob)
    page = judge.page
    answers = answers_of(page)
    judge.compare(project)
    for keys in ("s b", "s n", "s k", "s s"):
        judge.judges(keys)
    pair = judge.sees_a_pair()
    judge.press("s Escape s u")
    expect(page.locator("#answers")).to_be_visible()
    assert judge.shown() == pair
    page.click(".answers [data-outcome=skip]")
    page.get_by_role("textbox", name="Why, if you like").fill("too dark")
    page.get_by_role("button", name="I cannot tell").click()
    judge.sees_another_than(pair)
    judge.nothing_waits()
    assert answers == [
        {"outcome": "skip", "cause": "broken"},
        {"outcome": "skip", "cause": "unsafe"},
        {"outcome": "skip", "cause": "unknown"},
        {"outcome": "skip"},
        {"outcome": "skip", "cause": "unknown", "reason": "too dark"},
    ]
