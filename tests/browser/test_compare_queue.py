"""Answers on the compare page: nothing is lost, nothing is doubled."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Route, expect

from annotation.models import Assignment, Comparison
from annotation.services.projects import update_project
from tests.browser.conftest import Person, outcomes
from tests.browser.test_compare import KEYS
from tests.conftest import PASSWORD
from tests.promises import assert_promises

pytestmark = pytest.mark.browser

ANSWERS = "**/api/v1/comparisons/"


def logs_in(tab: Person, name: str) -> None:
    tab.page.fill("[name=login]", name)
    tab.page.fill("[name=password]", PASSWORD)
    tab.page.press("[name=password]", "Enter")


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


def test_an_answer_counts_without_the_tags_that_the_project_no_longer_has(
    person, project, images, bob
):
    update_project(project.id, tags=["Sharp"])
    judge = person(bob)
    judge.compare(project)
    judge.page.wait_for_load_state("networkidle")
    judge.page.context.set_offline(True)
    pair = judge.sees_a_pair()
    judge.press("1 a Enter")
    judge.sees_another_than(pair)
    update_project(project.id, tags=["Colourful"])
    judge.page.context.set_offline(False)
    judge.nothing_waits()
    assert outcomes(project) == [(*pair, "left")]
    assert Comparison.objects.get().tags == []


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
    logs_in(judge, "bob")
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


def test_logged_in_again_in_another_tab_the_first_goes_on(person, project, images, bob, carol):
    judge = person(bob)
    judge.compare(project)
    Session.objects.all().delete()
    pair = judge.judges("1")
    expect(judge.page.locator("#login")).to_be_visible()
    # Somebody else at the same browser sends nothing of it.
    other = type(judge)(judge.page.context.new_page(), judge.site)
    other.open("compare", project.id)
    logs_in(other, "carol")
    other.sees_a_pair()
    other.nothing_waits()
    assert outcomes(project) == []
    other.page.context.clear_cookies()
    other.open("compare", project.id)
    logs_in(other, "bob")
    other.sees_a_pair()
    other.page.close()
    judge.page.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")
    expect(judge.page.locator("#login")).to_be_hidden()
    judge.judges("2")
    judge.nothing_waits()
    assert outcomes(project)[0] == (*pair, "left")
    assert len(outcomes(project, bob)) == 2


def test_an_answer_given_in_time_is_taken_after_an_hour_offline(person, project, images, bob):
    judge = person(bob)
    judge.page.clock.install()
    judge.compare(project)
    judge.page.wait_for_load_state("networkidle")
    judge.page.context.set_offline(True)
    said = [(*judge.judges(key), KEYS[key]) for key in ("1", "2")]
    judge.page.clock.fast_forward("01:00:00")
    Assignment.objects.update(expires_at=F("expires_at") - timedelta(hours=1))
    Assignment.objects.update(expires_at=timezone.now() - timedelta(minutes=30))
    judge.page.context.set_offline(False)
    judge.page.clock.resume()
    judge.nothing_waits()
    assert outcomes(project) == said


def test_where_the_browser_keeps_nothing_it_is_said_and_answers_arrive_all_the_same(
    person, project, images, bob
):
    judge = person(bob)
    page = judge.page
    page.add_init_script("IDBFactory.prototype.open = () => { throw new Error('forbidden') }")
    judge.compare(project)
    page.wait_for_load_state("networkidle")
    expect(page.locator("#notice")).to_contain_text("This browser keeps nothing")
    warns = """() => {
        const leaving = new Event("beforeunload", {cancelable: true});
        dispatchEvent(leaving);
        return leaving.defaultPrevented;
    }"""
    assert not page.evaluate(warns)
    page.context.set_offline(True)
    first, second = judge.judges("1"), judge.judges("2")
    expect(page.locator("#waiting")).to_have_text("2 waiting")
    assert page.evaluate(warns)
    judge.press("u")
    judge.sees_again(second)
    judge.judges("3")
    page.context.set_offline(False)
    judge.nothing_waits()
    assert not page.evaluate(warns)
    assert outcomes(project) == [(*first, "left"), (*second, "tie")]
