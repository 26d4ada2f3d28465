"""The other pages in a real browser: what follows by itself, and what must never run."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation.models import Criterion, Image, Outcome, Project, Prompt, Role, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.members import create_invitation
from rating.exports.jobs import run_export
from rating.models import Export
from rating.services import recompute
from tests.conftest import PASSWORD, membership, picture

pytestmark = pytest.mark.browser


def judge(project: Project, user: User) -> None:
    assignment = open_assignments(membership(project, user)).assignments[0]
    record_comparison(user, assignment.id, Outcome.LEFT, duration_ms=1200)


def test_the_ranking_follows_the_votes(person, project, images, bob, rita):
    page = person(rita).open("ranking", project.id)
    expect(page.locator(".empty")).to_contain_text("soon after the first comparisons")
    judge(project, bob)
    recompute(project.id)
    expect(page.locator("#ranking-status")).to_contain_text("1 comparison ·")
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(page.locator("tbody tr").first).to_contain_text("1 / 0 / 0")
    judge(project, bob)
    expect(page.locator("#ranking-status")).to_contain_text("newer comparisons are not in it yet")
    recompute(project.id)
    expect(page.locator("#ranking-status")).to_contain_text("2 comparisons ·")
    expect(page.locator("#ranking-status")).not_to_contain_text("newer")


def test_the_dashboard_shows_counts_and_follows_an_export(person, project, images, alice, bob):
    for _ in range(3):
        judge(project, bob)
    recompute(project.id)
    page = person(alice).open("dashboard", project.id)
    expect(page.locator(".big")).to_have_text("3 of 6 judged")
    expect(page.locator("tr:has(th:has-text('bob')) td").nth(1)).to_have_text("3")
    page.click("[aria-label='Export rankings']")
    expect(page.locator("#exports")).to_contain_text("Queued")
    run_export(Export.objects.get().id)
    expect(page.locator("#exports")).to_contain_text("Done")
    with page.expect_download() as download:
        page.click("#exports >> text=Download")
    assert "kodim" not in download.value.suggested_filename
    assert images[0].name in download.value.path().read_text()


def test_a_person_is_set_aside_and_taken_back(person, project, images, alice, bob):
    judge(project, bob)
    recompute(project.id)
    page = person(alice).open("dashboard", project.id)
    row = page.locator(".people tr:has(th:has-text('bob'))")
    aside = row.locator("details:has-text('Set aside')")
    expect(row.locator("svg")).to_be_visible()
    aside.locator("summary").click()
    aside.locator("[name=reason]").fill("was not looking")
    aside.locator("button").click()
    expect(row.locator(".tag")).to_have_text("set aside")
    expect(row).to_contain_text("was not looking")
    row.get_by_label("Take bob back").click()
    expect(aside.locator("summary")).to_have_text("Set aside")


def test_a_new_person_joins_by_the_link_that_the_manager_made(person, project, images, alice):
    manager = person(alice).open("members", project.id)
    manager.click("text=Make a link")
    link = manager.input_value("#link")
    guest = person()
    guest.page.goto(link)
    guest.page.fill("[name=username]", "erik")
    guest.page.fill("[name=password]", PASSWORD)
    guest.page.click("button:has-text('Join')")
    guest.sees_a_pair()


def test_pictures_are_uploaded_and_excluded(person, project, alice):
    page = person(alice).open("project_images", project.id)
    page.set_input_files(
        "[name=pictures]",
        [{"name": f"{n}.png", "mimeType": "image/png", "buffer": picture(n)} for n in (1, 2)],
    )
    page.click("form.upload button")
    expect(page.locator("main")).to_contain_text("2 of 2 done: 2 added.")
    page.click("text=Show the images")
    expect(page.locator(".gallery li")).to_have_count(2)
    page.click(".gallery summary >> nth=0")
    page.fill(".gallery [name=reason] >> nth=0", "blurred")
    page.click(".gallery li >> nth=0 >> button:has-text('Exclude')")
    expect(page.locator(".gallery li").first).to_contain_text("Excluded: blurred")


NAUGHTY = (
    """<script>alert(1)</script><img src=x onerror=alert(2)>"'{{7*7}}${8*8}<svg onload=alert(3)>"""
)


def test_what_people_type_is_shown_literally_on_every_page(person, project, images, alice, bob):
    Project.objects.filter(id=project.id).update(name=NAUGHTY, instructions=NAUGHTY)
    Criterion.objects.filter(project=project).update(question=NAUGHTY)
    User.objects.filter(id=bob.id).update(username=NAUGHTY)
    prompt = Prompt.objects.create(project=project, text=NAUGHTY)
    Image.objects.filter(project=project).update(name=NAUGHTY, model=NAUGHTY, prompt=prompt)
    Image.objects.filter(id=images[0].id).update(excluded=True, excluded_reason=NAUGHTY)
    create_invitation(project, alice, Role.ANNOTATOR, NAUGHTY)
    for user in (alice, bob):
        user.refresh_from_db()
        judge(project, user)
    recompute(project.id)
    visitor = person(alice)
    for name in (
        "compare",
        "introduction",
        "history",
        "examples",
        "ranking",
        "dashboard",
        "project_images",
        "members",
        "project_settings",
    ):
        page = visitor.open(name, project.id)
        if name == "compare":
            visitor.sees_a_pair()
            expect(page.locator("#question")).to_have_text(NAUGHTY)
            expect(page.locator("#prompt")).to_have_text(NAUGHTY)
        expect(page.locator(".project-name")).to_have_text(NAUGHTY)
        assert page.title().endswith(f"{NAUGHTY} · Pairwright")
        assert page.locator("main script:not([type='application/json'])").count() == 0
        assert page.locator("[onerror], [onload]").count() == 0
    expect(visitor.open("projects").locator("h2")).to_have_text(NAUGHTY)
    expect(person(bob).open("projects").locator(".menu summary")).to_have_text(NAUGHTY)


def test_every_page_fits_on_a_phone(person, project, images, alice, bob):
    width = 360
    judge(project, bob)
    recompute(project.id)
    visitor = person(alice, viewport={"width": width, "height": 800})
    for name in (
        "compare",
        "introduction",
        "history",
        "examples",
        "ranking",
        "dashboard",
        "project_images",
        "members",
        "project_settings",
    ):
        page = visitor.open(name, project.id)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    for name in ("projects", "new_project", "account_change_password"):
        page = visitor.open(name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert person().page.goto(f"{visitor.site}{reverse('invitation', args=['x'])}").status == 404
