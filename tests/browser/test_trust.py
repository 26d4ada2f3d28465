"""Pausing, as both sides see it."""

import pytest
from playwright.sync_api import expect

from annotation.models import Assignment, Comparison, Flag
from annotation.services.flags import pause_person
from rating.services import review_annotators
from tests.pages import compare_some
from tests.waiting import eventually

pytestmark = pytest.mark.browser


def test_who_is_paused_reads_so_instead_of_the_next_pair(person, project, images, alice, bob):
    at_work = person(bob)
    at_work.compare(project)
    pause_person(project, bob.id, alice, "a reason for managers")
    assert not Assignment.objects.filter(state="open").exists()
    page = at_work.page
    said = page.get_by_text("Your work in this project is paused")

    def told() -> bool:
        """What was fetched ahead is answered in vain; then nothing comes."""
        at_work.press("ArrowLeft")
        return said.is_visible()

    eventually(told)
    assert "a reason for managers" not in page.content()
    assert not Comparison.objects.exists()


def test_a_manager_pauses_resumes_and_dismisses(person, project, add_images, alice, bob):
    add_images(8)
    compare_some(project, bob, 20)
    (flag,) = review_annotators(project.id)
    page = person(alice).open("dashboard", project.id)
    trust = page.locator("#trust")
    expect(trust).to_contain_text("The left image was chosen in 20 of 20 pairs")
    trust.get_by_label("Why you decide so of bob").fill("always left")
    trust.get_by_label("Pause bob", exact=True).click()
    expect(trust).to_contain_text("always left")
    trust.get_by_label("Resume bob", exact=True).click()
    expect(trust).to_contain_text("resumed by alice")
    assert Flag.objects.get(id=flag.id).decision == "resumed"
    compare_some(project, bob, 8)
    assert review_annotators(project.id) == []
