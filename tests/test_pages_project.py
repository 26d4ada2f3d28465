"""Projects, their rules and their images, and the page where these are compared."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotation.models import (
    Assignment,
    Project,
)
from annotation.services.assignments import open_assignments
from annotation.services.images import add_image
from tests.conftest import membership, picture
from tests.pages import compare_some, logged_in

NAUGHTY = """"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}'"""


# --- Projects ----------------------------------------------------------------------------------------


def test_the_list_shows_ones_own_projects_with_the_next_action(project, images, bob, dave):
    Project.objects.filter(id=project.id).update(name=NAUGHTY[:200])
    seen = logged_in(bob).get(reverse("projects")).content.decode()
    assert "about 6 left" in seen
    assert reverse("compare", args=[project.id]) in seen
    assert "<script>alert" not in seen
    assert reverse("dashboard", args=[project.id]) not in seen
    assert "You are in no project yet" in logged_in(dave).get(reverse("projects")).content.decode()


def project_form(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Cats",
        "instructions": "",
        "state": "open",
        "allow_tie": "on",
        "overlap": 2,
        "quota": "",
        "lease_seconds": 600,
        "strategy": "random",
        "random_share": 0.1,
        "criteria-TOTAL_FORMS": 3,
        "criteria-INITIAL_FORMS": 1,
        "criteria-0-key": "better",
        "criteria-0-question": "Which one?",
        "criteria-1-key": "",
        "criteria-1-question": "Which is sharper?",
        "criteria-2-key": "",
        "criteria-2-question": "",
        **changes,
    }


def test_a_manager_starts_another_project(project, alice):
    response = logged_in(alice).post(reverse("new_project"), project_form())
    made = Project.objects.get(name="Cats")
    assert response["Location"] == reverse("project_images", args=[made.id])
    assert membership(made, alice).role == "manager"
    asked = list(made.criteria.values_list("key", "question"))
    assert asked == [("better", "Which one?"), ("which-is-sharper", "Which is sharper?")]


def test_settings_are_changed_and_nothing_else_can_be(project, alice):
    form = project_form(name="Dusks", allow_tie="", quota=7, revision=99, deleted_at="2020-01-01")
    response = logged_in(alice).post(reverse("project_settings", args=[project.id]), form)
    assert response.status_code == 302
    project.refresh_from_db()
    assert (project.name, project.allow_tie, project.quota) == ("Dusks", False, 7)
    assert project.deleted_at is None
    assert project.revision < 99


def test_what_annotators_are_asked_is_set_and_what_is_not_sent_stays(project, alice, bob):
    page = reverse("project_settings", args=[project.id])
    asked = {"ask_strength": "on", "criteria_together": "on", "undo_steps": 3, "pause_after": 0}
    form = project_form(tags="hands,  more text\r\ncolours,", **asked)
    assert logged_in(alice).post(page, form).status_code == 302
    assert logged_in(alice).post(page, project_form(ask_strength="on")).status_code == 302
    project.refresh_from_db()
    assert project.tags == ["hands", "more text", "colours"]
    assert (project.ask_strength, project.criteria_together) == (True, False)
    assert (project.show_prompt, project.undo_steps, project.pause_after) == (False, 3, 0)
    assert "hands, more text, colours" in logged_in(alice).get(page).content.decode()

    def facts(user):
        seen = logged_in(user).get(reverse("compare", args=[project.id]))
        return {name: seen.context["facts"][name] for name in ("tags", "undo_steps", "pause_after")}

    assert facts(bob) == {"tags": project.tags, "undo_steps": 3, "pause_after": 0}
    assert facts(alice)["undo_steps"] is None, "managers may undo anything"
    logged_in(alice).post(page, project_form(tags="", undo_steps=""))
    project.refresh_from_db()
    assert (project.tags, project.undo_steps) == ([], None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tags": "hands, hands"},
        {"tags": "x" * 51},
        {"tags": "a\0b"},
        {"tags": ",".join("abcdefghij")},
        {"undo_steps": -1},
        {"pause_after": ""},
        {"name": " "},
        {"overlap": 0},
        {"overlap": "2" * 30},
        {"random_share": "nan"},
        {"random_share": 2},
        {"state": "gone"},
        {"name": "a\0b"},
        {"criteria-0-question": "", "criteria-1-question": ""},
        {"criteria-1-key": "better"},
        {"criteria-1-key": "Not A Key"},
        {"criteria-TOTAL_FORMS": "many"},
    ],
)
def test_wrong_settings_are_said_and_not_saved(project, alice, wrong):
    before = Project.objects.values().get(id=project.id)
    response = logged_in(alice).post(
        reverse("project_settings", args=[project.id]), project_form(**wrong)
    )
    assert response.status_code == 200
    assert "error" in response.content.decode()
    assert Project.objects.values().get(id=project.id) == before


