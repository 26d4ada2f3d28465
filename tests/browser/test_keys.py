"""One's own keys, as a person sets and uses them."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import outcomes

pytestmark = pytest.mark.browser


def test_keys_are_looked_up_changed_and_switched_off(person, project, add_images, bob):
    add_images(6)
    judge = person(bob)
    page = judge.page
    judge.compare(project)
    pair = judge.shown()
    undo = page.locator("#undo")
    undo.focus()
    judge.press("?")
    help_ = page.get_by_role("dialog", name="Keys and gestures")
    expect(help_.locator("div:has(> dt:text-is('Tie')) kbd")).to_have_text(["↓", "3"])
    # Nothing is answered behind it.
    judge.press("1")
    assert judge.shown() == pair
    judge.press("Escape")
    expect(help_).to_be_hidden()
    expect(undo).to_be_focused()
    page.get_by_role("button", name="Keys and gestures").click()
    help_.get_by_role("link", name="Change the keys").click()
    page.wait_for_url(f"**{reverse('keys')}")
    # A key may be pressed instead of written.
    left = page.get_by_label("The left or top image", exact=True)
    left.fill("")
    page.get_by_role("button", name="Press a key: The left or top image").click()
    judge.press("j")
    expect(left).to_have_value("j")
    page.fill("[name=flip]", "j")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#id_left_error, #id_flip_error")).to_contain_text("is already the key")
    page.fill("[name=flip]", "Alt+f")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".messages")).to_contain_text("saved")
    judge.compare(project)
    expect(page.locator(".answers [data-outcome=left] kbd")).to_have_text("j")
    pair = judge.sees_a_pair()
    judge.press("1 ArrowLeft")
    assert judge.shown() == pair
    judge.judges("j")
    left_image, right_image = judge.shown()
    for key in ("Alt", "f"):
        page.keyboard.down(key)
    assert judge.shown() == (right_image, left_image)
    for key in ("f", "Alt"):
        page.keyboard.up(key)
    assert judge.shown() == (left_image, right_image)
    # Nothing that one character does is left.
    judge.open("keys")
    page.get_by_label("Use no keys of a single character").check()
    page.get_by_role("button", name="Save").click()
    judge.compare(project)
    pair = judge.shown()
    judge.press("j 2 3 4 s d ? u + x")
    assert judge.shown() == pair
    assert page.locator("#zoom-level").inner_text() == "1×"
    judge.judges("ArrowRight")
    judge.nothing_waits()
    assert [row[2] for row in outcomes(project)] == ["left", "right"]
