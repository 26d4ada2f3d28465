"""The compare page, as people use it."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Route, expect

from annotation.models import Assignment, Comparison, Project
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
    expect(page.locator("#progress")).to_have_text("14 judged · about 11 left")
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


# --- Undo ----------------------------------------------------------------------------------------------


def test_undo_goes_back_step_by_step_also_after_a_reload(person, project, images, bob):
    judge = person(bob)
    judge.compare(project)
    first, second, third = judge.judges("1"), judge.judges("2"), judge.judges("3")
    judge.nothing_waits()
    judge.press("u")
    judge.sees_again(third)
    judge.press("u")
    judge.sees_again(second)
    judge.page.reload()
    judge.sees_again(second)
    expect(judge.page.locator("#progress")).to_contain_text("1 judged")
    judge.press("u")
    judge.sees_again(first)
    for pair, key in ((first, "2"), (second, "1"), (third, "4")):
        judge.sees_again(pair)
        judge.press(key)
        judge.sees_another_than(pair)
    judge.nothing_waits()
    said = [(*first, "right"), (*second, "left"), (*third, "both_bad")]
    assert outcomes(project) == said
    assert Comparison.objects.count() == 6
    assert_promises(project)


def test_what_was_not_sent_yet_is_undone_without_the_server(person, project, images, bob):
    judge = person(bob)
    judge.compare(project)
    judge.page.wait_for_load_state("networkidle")
    judge.page.context.set_offline(True)
    first, second = judge.judges("1"), judge.judges("2")
    judge.press("u")
    judge.sees_again(second)
    expect(judge.page.locator("#waiting")).to_have_text("1 waiting")
    judge.judges("3")
    judge.page.context.set_offline(False)
    judge.nothing_waits()
    assert outcomes(project) == [(*first, "left"), (*second, "tie")]
    assert Comparison.objects.count() == 2


def test_there_is_nothing_to_undo_at_first(person, project, images, bob):
    judge = person(bob)
    judge.compare(project)
    judge.press("u")
    expect(judge.page.locator("#notice")).to_have_text("There is nothing to undo.")


# --- Nothing is lost, nothing is doubled ---------------------------------------------------------------


def test_offline_for_three_answers_then_each_arrives_once(person, project, images, bob):
    judge = person(bob)
    judge.compare(project)
    judge.page.wait_for_load_state("networkidle")
    judge.page.context.set_offline(True)
    said = [(*judge.judges(key), KEYS[key]) for key in ("1", "2", "3")]
    expect(judge.page.locator("#waiting")).to_have_text("3 waiting")
    expect(judge.page.locator("#notice")).to_contain_text("Your answers are kept")
    assert outcomes(project) == []
    judge.page.context.set_offline(False)
    judge.nothing_waits()
    judge.sees_a_pair()
    assert outcomes(project) == said
    assert Comparison.objects.count() == 3
    expect(judge.page.locator("#notice")).to_be_empty()
    assert_promises(project)


def test_answers_outlive_a_reload(person, project, images, bob):
    judge = person(bob)
    judge.page.route(ANSWERS, lambda route: route.abort())
    judge.compare(project)
    said = [(*judge.judges("1"), "left"), (*judge.judges("2"), "right")]
    judge.page.reload()
    expect(judge.page.locator("#waiting")).to_have_text("2 waiting")
    expect(judge.page.locator("#progress")).to_contain_text("2 judged")
    judge.page.unroute(ANSWERS)
    judge.nothing_waits()
    assert outcomes(project) == said


def test_an_answer_outlives_its_tab_closed_at_once(person, project, images, bob):
    judge = person(bob)
    judge.compare(project)
    judge.page.route(ANSWERS, lambda route: route.abort())
    pair = judge.shown()
    judge.press("1")
    judge.page.close()
    again = type(judge)(judge.page.context.new_page(), judge.site)
    again.compare(project)
    again.nothing_waits()
    assert outcomes(project) == [(*pair, "left")]


def test_an_answer_whose_acknowledgement_is_lost_counts_once(person, project, images, bob):
    judge = person(bob)
    lost: list[int] = []

    def lose_the_first_reply(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().status)
            route.abort()

    judge.page.route(ANSWERS, lose_the_first_reply)
    judge.compare(project)
    pair = judge.judges("1")
    judge.nothing_waits()
    assert lost == [201]
    assert len(set(judge.answers_sent)) == 1
    assert outcomes(project) == [(*pair, "left")]


def test_a_busy_server_is_asked_again_after_the_pause_that_it_wants(person, project, images, bob):
    judge = person(bob)
    refusals = iter([503, 429])

    def refuse_once(route: Route) -> None:
        if status := next(refusals, None):
            route.fulfill(status=status, headers={"Retry-After": "1"}, body='{"detail": "Busy."}')
        else:
            route.continue_()

    judge.page.route(ANSWERS, refuse_once)
    judge.compare(project)
    pair = judge.judges("2")
    expect(judge.page.locator("#waiting")).to_have_text("1 waiting")
    judge.nothing_waits()
    assert len(judge.answers_sent) == 3
    assert outcomes(project) == [(*pair, "right")]


def test_two_tabs_send_each_answer_once_and_show_the_same(person, project, add_images, bob):
    add_images(6)
    judge = person(bob)
    judge.compare(project)
    other = type(judge)(judge.page.context.new_page(), judge.site)
    other.compare(project)
    other.sees_again(judge.shown())
    said = []
    for tab, key in ((judge, "1"), (other, "2"), (judge, "2"), (judge, "1"), (other, "1")):
        pair = tab.judges(key)
        said.append((*pair, KEYS[key]))
        for one in (judge, other):
            one.sees_another_than(pair)
    judge.nothing_waits()
    other.nothing_waits()
    assert outcomes(project) == said
    # A request that the network loses is sent again; none is that was acknowledged.
    assert len(judge.acknowledged) == len(set(judge.acknowledged)) == 5, judge.replies
    for tab in (judge, other):
        expect(tab.page.locator("#progress")).to_contain_text("5 judged")


def test_a_session_that_has_ended_keeps_the_answers(person, project, images, bob):
    judge = person(bob)
    judge.compare(project)
    Session.objects.all().delete()
    pair = judge.judges("1")
    expect(judge.page.locator("#notice")).to_contain_text("You are not logged in any more.")
    expect(judge.page.locator("#waiting")).to_have_text("1 waiting")
    judge.page.click("text=Log in again")
    judge.page.fill("[name=login]", "bob")
    judge.page.fill("[name=password]", PASSWORD)
    judge.page.press("[name=password]", "Enter")
    judge.page.wait_for_url(f"**{reverse('compare', args=[project.id])}")
    judge.sees_a_pair()
    judge.nothing_waits()
    assert outcomes(project) == [(*pair, "left")]


def test_an_expired_pair_is_dropped_with_a_word_and_another_one_comes(person, project, images, bob):
    judge = person(bob)
    judge.compare(project)
    judge.page.wait_for_load_state("networkidle")
    Assignment.objects.update(expires_at=timezone.now())
    judge.judges("1")
    expect(judge.page.locator("#notice")).to_contain_text("reservation has expired")
    expect(judge.page.locator("#progress")).to_contain_text("0 judged")
    judge.nothing_waits()
    judge.sees_a_pair()
    assert outcomes(project) == []


def test_the_first_of_two_different_answers_counts(person, project, images, bob):
    judge, elsewhere = person(bob), person(bob)
    judge.compare(project)
    elsewhere.compare(project)
    pair = judge.judges("1")
    judge.nothing_waits()
    elsewhere.sees_again(pair)
    elsewhere.judges("2")
    expect(elsewhere.page.locator("#notice")).to_contain_text("already answered")
    assert outcomes(project) == [(*pair, "left")]


def test_three_people_at_the_same_time(person, project, add_images, alice, bob, carol):
    add_images(7)
    judges = {user: person(user) for user in (alice, bob, carol)}
    for judge in judges.values():
        judge.compare(project)
    for turn in range(4):
        for judge in judges.values():
            judge.sees_a_pair()
            judge.press("1" if turn % 2 else "2")
    for user, judge in judges.items():
        judge.nothing_waits()
        assert len(outcomes(project, user)) == 4
        expect(judge.page.locator("#progress")).to_contain_text("4 judged")
    pairs = [frozenset(row[:2]) for row in outcomes(project)]
    assert len(pairs) == len(set(pairs)) == 12
    assert_promises(project)


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


def test_a_picture_that_cannot_be_shown_can_be_skipped(person, project, images, bob):
    judge = person(bob)
    judge.page.route(re.compile("/images/"), lambda route: route.abort())
    judge.open("compare", project.id)
    expect(judge.page.locator("#left")).to_contain_text("cannot be shown")
    expect(judge.page.locator(".answers [data-outcome=left]")).to_be_disabled()
    judge.page.unroute(re.compile("/images/"))
    judge.press("1")
    judge.press("s s")
    judge.nothing_waits()
    assert [row[2] for row in outcomes(project)] == ["skip"]
