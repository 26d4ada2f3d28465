"""The API's documentation in a real browser, under the same policy as every page."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_the_documentation_lists_the_operations_and_tries_them_out(person, project, bob, alice):
    """Reading with the session's cookie, writing with its CSRF token too."""
    page = person(alice).open("api-docs")
    expect(page.locator(".info .title")).to_contain_text("Pairwright")
    listed = page.locator("#operations-projects-list_projects")
    listed.locator(".opblock-summary-control").click()
    listed.locator(".try-out__btn").click()
    listed.locator(".execute").click()
    answer = listed.locator(".live-responses-table tbody")
    expect(answer).to_contain_text("200")
    expect(answer).to_contain_text("Sunsets")
    made = page.locator("#operations-projects-create_project")
    made.locator(".opblock-summary-control").click()
    made.locator(".try-out__btn").click()
    made.locator("textarea").first.fill('{"name": "Moons"}')
    made.locator(".execute").click()
    expect(made.locator(".live-responses-table tbody")).to_contain_text("201")
