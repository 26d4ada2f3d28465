"""A stretch of work on the compare page: how long the rest takes, a pause, and what it came to."""

import re

import pytest
from playwright.sync_api import expect

from annotation.models import Comparison, Project
from tests.browser.conftest import Person, outcomes

pytestmark = pytest.mark.browser


def rests(judge: Person) -> None:
    """Nothing is on its way; a clock that jumps would say that it took too long."""
    judge.nothing_waits()
    judge.page.wait_for_load_state("networkidle")


def test_a_pause_is_suggested_after_steady_work_and_takes_no_key_that_was_meant_for_a_pair(
    person, project, add_images, bob
):
    add_images(8)
    Project.objects.filter(id=project.id).update(pause_after=7)
    judge = person(bob)
    page, pause = judge.page, judge.page.locator("#pause")
    page.clock.install()
    judge.compare(project)
    judge.judges("1")
    rests(judge)
    page.clock.fast_forward("06:00")  # a break of their own
    judge.judges("1")
    rests(judge)
    page.clock.fast_forward("04:00")
    judge.judges("2")
    page.clock.run_for(1000)
    expect(pause).to_be_hidden()
    rests(judge)
    # From here on time stands still, however slow the machine is.
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 240)
    pair = judge.judges("1")
    page.clock.run_for(100)
    expect(pause).to_be_visible()
    expect(pause).to_contain_text(re.compile("judging for (9|10) minutes"))
    shown = judge.sees_a_pair()
    for key in ("Enter", "2", "Escape"):  # meant for the pair
        judge.press(key)
    expect(pause).to_be_visible()
    page.clock.run_for(1000)
    judge.press("2")
    page.clock.resume()
    page.click("#pause-take")
    expect(pause).to_contain_text("Nothing is timed")
    page.clock.fast_forward("20:00")
    page.click("#pause-on")
    expect(pause).to_be_hidden()
    assert judge.shown() == shown != pair
    judge.judges("2")
    page.clock.run_for(1000)
    expect(pause).to_be_hidden()
    judge.nothing_waits()
    assert len(outcomes(project)) == 5
    last = Comparison.objects.order_by("created_at").last()
    assert last is not None
    assert last.duration_ms is not None
    assert last.duration_ms < 60_000


def test_a_session_is_summed_up_when_it_ends_and_when_the_work_is_over(
    person, project, add_images, bob
):
    add_images(3)
    judge = person(bob)
    page, summary = judge.page, judge.page.locator("#summary")
    page.clock.install()
    judge.compare(project)
    judge.judges("1")
    rests(judge)
    page.clock.fast_forward("02:00")
    judge.judges("s s")
    page.reload()
    judge.sees_a_pair()
    page.clock.run_for(1000)
    page.click("#end")
    facts = summary.locator("dd")
    took, an_hour = re.compile(r"^[23] min$"), re.compile(r"^(2\d|30)$")
    expect(facts).to_have_text(["1", took, an_hour, "0", "0", "1", "0"])
    expect(summary).to_contain_text("All your answers have arrived.")
    expect(summary.get_by_role("link", name="To your projects")).to_be_visible()
    judge.press("1")
    page.click("#summary-on")
    expect(summary).to_be_hidden()
    judge.press("u")
    judge.press("3")
    while summary.is_hidden():
        judge.press("4")
        page.clock.run_for(300)
    expect(summary).to_contain_text("There is no pair left for you")
    expect(facts.nth(5)).to_have_text("0")
    expect(facts.nth(6)).to_have_text("1")
    # New work ends it by itself.
    add_images(1)
    while summary.is_visible():
        page.clock.run_for(1000)
    judge.sees_a_pair()