def test_a_criterion_with_comparisons_stays(project, images, alice, bob):
    compare_some(project, bob)
    form = project_form(**{"criteria-0-question": ""})
    response = logged_in(alice).post(reverse("project_settings", args=[project.id]), form)
    assert "has comparisons and cannot be removed" in response.content.decode()


def test_the_state_is_switched_by_a_button(project, alice):
    dashboard = reverse("dashboard", args=[project.id])
    response = logged_in(alice).post(
        reverse("project_state", args=[project.id]), {"state": "paused", "next": dashboard}
    )
    assert response["Location"] == dashboard
    project.refresh_from_db()
    assert project.state == "paused"


# --- Compare -----------------------------------------------------------------------------------------


def test_the_compare_page_tells_nothing_of_the_images(project, add_images, bob):
    secret = add_images(2, model="secret-model", prompt="secret prompt")[0]
    page = logged_in(bob).get(reverse("compare", args=[project.id])).content.decode()
    for hint in (secret.name, "secret-model", str(secret.id)):
        assert hint not in page


def test_the_compare_page_hides_ties_that_are_not_allowed(project, images, bob):
    url = reverse("compare", args=[project.id])
    assert 'data-outcome="tie"' in logged_in(bob).get(url).content.decode()
    Project.objects.filter(id=project.id).update(allow_tie=False)
    assert 'data-outcome="tie"' not in logged_in(bob).get(url).content.decode()


def test_the_compare_page_shows_ones_own_progress(project, images, bob):
    compare_some(project, bob, 2)
    page = logged_in(bob).get(reverse("compare", args=[project.id])).content.decode()
    assert "2 judged · about 4 left" in page


# --- Images ------------------------------------------------------------------------------------------


def test_several_files_are_added_and_the_refused_ones_named(project, alice):
    files = [
        SimpleUploadedFile("one.png", picture(1)),
        SimpleUploadedFile("two.png", picture(2)),
        SimpleUploadedFile(NAUGHTY.replace("/", "") + ".svg", b"<svg/>"),
        SimpleUploadedFile("empty.png", b""),
    ]
    response = logged_in(alice).post(
        reverse("upload_images", args=[project.id]),
        {"pictures": files, "prompt": "a cat", "model": "m1"},
        follow=True,
    )
    page = response.content.decode()
    assert "2 images added." in page
    assert "empty.png” was refused" in page
    assert ".svg” was refused" in page
    assert "<script>alert" not in page
    names = set(project.images.values_list("name", "prompt__text", "model"))
    assert names == {("one.png", "a cat", "m1"), ("two.png", "a cat", "m1")}


def test_no_file_is_no_image(project, alice):
    response = logged_in(alice).post(
        reverse("upload_images", args=[project.id]), {"prompt": "a cat"}, follow=True
    )
    assert "error" in response.content.decode()
    assert not project.images.exists()


def test_an_image_is_excluded_with_a_reason_and_taken_back(project, images, alice, bob):
    open_assignments(membership(project, bob), 3)
    client, url = logged_in(alice), reverse("exclude_image", args=[images[0].id])
    client.post(url, {"excluded": "on", "reason": "blurred"})
    images[0].refresh_from_db()
    assert (images[0].excluded, images[0].excluded_reason) == (True, "blurred")
    held = Assignment.objects.filter(state="open")
    assert not (held.filter(left=images[0]) | held.filter(right=images[0])).exists()
    gallery = reverse("project_images", args=[project.id])
    assert "blurred" in client.get(gallery, {"show": "excluded"}).content.decode()
    assert images[0].name not in client.get(gallery, {"show": "used"}).content.decode()
    client.post(url, {})
    images[0].refresh_from_db()
    assert not images[0].excluded


