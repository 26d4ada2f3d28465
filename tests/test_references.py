"""The reference of a prompt: what its images are judged against, and what is itself not compared."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.urls import reverse

from annotation import access
from annotation.errors import Conflict, Invalid
from annotation.models import Image, Project, Screen, User
from annotation.services.assignments import open_assignments
from annotation.services.images import delete_image, update_image, update_images
from annotation.services.references import REASON
from tests.api import as_user, url
from tests.conftest import membership
from tests.pages import compare_some, logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def cats(add_images: Callable[..., list[Image]]) -> list[Image]:
    return add_images(4, prompt="a cat")


def reference_of(project: Project, text: str = "a cat") -> Image | None:
    reference: Image | None = project.prompts.get(text=text).reference
    return reference


def excluded(project: Project) -> dict[str, str]:
    rows = project.images.filter(excluded=True).values_list("name", "excluded_reason")
    return dict(rows)


def test_a_reference_is_not_compared_and_taken_back_it_is_again(project, cats, bob):
    opened = open_assignments(membership(project, bob)).assignments[0]
    update_image(opened.left, reference=True)
    assert excluded(project) == {opened.left.name: REASON}
    opened.refresh_from_db()
    assert opened.state == "released"
    update_image(opened.left, reference=False)
    assert (reference_of(project), excluded(project)) == (None, {})
    update_image(opened.left, reference=False)


def test_another_reference_replaces_the_first(project, cats):
    for image in (cats[0], cats[1], cats[1]):
        update_image(image, reference=True)
    assert reference_of(project) == cats[1]
    assert excluded(project) == {cats[1].name: REASON}


def test_whoever_is_taken_back_is_no_reference_any_more(project, cats):
    update_image(cats[0], reference=True)
    update_image(cats[0], excluded=False)
    assert (reference_of(project), excluded(project)) == (None, {})
    update_image(cats[0], reference=True)
    update_images(project, project.images.all(), excluded=False)
    assert (reference_of(project), excluded(project)) == (None, {})


def test_a_reference_that_was_excluded_for_another_reason_since_stays_excluded(project, cats):
    update_image(cats[0], reference=True)
    update_image(cats[0], excluded=True, reason="blurred")
    assert reference_of(project) == cats[0]
    update_image(cats[0], reference=False)
    assert excluded(project) == {cats[0].name: "blurred"}


def test_a_reference_stays_with_its_prompt(project, cats):
    update_image(cats[0], reference=True)
    with pytest.raises(Conflict, match="End that first; then it can be deleted"):
        delete_image(cats[0])
    with pytest.raises(Conflict, match="Nothing was changed"):
        update_image(cats[0], prompt="a dog")
    with pytest.raises(Conflict, match="Nothing was changed"):
        update_images(project, project.images.all(), prompt="a dog")
    update_image(cats[0], reference=False)
    update_image(cats[0], prompt="a dog", reference=True)
    assert (reference_of(project), reference_of(project, "a dog")) == (None, cats[0])


def test_what_cannot_be_a_reference_is_refused(project, images, cats):
    with pytest.raises(Invalid, match="with a prompt"):
        update_image(images[0], reference=True)
    with pytest.raises(Invalid, match="cannot be taken back as well"):
        update_image(cats[0], reference=True, excluded=False)
    assert excluded(project) == {}


def test_the_api_shows_the_reference_beside_each_pair(
    project: Project,
    cats: list[Image],
    alice: User,
    bob: User,
) -> None:
    where = url("assignments", project_id=project.id)
    compare_some(project, bob)
    assert as_user(bob).post(where, {"count": 2}).json()["results"][0]["reference"] is None
    asked = as_user(alice).patch(url("image", image_id=cats[0].id), {"reference": True})
    assert (asked.status_code, asked.json()["reference"], asked.json()["excluded"]) == (
        200,
        True,
        True,
    )
    (prompt,) = as_user(alice).get(url("prompts", project_id=project.id)).json()["results"]
    assert prompt["reference"] == str(cats[0].id)
    told = {"id": str(cats[0].id), "image": f"/images/{cats[0].id}/", "width": 60, "height": 40}
    (row,) = as_user(alice).post(where).json()["results"]
    assert row["reference"] == told
    rows = as_user(bob).post(where, {"count": 2}).json()["results"]
    rows += as_user(bob).get(url("history", project_id=project.id)).json()["results"]
    shown = [row["reference"] for row in rows]
    assert len({reference["id"] for reference in shown}) == len(rows) > 1
    for reference in shown:
        assert str(cats[0].id) not in str(reference)
        assert (reference["width"], reference["height"]) == (60, 40)
        assert access.shown_image_for(bob, UUID(reference["id"])) == cats[0]
    assert str(cats[0].id) not in {row[side]["id"] for row in rows for side in ("left", "right")}


def test_a_lineup_is_shown_with_its_reference(project, cats, bob):
    update_image(cats[0], reference=True)
    Project.objects.filter(id=project.id).update(screen=Screen.ORDER, screen_size=3)
    (row,) = as_user(bob).post(url("assignments", project_id=project.id)).json()["results"]
    assert access.shown_image_for(bob, UUID(row["reference"]["id"])) == cats[0]
    assert len(row["images"]) == 3


def test_a_manager_makes_and_ends_a_reference_on_the_page_of_the_images(project, cats, alice):
    client, where = logged_in(alice), reverse("set_reference", args=[cats[0].id])
    page = client.post(where, {"reference": "on"}, follow=True).content.decode()
    assert "It is now the reference of its prompt" in page
    prompts = client.get(reverse("prompts", args=[project.id])).content.decode()
    assert where in prompts
    page = client.post(where, follow=True).content.decode()
    assert "is compared again" in page
    assert where not in client.get(reverse("prompts", args=[project.id])).content.decode()
