"""The compare page, as people use it."""

import re

import pytest
from playwright.sync_api import expect

from annotation.models import Comparison, Criterion, Project
from tests.browser.conftest import outcomes
from tests.conftest import PASSWORD
from tests.promises import assert_promises

pytestmark = pytest.mark.browser

ANSWERS = "**/api/v1/comparisons/"
KEYS = {
    "ArrowLeft": "left",
    "1": "left",
    "ArrowRight": "right",
    "2": "right",
    "ArrowDown": "tie",
    "3": "tie",
    "ArrowUp": "both_bad",
    "4": "both_bad",
    "s s": "skip",
    "S S": "skip",
}
BUTTONS = {
    ".answers [data-outcome=left]": "left",
    ".answers [data-outcome=right]": "right",
    ".answers [data-outcome=tie]": "tie",
    ".answers [data-outcome=both_bad]": "both_bad",
    ".answers [data-outcome=skip]": "skip",
    "#left": "left",
    "#right": "right",
}


def test_log_in_and_compare_by_every_key_and_every_button(person, project, add_images, bob):
    add_images(8)
    judge = person()
    page = judge.open("projects")
    page.fill("[name=login]", "bob")
    page.fill("[name=password]", PASSWORD)
    page.click("text=Log in >> nth=-1")
    page.click("a.button:has-text('Compare')")
    said = []
    for key, outcome in KEYS.items():
        said.append((*judge.judges(key), outcome))
    for button, outcome in BUTTONS.items():
        pair = judge.sees_a_pair()
        page.click(button)
        if outcome == "skip":
            page.click("[data-cause='']")
        judge.sees_another_than(pair)
        said.append((*pair, outcome))
    judge.nothing_waits()
    assert outcomes(project) == said
    expect(page.locator("#progress")).to_have_text("14 judged · about 11 left · about 1 min")
    assert all(Comparison.objects.values_list("duration_ms", flat=True))
    assert_promises(project)


def test_keys_that_mean_something_else_answer_nothing(person, project, images, bob):
    judge = person(bob)
    judge.compare(project)
    pair = judge.shown()
    for key in ("Control+1", "Alt+2", "Shift+ArrowLeft", "Meta+3", "5", "Enter"):
        judge.press(key)
    judge.page.evaluate("document.body.append(document.createElement('input'))")
    judge.page.locator("body > input").focus()
    judge.press("1")
    judge.page.evaluate("document.activeElement.blur()")
    assert judge.shown() == pair
    # A key that is held down repeats itself, and counts once.
    for _ in range(3):
        judge.page.keyboard.down("2")
    judge.page.keyboard.up("2")
    judge.sees_another_than(pair)
    judge.nothing_waits()
    assert outcomes(project) == [(*pair, "right")]


def test_a_double_click_is_one_answer(person, project, images, bob):
    judge = person(bob)
    judge.compare(project)
    pair = judge.shown()
    judge.page.dblclick("#left")
    judge.sees_another_than(pair)
    judge.nothing_waits()
    assert outcomes(project) == [(*pair, "left")]


def test_the_next_pair_is_there_at_once_and_nothing_moves(person, project, images, bob):
    judge = person(bob)
    judge.page.route(ANSWERS, lambda route: None)  # an answer that takes forever
    judge.compare(project)
    judge.page.wait_for_load_state("networkidle")
    seen = judge.page.evaluate(
        """() => {
            const state = () => ["left", "right"].map((id) => {
                const image = document.querySelector(`#${id} img`);
                const {x, y, width, height} = document.getElementById(id).getBoundingClientRect();
                return {src: image.src, complete: image.complete, box: [x, y, width, height].join()};
            });
            const before = state();
            const start = performance.now();
            dispatchEvent(new KeyboardEvent("keydown", {key: "1", bubbles: true}));
            return {before, after: state(), ms: performance.now() - start};
        }"""
    )
    assert [side["src"] for side in seen["before"]] != [side["src"] for side in seen["after"]]
    assert all(side["complete"] for side in seen["after"])
    assert [side["box"] for side in seen["before"]] == [side["box"] for side in seen["after"]]
    assert seen["ms"] < 50
    expect(judge.page.locator("#waiting")).to_have_text("1 waiting")


