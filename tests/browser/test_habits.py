"""What a person does around the pairs: reads and practises before the first, looks back at the last."""

from uuid import UUID

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation.models import Comparison, Example, PracticeAnswer, Project
from annotation.services.examples import add_example
from annotation.showings import ids_of
from tests.browser.conftest import sides_seen
from tests.pages import compare_some

pytestmark = pytest.mark.browser


def test_from_the_introduction_over_practice_to_the_first_pair_by_keys(
    person, project, add_images, bob
):
    images = add_images(6)
    Project.objects.filter(id=project.id).update(instructions="Look at the horizon.")
    _, *practised = (
        add_example(
            project,
            project.criteria.get(),
            better=images[better].id,
            worse=images[worse].id,
            explanation=f"Number {better} is level.",
            practice=practice,
        )
        for better, worse, practice in ((0, 1, False), (2, 3, True), (4, 5, True))
    )
    novice = person(bob)

    def shown(example: Example, image_id: UUID | None) -> UUID:
        """The id under which an annotator is shown the image."""
        return ids_of(example)[str(image_id)]

    page = novice.open("compare", project.id)
    expect(page).to_have_url(f"{novice.site}{reverse('introduction', args=[project.id])}")
    expect(page.locator("main")).to_contain_text("Number 0 is level.")
    expect(page.locator(".practice")).to_contain_text("1 of 2")
    expect(page.locator("#start")).to_have_count(0)

    page.locator(f"button[value='{shown(practised[0], practised[0].worse_id)}']").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_have_text("Not quite.")
    expect(page.locator(".feedback")).to_contain_text("Number 2 is level.")
    page.reload()
    expect(page.locator(".verdict")).to_have_text("Not quite.")
    page.locator("#next").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".practice")).to_contain_text("2 of 2")
    page.click(f"button[value='{shown(practised[1], practised[1].better_id)}']")
    expect(page.locator(".verdict")).to_have_text("Right.")
    expect(page.locator(".practice")).to_contain_text("1 of 2 right")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("#start")
    novice.sees_a_pair()
    assert not Comparison.objects.exists()
    assert [answer.right for answer in PracticeAnswer.objects.all()] == [False, True]

    page.click(".instructions summary")
    page.click("text=Examples and practice")
    expect(page.locator("#start")).to_have_text("Go on comparing")
    page.click("text=Practise again")
    expect(page.locator(".practice")).to_contain_text("1 of 2")


def test_an_answer_is_undone_from_the_history_and_is_the_next_pair(person, project, images, bob):
    made = compare_some(project, bob, 3)
    judge = person(bob, viewport={"width": 360, "height": 800})
    judge.compare(project)
    # There is no room for the link on a phone; the summary of the session has it.
    judge.page.click("#end")
    judge.page.click("#summary a:has-text('Your answers')")
    lines = judge.page.locator(".history > li")
    expect(lines).to_have_count(3)
    expect(lines.nth(1).locator(".chosen img")).to_have_attribute("alt", "Left image")
    assert judge.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    lines.nth(1).get_by_role("button", name="Undo").click()
    expect(lines).to_have_count(2)
    expect(judge.page.locator(".messages")).to_contain_text("shown to you again")
    judge.compare(project)
    judge.sees_again(sides_seen(made[1]))
