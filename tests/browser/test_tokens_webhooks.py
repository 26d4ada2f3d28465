"""Tokens and webhooks in a real browser: what is shown once, and what came of a message."""

from typing import Any

import pytest
from playwright.sync_api import expect
from rest_framework.test import APIClient

from annotation.models import Delivery, Project, User
from annotation.services.webhooks import create_webhook, send_test
from tests.api import url
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser


def test_a_person_makes_a_token_and_revokes_it(person: Any, project: Project, bob: User) -> None:
    page = person(bob).open("tokens")
    page.fill("[name=name]", "laptop")
    page.check("[value=read]")
    page.fill("[name=password]", PASSWORD)
    page.click("text=Make a token")
    secret = page.locator("#secret").input_value()
    script = APIClient()
    script.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
    assert script.get(url("projects")).status_code == 200
    row = page.locator("tr:has(th:has-text('laptop'))")
    expect(row).to_contain_text("read")
    row.get_by_role("button", name="Revoke laptop").click()
    expect(page.locator(".messages")).to_contain_text("works no more")
    assert script.get(url("projects")).status_code == 401


def test_a_manager_sees_what_came_of_each_message(
    person: Any, project: Project, alice: User, settings: Any
) -> None:
    settings.WEBHOOK_TARGETS = ["*.example.org"]
    page = person(alice).open("webhooks", project.id)
    page.fill("[name=url]", "https://hooks.example.org/pairwright")
    page.check("[value='run.finished']")
    page.get_by_role("button", name="Add", exact=True).click()
    assert page.locator("#secret").input_value().startswith("whsec_")
    page.click("text=https://hooks.example.org/pairwright")
    page.click("text=Send a test message")
    expect(page.locator("tbody tr")).to_contain_text("webhook.test")
    Delivery.objects.update(last_status=500, last_answer="<img src=x onerror=alert(1)>", attempts=1)
    page.reload()
    expect(page.locator("tbody tr")).to_contain_text("500 <img src=x onerror=alert(1)>")
    page.click("text=Switch it off")
    expect(page.locator("main")).to_contain_text("It is switched off")


def test_a_narrow_screen_scrolls_tables_and_not_the_page(
    person: Any, project: Project, alice: User, settings: Any
) -> None:
    settings.WEBHOOK_TARGETS = ["*.example.org"]
    webhook, _ = create_webhook(project, alice, "https://hooks.example.org/" + "long/" * 40)
    send_test(webhook)
    who = person(alice)
    for address in (("tokens",), ("webhooks", project.id), ("webhook", webhook.id)):
        page = who.open(*address)
        page.set_viewport_size({"width": 360, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