def test_ties_that_are_not_allowed_are_not_offered(person, project, images, bob):
    Project.objects.filter(id=project.id).update(allow_tie=False)
    judge = person(bob)
    judge.compare(project)
    pair = judge.shown()
    expect(judge.page.locator("[data-outcome=tie]")).to_have_count(0)
    judge.press("3")
    assert judge.shown() == pair
    judge.judges("2")
    judge.nothing_waits()
    assert outcomes(project) == [(*pair, "right")]


# --- When there is nothing to do -----------------------------------------------------------------------


def test_the_end_is_said_and_new_work_appears_by_itself(person, project, add_images, bob):
    add_images(2)
    judge = person(bob)
    judge.compare(project)
    judge.press("1")
    expect(judge.page.locator("#instead")).to_contain_text("There is no pair left for you")
    expect(judge.page.locator(".answers [data-outcome=left]")).to_be_disabled()
    add_images(1)
    judge.sees_a_pair()


def test_a_paused_project_says_so(person, project, images, bob):
    Project.objects.filter(id=project.id).update(state=Project.State.PAUSED)
    judge = person(bob)
    judge.open("compare", project.id)
    expect(judge.page.locator("#instead")).to_contain_text("paused")
    Project.objects.filter(id=project.id).update(state=Project.State.OPEN)
    judge.sees_a_pair()


def test_a_picture_that_cannot_be_shown_can_be_skipped_and_is_asked_for_again(
    person, project, images, bob
):
    judge = person(bob)
    judge.page.route(re.compile("/images/"), lambda route: route.abort())
    judge.open("compare", project.id)
    expect(judge.page.locator("#left")).to_contain_text("cannot be shown")
    expect(judge.page.locator(".answers [data-outcome=left]")).to_be_disabled()
    judge.press("1")
    judge.press("s s")
    judge.nothing_waits()
    assert [row[2] for row in outcomes(project)] == ["skip"]
    expect(judge.page.locator("#left")).to_contain_text("cannot be shown")
    judge.page.unroute(re.compile("/images/"))
    # They are asked for again, and nobody needs to load the page anew.
    pair = judge.sees_a_pair()
    expect(judge.page.locator("#notice")).to_be_empty()
    judge.judges("1")
    judge.nothing_waits()
    assert outcomes(project)[1:] == [(*pair, "left")]


def test_all_questions_about_a_pair_are_asked_over_the_same_images(person, project, images, bob):
    Criterion.objects.create(
        project=project, key="style", question="Which has more style?", position=1
    )
    Project.objects.filter(id=project.id).update(criteria_together=True)
    judge = person(bob)
    judge.compare(project)
    page, pair = judge.page, judge.shown()
    question = page.locator("#question")
    expect(question).to_have_text("Which image is better?")
    page.evaluate("window.before = document.querySelector('#left img')")
    same = "window.before === document.querySelector('#left img')"
    judge.press("1")
    expect(question).to_have_text("Which has more style?")
    assert judge.shown() == pair
    assert page.evaluate(same)
    judge.press("2")
    judge.sees_another_than(pair)
    expect(question).to_have_text("Which image is better?")
    # Undo goes back question by question, over the same images again.
    for wanted in ("Which has more style?", "Which image is better?"):
        judge.press("u")
        judge.sees_again(pair)
        expect(question).to_have_text(wanted)
        assert page.evaluate(same)
    judge.press("3 4")
    judge.sees_another_than(pair)
    judge.nothing_waits()
    judge.sees_a_pair()
    assert outcomes(project) == [(*pair, "tie"), (*pair, "both_bad")]
    # Of images that are broken nothing more is asked.
    broken = judge.shown()
    judge.press("s")
    page.click("[data-cause=broken]")
    judge.sees_another_than(broken)
    judge.nothing_waits()
    assert outcomes(project)[2:] == [(*broken, "skip")]
    assert_promises(project)
