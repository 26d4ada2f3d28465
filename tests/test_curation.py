"""A manager puts the images in order: uploads again, gives them prompts, sets duplicates aside."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.errors import Conflict
from annotation.models import Assignment, Image, Outcome, Project, Prompt, User
from annotation.selectors import duplicate_clusters, images_of
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.images import add_image, exclude_other_duplicates, update_images
from annotation.services.projects import create_project
from annotation.services.prompts import rename_prompt
from tests.api import as_user, url
from tests.conftest import membership, picture
from tests.promises import assert_promises

pytestmark = pytest.mark.django_db


def texts(project: Project) -> dict[str, str | None]:
    return dict(project.images.values_list("name", "prompt__text"))


def judge_a_pair(project: Project, user: User) -> Assignment:
    (lease,) = open_assignments(membership(project, user)).assignments
    record_comparison(user, lease.id, Outcome.LEFT)
    return lease


# --- The same upload again -----------------------------------------------------------------------------


def upload(user: User, project: Project, shade: int, name: str, **fields: Any) -> Any:
    file = SimpleUploadedFile(name, picture(shade))
    where = url("images", project_id=project.id)
    return as_user(user).post(where, {"file": file, **fields}, format="multipart")


def test_the_same_upload_again_adds_nothing_and_leaves_no_file(
    project: Project, alice: User, settings: Any
) -> None:
    first = upload(alice, project, 1, "a.png", prompt="a cat")
    again = upload(alice, project, 1, "a.png", prompt="a dog")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json(), "what is there stays as it is described"
    assert len(list((settings.UPLOAD_DIR / str(project.id)).iterdir())) == 1


def test_another_name_and_another_picture_are_other_images(project: Project, alice: User) -> None:
    answers = [upload(alice, project, *what) for what in ((1, "a.png"), (1, "b.png"), (2, "a.png"))]
    assert [answer.status_code for answer in answers] == [201, 201, 201]


def test_a_client_can_ask_whether_a_file_is_there_before_it_sends_it(
    project: Project, alice: User
) -> None:
    sha256 = upload(alice, project, 1, "a.png").json()["sha256"]
    upload(alice, project, 2, "b.png")
    where = url("images", project_id=project.id)
    found = as_user(alice).get(where, {"sha256": sha256.upper()}).json()["results"]
    assert [image["name"] for image in found] == ["a.png"]


# --- Prompts -------------------------------------------------------------------------------------------


def test_many_images_get_a_prompt_at_once_or_lose_it(
    project: Project, alice: User, images: list[Image]
) -> None:
    client, where = as_user(alice), url("images-bulk", project_id=project.id)
    named = [str(image.id) for image in images[:3]]
    assert client.post(where, {"images": named, "prompt": "a cat"}).json() == {"images": 3}
    assert texts(project) == {"0.png": "a cat", "1.png": "a cat", "2.png": "a cat", "3.png": None}
    client.post(where, {"where": {"search": "CAT"}, "prompt": "a dog"})
    assert texts(project) == {"0.png": "a dog", "1.png": "a dog", "2.png": "a dog", "3.png": None}
    client.post(where, {"where": {"search": "0.png"}, "prompt": ""})
    assert texts(project)["0.png"] is None
    assert client.post(where, {"where": {}, "prompt": "x"}).json() == {"images": 4}
    assert set(texts(project).values()) == {"x"}


def test_images_that_were_compared_keep_their_prompt_and_so_do_all_that_were_asked_for(
    project: Project, alice: User, bob: User, add_images: Callable[..., list[Image]]
) -> None:
    add_images(4, prompt="a cat")
    judge_a_pair(project, bob)
    client, where = as_user(alice), url("images-bulk", project_id=project.id)
    answer = client.post(where, {"where": {}, "prompt": "a dog", "excluded": True})
    assert answer.status_code == 409
    assert "2 of these 4 images have been compared" in answer.json()["detail"]
    assert set(texts(project).values()) == {"a cat"}
    assert not project.images.filter(excluded=True).exists()
    same = client.post(where, {"where": {}, "prompt": "a cat"})
    assert same.status_code == 200, "the prompt that they have is no other prompt"


def test_a_prompt_that_reads_wrong_is_corrected_for_compared_images_too(
    project: Project, alice: User, bob: User, add_images: Callable[..., list[Image]]
) -> None:
    add_images(3, prompt="a cta")
    judge_a_pair(project, bob)
    (prompt,) = Prompt.objects.all()
    where = url("prompt", project_id=project.id, prompt_id=prompt.id)
    assert as_user(alice).patch(where, {"text": "a cat"}).json() == {
        "id": str(prompt.id),
        "text": "a cat",
        "reference": None,
        "images": 3,
        "images_in_use": 3,
    }
    assert set(texts(project).values()) == {"a cat"}
    assert_promises(project)
    add_images(1, prompt="a cat")
    assert Prompt.objects.count() == 1, "what comes later finds it by its new text"


def test_two_prompts_never_read_the_same(
    project: Project, alice: User, add_images: Callable[..., list[Image]]
) -> None:
    add_images(1, prompt="a cat")
    add_images(1, prompt="a dog")
    prompt = Prompt.objects.get(text="a dog")
    where = url("prompt", project_id=project.id, prompt_id=prompt.id)
    client = as_user(alice)
    assert client.patch(where, {"text": "a cat"}).status_code == 409
    assert client.patch(where, {"text": "  "}).status_code == 400
    with pytest.raises(Conflict, match="with this text already"):
        rename_prompt(prompt, "a cat")


def test_the_prompts_are_listed_with_how_many_images_they_have(
    project: Project, alice: User, add_images: Callable[..., list[Image]]
) -> None:
    cats = add_images(3, prompt="a cat")
    add_images(1, prompt="a dog")
    Image.objects.filter(id=cats[0].id).update(excluded=True)
    listed = as_user(alice).get(url("prompts", project_id=project.id)).json()["results"]
    found = {row["text"]: (row["images"], row["images_in_use"]) for row in listed}
    assert found == {"a cat": (3, 2), "a dog": (1, 1)}
    where = url("prompts", project_id=project.id)
    assert len(as_user(alice).get(where, {"search": "CAT"}).json()["results"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompt": "x"}, "detail"),
        ({"images": [], "prompt": "x"}, "images"),
        ({"images": ["x"], "prompt": "x"}, "images.0"),
        ({"where": {}, "images": [str(uuid4())], "prompt": "x"}, "detail"),
        ({"where": {}}, "detail"),
        ({"where": {"prompt": "x"}, "prompt": "x"}, "where.prompt"),
        ({"images": [str(uuid4())], "excluded": True}, "images"),
        ({"where": [], "prompt": "x"}, "where"),
    ],
)
def test_a_bad_bulk_change_is_refused_by_its_field(
    project: Project, alice: User, images: list[Image], body: Any, field: str
) -> None:
    answer = as_user(alice).post(url("images-bulk", project_id=project.id), body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_an_image_of_another_project_is_not_changed_by_its_id(
    project: Project, alice: User, dave: User, images: list[Image]
) -> None:
    foreign = create_project(dave, name="Moons")
    theirs = add_image(foreign, picture(9), name="moon.png")
    where = url("images-bulk", project_id=project.id)
    answer = as_user(alice).post(where, {"images": [str(theirs.id)], "excluded": True})
    assert answer.status_code == 400
    elsewhere = url("prompt", project_id=project.id, prompt_id=uuid4())
    assert as_user(alice).patch(elsewhere, {"text": "x"}).status_code == 404


# --- Setting aside -------------------------------------------------------------------------------------


def test_many_images_are_set_aside_and_taken_back_and_their_reservations_end(
    project: Project, alice: User, bob: User, images: list[Image]
) -> None:
    (lease,) = open_assignments(membership(project, bob)).assignments
    Image.objects.filter(id=images[0].id).update(excluded=True, excluded_reason="blurred")
    assert update_images(project, images_of(project), excluded=True, reason="all of them") == 4
    lease.refresh_from_db()
    assert lease.state == Assignment.State.RELEASED
    reasons = dict(project.images.values_list("name", "excluded_reason"))
    assert reasons.pop("0.png") == "blurred", "an earlier reason stays"
    assert set(reasons.values()) == {"all of them"}
    client, where = as_user(alice), url("images-bulk", project_id=project.id)
    assert client.post(where, {"where": {"excluded": True}, "excluded": False}).json() == {
        "images": 4
    }
    assert set(project.images.values_list("excluded", "excluded_reason")) == {(False, "")}
    assert_promises(project)


def test_a_search_for_the_old_prompt_still_says_which_images_to_exclude(
    project: Project, add_images: Callable[..., list[Image]]
) -> None:
    add_images(2, prompt="a cat")
    update_images(project, images_of(project, search="cat"), prompt="a dog", excluded=True)
    assert set(project.images.values_list("prompt__text", "excluded")) == {("a dog", True)}


def test_all_duplicates_but_one_are_set_aside(project: Project, alice: User) -> None:
    twins = [add_image(project, picture(1), name=f"{n}.png") for n in range(3)]
    other = add_image(project, picture(2), name="other.png")
    listed = as_user(alice).get(url("duplicates", project_id=project.id)).json()["results"]
    assert [[image["name"] for image in row["images"]] for row in listed] == [
        ["0.png", "1.png", "2.png"]
    ]
    assert exclude_other_duplicates(twins[1], duplicate_clusters(project)) == 2
    in_use = project.images.filter(excluded=False).values_list("name", flat=True)
    assert set(in_use) == {"1.png", "other.png"}
    assert Image.objects.get(name="0.png").excluded_reason == "Duplicate of 1.png"
    assert as_user(alice).get(url("duplicates", project_id=project.id)).json()["results"] == []
    assert set(duplicate_clusters(project)) == {image.id for image in twins}, "for the splits"
    with pytest.raises(Conflict, match="no duplicates"):
        exclude_other_duplicates(other, duplicate_clusters(project))


def test_clusters_of_duplicates_come_in_pages(project: Project, alice: User) -> None:
    for shade in range(3):
        for name in "ab":
            add_image(project, picture(shade), name=f"{shade}{name}.png")
    where = url("duplicates", project_id=project.id) + "?page_size=2"
    pages = []
    while where:
        answer = as_user(alice).get(where).json()
        pages.append([row["images"][0]["name"] for row in answer["results"]])
        where = answer["next"]
    assert pages == [["0a.png", "1a.png"], ["2a.png"]]