def test_the_images_come_in_pages_and_a_stale_address_gives_the_first(
    project, images, alice, monkeypatch
):
    monkeypatch.setattr("annotation.api.pagination.PAGE_SIZE", 3)
    client, gallery = logged_in(alice), reverse("project_images", args=[project.id])
    first = client.get(gallery)
    assert [image.name for image in first.context["images"]] == ["0.png", "1.png", "2.png"]
    second = client.get(first.context["images"].next)
    assert [image.name for image in second.context["images"]] == ["3.png"]
    back = client.get(second.context["images"].previous)
    assert [image.name for image in back.context["images"]] == ["0.png", "1.png", "2.png"]
    stale = client.get(
        gallery, {"cursor": "nonsense", "page_size": "x", "prompt": "y", "show": "z"}
    )
    assert [image.name for image in stale.context["images"]] == ["0.png", "1.png", "2.png"]


def test_the_images_are_searched_by_name_and_by_prompt(project, add_images, alice):
    add_images(2, prompt="a cat")
    add_images(2, prompt="a dog")
    client, gallery = logged_in(alice), reverse("project_images", args=[project.id])

    def found(**query) -> list[str]:
        return [image.name for image in client.get(gallery, query).context["images"]]

    assert found(q="CAT") == ["0.png", "1.png"]
    assert found(q="3.p") == ["3.png"]
    assert found(q="nothing") == []
    cat = project.prompts.get(text="a cat")
    assert found(prompt=cat.id) == ["0.png", "1.png"]
    assert "a cat" in client.get(gallery, {"prompt": cat.id}).content.decode()


def test_all_that_a_search_finds_is_changed_by_one_form(project, add_images, alice, bob):
    add_images(2, prompt="a cat")
    add_images(2, prompt="a dog")
    client, url = logged_in(alice), reverse("change_images", args=[project.id])
    search = {"q": "cat", "everything": "on", "action": "exclude", "reason": "blurred"}
    assert "2 images changed." in client.post(url, search, follow=True).content.decode()
    excluded = project.images.filter(excluded_reason="blurred").values_list("name", flat=True)
    assert set(excluded) == {"0.png", "1.png"}
    cat = project.prompts.get(text="a cat")
    client.post(url, {"of_prompt": cat.id, "everything": "on", "action": "take_back"})
    assert not project.images.filter(excluded=True).exists()
    nothing = client.post(url, {"action": "exclude"}, follow=True)
    assert "Tick the images first" in nothing.content.decode()
    compare_some(project, bob)
    moved = client.post(
        url, {"everything": "on", "action": "prompt", "prompt": "x"}, follow=True
    ).content.decode()
    assert "2 of these 4 images have been compared" in moved
    assert set(project.images.values_list("prompt__text", flat=True)) == {"a cat", "a dog"}


def test_one_image_gets_another_prompt_and_a_prompt_another_text(project, add_images, alice):
    (image,) = add_images(1, prompt="a cat")
    client = logged_in(alice)
    client.post(reverse("change_prompt", args=[image.id]), {"prompt": "a dgo"})
    prompt = project.prompts.get(text="a dgo")
    page = client.get(reverse("prompts", args=[project.id])).content.decode()
    assert "a dgo" in page
    assert "a cat" not in page, "no image has it any more"
    client.post(reverse("rename_prompt", args=[project.id, prompt.id]), {"prompt": "a dog"})
    image.refresh_from_db()
    assert image.prompt is not None
    assert image.prompt.text == "a dog"
    found = client.get(reverse("prompts", args=[project.id]), {"q": "DOG"}).content.decode()
    assert "1 prompt found" in found


def test_duplicates_are_shown_side_by_side_and_one_of_them_is_kept(project, alice):
    twins = [add_image(project, picture(1), name=f"twin {n}.png") for n in range(3)]
    add_image(project, picture(2), name="other.png")
    client, url = logged_in(alice), reverse("duplicates", args=[project.id])
    page = client.get(url).content.decode()
    assert all(image.name in page for image in twins)
    assert "other.png" not in page
    kept = client.post(reverse("keep_image", args=[twins[1].id]), follow=True).content.decode()
    assert "2 duplicates excluded" in kept
    assert "No picture is there twice" in kept
