"""Undo on the compare page: at once, as far back as the project lets one, and never lost."""

import pytest
from playwright.sync_api import expect

from annotation.models import Comparison, Project
from tests.browser.conftest import outcomes
from tests.promises import assert_promises

pytestmark = pytest.mark.browser

API = "**/api/**"


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


def test_undo_and_the_new_answer_wait_for_the_server_also_over_a_reload(
    person, project, add_images, bob
):
    add_images(6)
    judge = person(bob)
    judge.compare(project)
    page = judge.page
    first, second, third = judge.judges("1"), judge.judges("2"), judge.judges("3")
    judge.nothing_waits()
    page.route(API, lambda route: route.abort())
    judge.press("u")
    judge.sees_again(third)
    judge.press("u")
    judge.sees_again(second)
    expect(page.locator("#progress")).to_contain_text("1 judged")
    judge.judges("4")
    judge.sees_again(third)
    # An undo of what was answered anew, and has not been sent.
    judge.press("u")
    judge.sees_again(second)
    judge.judges("1")
    expect(page.locator("#waiting")).to_have_text("3 waiting")
    page.reload()
    judge.sees_again(third)
    expect(page.locator("#progress")).to_contain_text("2 judged")
    expect(page.locator("#waiting")).to_have_text("3 waiting")
    judge.press("2")
    page.unroute(API)
    judge.nothing_waits()
    judge.sees_a_pair()
    assert outcomes(project) == [(*first, "left"), (*second, "left"), (*third, "right")]
    assert Comparison.objects.count() == 5
    expect(page.locator("#progress")).to_contain_text("3 judged")
    # And an undo of what was answered anew, and has been sent.
    judge.press("u")
    judge.sees_again(third)
    judge.judges("1")
    judge.nothing_waits()
    assert outcomes(project)[2:] == [(*third, "left")]
    assert_promises(project)


def test_undo_in_one_of_two_tabs_is_seen_in_both(person, project, add_images, bob):
    add_images(6)
    judge = person(bob)
    judge.compare(project)
    other = type(judge)(judge.page.context.new_page(), judge.site)
    other.compare(project)
    first, second = judge.judges("1"), judge.judges("2")
    other.sees_another_than(second)
    other.press("u")
    for tab in (other, judge):
        tab.sees_again(second)
    judge.judges("3")
    other.sees_another_than(second)
    judge.press("u")
    other.sees_again(second)
    judge.press("u")
    for tab in (other, judge):
        tab.sees_again(first)
        expect(tab.page.locator("#progress")).to_contain_text("0 judged")
    other.judges("2")
    judge.sees_again(second)
    judge.judges("1")
    for tab in (other, judge):
        tab.nothing_waits()
        expect(tab.page.locator("#progress")).to_contain_text("2 judged")
    assert outcomes(project) == [(*first, "right"), (*second, "left")]
    assert_promises(project)


def test_undo_goes_as_far_back_as_the_project_allows(person, project, images, bob):
    Project.objects.filter(id=project.id).update(undo_steps=1)
    judge = person(bob)
    judge.compare(project)
    notice = judge.page.locator("#notice")
    first, second = judge.judges("1"), judge.judges("2")
    judge.press("u")
    judge.sees_again(second)
    judge.press("u")
    expect(notice).to_have_text("In this project only the last answer can be undone.")
    judge.sees_again(second)
    judge.judges("3")
    judge.nothing_waits()
    assert outcomes(project) == [(*first, "left"), (*second, "tie")]
    Project.objects.filter(id=project.id).update(undo_steps=0)
    judge.page.reload()
    pair = judge.sees_a_pair()
    expect(judge.page.locator("#undo")).to_be_hidden()
    judge.press("u")
    expect(notice).to_have_text("In this project answers cannot be undone.")
    assert judge.shown() == pair


def test_an_undo_that_the_server_refuses_is_said_and_the_answer_stands(
    person, project, add_images, bob
):
    add_images(6)
    Project.objects.filter(id=project.id).update(undo_steps=1)
    judge, elsewhere = person(bob), person(bob)
    judge.compare(project)
    first = judge.judges("1")
    judge.nothing_waits()
    elsewhere.compare(project)
    second = elsewhere.judges("1")
    elsewhere.nothing_waits()
    judge.page.context.set_offline(True)
    judge.press("u")
    judge.sees_again(first)
    judge.judges("2")
    judge.page.context.set_offline(False)
    notice = judge.page.locator("#notice")
    expect(notice).to_contain_text("It could not be undone.")
    expect(notice).to_contain_text("Your new answer was not taken.")
    judge.nothing_waits()
    expect(judge.page.locator("#progress")).to_contain_text("1 judged")
    assert outcomes(project) == [(*first, "left"), (*second, "left")]


def test_an_undo_after_which_nothing_is_asked_again_says_why(person, project, add_images, bob):
    add_images(6)
    judge = person(bob)
    judge.compare(project)
    first, second = judge.judges("1"), judge.judges("2")
    judge.nothing_waits()
    judge.page.context.set_offline(True)
    judge.press("u")
    judge.sees_again(second)
    judge.judges("3")
    Project.objects.filter(id=project.id).update(state=Project.State.PAUSED)
    judge.page.context.set_offline(False)
    notice = judge.page.locator("#notice")
    expect(notice).to_contain_text("Undone. The project is paused")
    expect(notice).to_contain_text("Your new answer was not taken.")
    judge.nothing_waits()
    expect(judge.page.locator("#progress")).to_contain_text("1 judged")
    assert outcomes(project) == [(*first, "left")]
