"""Every page: what it needs, what it leaves behind, and what everybody gets when something is wrong."""

from typing import Any

import pytest
from django.db.models.functions import Now
from django.shortcuts import render
from django.urls import reverse

from annotation.models import (
    Flag,
    Image,
    Membership,
    Project,
    Prompt,
    Role,
    User,
)
from annotation.services.examples import add_example
from annotation.services.members import create_invitation
from annotation.services.webhooks import create_webhook, send_test
from rating.exports.jobs import request_export
from tests.pages import logged_in

# --- Who may open what -------------------------------------------------------------------------------


# Each page with its arguments; who may open it, tests/access.txt says.
PAGES: list[tuple[str, ...]] = [
    ("projects",),
    ("account_change_password",),
    ("tokens",),
    ("keys",),
    ("new_project",),
    ("compare", "project"),
    ("introduction", "project"),
    ("history", "project"),
    ("ranking", "project"),
    ("dashboard", "project"),
    ("exports", "project"),
    ("project_images", "project"),
    ("prompts", "project"),
    ("examples", "project"),
    ("duplicates", "project"),
    ("imports", "project"),
    ("import_list", "project"),
    ("members", "project"),
    ("project_settings", "project"),
    ("webhooks", "project"),
    ("webhook", "webhook"),
    ("image", "image"),
]
# Forms that only managers may send; all are refused before their content is looked at.
FORMS: list[tuple[str, ...]] = [
    ("project_settings", "project"),
    ("project_state", "project"),
    ("upload_images", "project"),
    ("exclude_image", "image"),
    ("change_images", "project"),
    ("change_prompt", "image"),
    ("keep_image", "image"),
    ("set_reference", "image"),
    ("examples", "project"),
    ("change_example", "example"),
    ("move_example", "example"),
    ("delete_example", "example"),
    ("imports", "project"),
    ("rename_prompt", "project", "prompt"),
    ("add_member", "project"),
    ("change_role", "project", "carol"),
    ("remove_member", "project", "carol"),
    ("invite", "project"),
    ("revoke_invitation", "project", "invitation"),
    ("exports", "project"),
    ("webhooks", "project"),
    ("switch_webhook", "webhook"),
    ("delete_webhook", "webhook"),
    ("test_webhook", "webhook"),
    ("redeliver", "webhook", "delivery"),
    ("push_export", "project", "export"),
    ("choose_method", "project"),
    ("set_aside", "project", "carol"),
    ("take_back", "project", "carol"),
    ("delete_export", "project", "export"),
    ("pause_person", "project", "carol"),
    ("resume_person", "project", "carol"),
    ("dismiss_flag", "project", "flag"),
    ("reopen_flag", "project", "flag"),
]


@pytest.fixture
def address(
    project: Project, images: list[Image], alice: User, carol: User, dave: User, settings: Any
) -> dict[str, Any]:
    invitation, _ = create_invitation(project, alice, Role.ANNOTATOR)
    settings.WEBHOOK_TARGETS = ["hooks.example.org"]
    webhook, _ = create_webhook(project, alice, "https://hooks.example.org/")
    flag = Flag.objects.create(
        project=project, annotator=carol, signal="speed", level="warn", summary="Fast."
    )
    example = add_example(project, project.criteria.get(), better=images[2].id, worse=images[3].id)
    Membership.objects.filter(project=project).update(introduced_at=Now())
    return {
        "example": example.id,
        "flag": flag.id,
        "webhook": webhook.id,
        "delivery": send_test(webhook).id,
        "project": project.id,
        "image": images[0].id,
        "carol": carol.id,
        "prompt": Prompt.objects.create(project=project, text="a cat").id,
        "invitation": invitation.id,
        "export": request_export(project, alice, "pairs", {}).id,
    }


def url_of(page: tuple[str, ...], address: dict[str, Any]) -> str:
    return reverse(page[0], args=[address[name] for name in page[1:]])


@pytest.mark.parametrize("at", FORMS, ids=lambda at: at[0])
def test_each_form_is_taken_from_managers_only(at, address, project, rita, bob, dave):
    url = url_of(at, address)
    before = Project.objects.values().get(id=project.id), Membership.objects.count()
    got = [logged_in(user).post(url).status_code for user in (rita, bob, dave)]
    assert got == [403, 403, 404]
    assert (Project.objects.values().get(id=project.id), Membership.objects.count()) == before
    assert not Image.objects.filter(excluded=True).exists()


@pytest.mark.parametrize("at", [*PAGES, *FORMS], ids=lambda at: at[0])
def test_without_login_every_page_leads_to_the_login(at, address, client):
    url = url_of(at, address)
    method = client.post if at in FORMS and at not in PAGES else client.get
    response = method(url)
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('account_login')}?next={url}"


@pytest.mark.parametrize("at", [at for at in PAGES if at[0] != "image"], ids=lambda at: at[0])
def test_pages_are_kept_by_no_browser_and_allow_no_foreign_script(at, address, alice):
    response = logged_in(alice).get(url_of(at, address))
    assert "no-store" in response["Cache-Control"]
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert b" style=" not in response.content
    assert b"onclick" not in response.content


@pytest.mark.parametrize("at", FORMS, ids=lambda at: at[0])
def test_forms_need_the_csrf_token(at, address, alice):
    response = logged_in(alice, enforce_csrf_checks=True).post(url_of(at, address))
    assert response.status_code == 403
    assert "out of date" in response.content.decode()


def test_a_removed_member_and_a_deleted_project_are_404(project, images, bob):
    client, url = logged_in(bob), reverse("compare", args=[project.id])
    Membership.objects.filter(user=bob).delete()
    assert client.get(url).status_code == 404


def test_tabs_show_only_what_the_person_may_open(project, rita, bob):
    compare = reverse("compare", args=[project.id])
    assert "Dashboard" not in logged_in(bob).get(compare).content.decode()
    seen = logged_in(rita).get(compare).content.decode()
    assert "Dashboard" in seen
    assert "Members" not in seen


# --- Errors ------------------------------------------------------------------------------------------


def test_an_unknown_address_is_a_page_that_helps(client, db):
    response = client.get("/nothing/here/")
    assert response.status_code == 404
    assert "does not exist" in response.content.decode()


def test_the_pages_of_failure_ask_the_database_nothing(rf, django_assert_num_queries, bob):
    request = rf.get("/")
    request.user = bob
    with django_assert_num_queries(0):
        for status in (500, 503):
            assert "Nothing was saved" in render(request, f"{status}.html").content.decode()
