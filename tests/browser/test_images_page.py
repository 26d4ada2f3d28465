"""The page of a project's images, as a manager uses it with a mouse."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from annotation.models import Image, Project, User
from annotation.services.images import add_image
from tests.browser.conftest import Person
from tests.conftest import picture

pytestmark = [pytest.mark.browser]

Arrive = Callable[..., Person]


def drop(page: Page, files: dict[str, bytes]) -> None:
    """As if the files were let go over the page."""
    content = {name: base64.b64encode(data).decode() for name, data in files.items()}
    transfer = page.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [name, content] of Object.entries(files)) {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name));
            }
            return transfer;
        }""",
        content,
    )
    for kind in ("dragenter", "dragover", "drop"):
        page.dispatch_event("main", kind, {"dataTransfer": transfer})


def said(page: Page, text: str) -> None:
    expect(page.locator("#sent-text")).to_contain_text(text)


def names(project: Project) -> set[str]:
    return set(project.images.values_list("name", flat=True))


def test_dropped_files_come_in_and_what_is_no_picture_is_named(
    person: Arrive, project: Project, alice: User
) -> None:
    page = person(alice).open("project_images", project.id)
    page.get_by_label("Prompt", exact=True).first.fill("a cat")
    files = {f"{n}.png": picture(n) for n in range(8)} | {"notes <b>.png": b"no picture"}
    drop(page, files)
    said(page, "9 of 9 done: 8 added, 1 not added.")
    expect(page.locator("#refusals li")).to_have_count(1)
    expect(page.locator("#refusals li")).to_contain_text("notes <b>.png This is not a picture")
    page.get_by_role("link", name="Show the images").click()
    expect(page.locator(".gallery li")).to_have_count(8)
    assert set(project.images.values_list("prompt__text", flat=True)) == {"a cat"}


def test_what_is_there_already_is_not_sent_again(
    person: Arrive, project: Project, alice: User
) -> None:
    add_image(project, picture(0), name="0.png")
    page = person(alice).open("project_images", project.id)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    drop(page, {"0.png": picture(0), "1.png": picture(1), "copy.png": picture(0)})
    said(page, "3 of 3 done: 2 added, 1 there already.")
    assert sent.count("POST") == 2
    assert names(project) == {"0.png", "1.png", "copy.png"}


def test_files_are_chosen_instead_of_dropped(
    person: Arrive, project: Project, alice: User, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(picture(1))
    (tmp_path / "b.png").write_bytes(picture(2))
    page = person(alice).open("project_images", project.id)
    page.get_by_label("Pictures").set_input_files([tmp_path / "a.png", tmp_path / "b.png"])
    page.get_by_role("button", name="Add", exact=True).click()
    said(page, "2 of 2 done: 2 added.")
    assert names(project) == {"a.png", "b.png"}


def test_without_a_script_the_same_form_uploads_them(
    person: Arrive, project: Project, alice: User, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(picture(1))
    page = person(alice, java_script_enabled=False).open("project_images", project.id)
    for outcome in ("1 image added.", "1 was there already, and not added."):
        page.locator("#adding").evaluate("(adding) => (adding.open = true)")
        page.get_by_label("Pictures").set_input_files(tmp_path / "a.png")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(".messages")).to_contain_text(outcome)


def test_an_upload_outlives_a_network_that_fails(
    person: Arrive, project: Project, alice: User
) -> None:
    page = person(alice).open("project_images", project.id)
    page.clock.install()
    failed: list[str] = []

    def fail_first(route: Route) -> None:
        if route.request.method == "POST" and len(failed) < 2:
            failed.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/**", fail_first)
    drop(page, {"0.png": picture(0), "1.png": picture(1)})
    page.wait_for_function("document.querySelector('#sent-text').textContent")
    for _ in range(20):
        page.clock.run_for(2000)
        if names(project) == {"0.png", "1.png"}:
            break
    said(page, "2 of 2 done: 2 added.")
    assert len(failed) == 2


def test_what_the_network_kept_out_is_tried_again_by_hand(
    person: Arrive, project: Project, alice: User
) -> None:
    page = person(alice).open("project_images", project.id)
    page.route("**/api/v1/**", lambda route: route.fulfill(status=503, body="{}"))
    page.clock.install()
    drop(page, {"0.png": picture(0)})
    for _ in range(40):
        page.clock.run_for(20_000)
        if page.get_by_role("button", name="Try again").is_visible():
            break
    said(page, "1 not added.")
    page.unroute("**/api/v1/**")
    page.get_by_role("button", name="Try again").click()
    said(page, "1 of 1 done: 1 added.")
    expect(page.locator("#refused")).to_be_hidden()


def test_ticked_images_get_a_prompt(
    person: Arrive, project: Project, alice: User, images: list[Image]
) -> None:
    page = person(alice).open("project_images", project.id)
    page.get_by_label("0.png", exact=True).check()
    page.get_by_label("2.png", exact=True).check()
    expect(page.locator("#ticked")).to_have_text("2 ticked")
    page.locator("#many-prompt").fill("a cat")
    page.get_by_role("button", name="Set the prompt").first.click()
    expect(page.locator(".messages")).to_contain_text("2 images changed.")
    named = project.images.filter(prompt__text="a cat").values_list("name", flat=True)
    assert set(named) == {"0.png", "2.png"}


@pytest.mark.parametrize("width", [360, 1440])
def test_the_pages_fit_a_phone_and_a_large_screen(
    person: Arrive, project: Project, alice: User, width: int, add_images: Any
) -> None:
    long = "a_very_long_name_without_any_space_" * 6
    for n in range(2):
        add_image(
            project, picture(1), name=f"{n}{long}.png", prompt=f"{long} cat", model=long[:150]
        )
    alice_there = person(alice, viewport={"width": width, "height": 800})
    for name in ("project_images", "prompts", "duplicates"):
        page = alice_there.open(name, project.id)
        for details in page.locator("main details").all():
            details.evaluate("(details) => (details.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
