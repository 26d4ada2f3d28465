"""The pages in German, in a browser that asks for it: what the scripts say, too."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_the_compare_page_speaks_german_until_the_person_switches(person, project, images, bob):
    visitor = person(bob, locale="de-DE")
    visitor.compare(project)
    page = visitor.page
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator(".answers")).to_contain_text("Beide schlecht")
    expect(page.locator("#progress")).to_have_text("0 beurteilt · noch etwa 6")
    expect(page.locator("#left img")).to_have_attribute("alt", "Linkes Bild")
    visitor.judges("ArrowLeft")
    expect(page.locator("#progress")).to_have_text("1 beurteilt · noch etwa 5")
    expect(page.locator("#announcer")).to_have_text("Links.")
    visitor.nothing_waits()
    page.route("**/api/v1/comparisons/**", lambda route: route.abort())
    pair = visitor.sees_a_pair()
    visitor.press("ArrowRight")
    visitor.sees_another_than(pair)
    expect(page.locator("#notice")).to_contain_text("Der Server ist nicht erreichbar.")
    expect(page.locator("#waiting")).to_have_text("1 wartet")
    page.unroute("**/api/v1/comparisons/**")
    page.click(".menu summary")
    page.click("button[name=language][value=en]")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    visitor.nothing_waits()
    expect(page.locator("#progress")).to_contain_text("judged · about")
