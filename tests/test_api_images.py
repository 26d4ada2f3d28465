"""Images over the API: they come in by upload, are described, set aside and taken out."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now
from rest_framework.test import APIClient

from annotation.models import Image, Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from tests.api import as_user, in_browser_of, send, url
from tests.conftest import membership, picture

pytestmark = pytest.mark.django_db


def upload(client: APIClient, project: Project, content: bytes | None = None, **fields: Any) -> Any:
    file = SimpleUploadedFile(fields.pop("filename", "sunset.png"), content or picture())
    where = url("images", project_id=project.id)
    return client.post(where, {"file": file, **fields}, format="multipart")


def test_an_upload_is_described_by_its_form(project: Project, alice: User) -> None:
    metadata = {"seed": 7, "tags": ["a"]}
    answer = upload(
        as_user(alice),
        project,
        picture(3, (60, 40)),
        name="Evening",
        prompt="a sunset",
        model="sd",
        metadata=json.dumps(metadata),
    )
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["name"], shown["prompt"], shown["model"]) == ("Evening", "a sunset", "sd")
    assert (shown["metadata"], shown["width"], shown["height"]) == (metadata, 60, 40)
    assert as_user(alice).get(url("image", image_id=shown["id"])).json() == shown


def test_the_name_of_an_upload_is_its_files_name_unless_given(
    project: Project, alice: User
) -> None:
    answer = upload(as_user(alice), project, filename="../../etc/pass\u202ewd.png")
    assert answer.status_code == 201
    assert answer.json()["name"] == "passwd.png"
    assert not Image.objects.get().path.endswith("passwd.png")


@pytest.mark.parametrize(
    "content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.4", picture()[:60]]
)
def test_what_is_no_picture_is_refused(project: Project, alice: User, content: bytes) -> None:
    file = SimpleUploadedFile("a.png", content)
    where = url("images", project_id=project.id)
    answer = as_user(alice).post(where, {"file": file}, format="multipart")
    assert (answer.status_code, list(answer.json())) == (400, ["file"])
    assert not Image.objects.exists()


@pytest.mark.parametrize(
    "metadata", ["{", "[]", "7", '{"a": NaN}', '{"a": 1e999}', '{"a": "\\u0000"}', "[" * 100_000]
)
def test_metadata_is_a_json_object(project: Project, alice: User, metadata: str) -> None:
    answer = upload(as_user(alice), project, metadata=metadata)
    assert (answer.status_code, list(answer.json())) == (400, ["metadata"])


def test_a_file_is_needed_and_a_form_to_send_it_in(project: Project, alice: User) -> None:
    client, where = as_user(alice), url("images", project_id=project.id)
    assert client.post(where, {"name": "a"}, format="multipart").json().keys() == {"file"}
    assert client.post(where, {"file": "a"}, format="json").status_code == 415


def test_a_file_that_is_too_large_is_413(project: Project, alice: User, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 50
    assert upload(as_user(alice), project).status_code == 413


def test_a_request_that_is_too_large_is_not_even_read(project: Project, bob: User) -> None:
    """Neither with a token, nor by the check of a session's CSRF token, which looks into forms."""
    where = url("assignments", project_id=project.id)
    for client in (as_user(bob), in_browser_of(bob)):
        answer = send(client, "POST", where, b"{}", "application/json", CONTENT_LENGTH=str(10**10))
        assert answer.status_code == 413


def test_images_come_in_pages_though_they_were_added_at_the_same_time(
    project: Project, alice: User, images: list[Image]
) -> None:
    Image.objects.update(created_at=Now())
    client = as_user(alice)
    seen: list[str] = []
    where = url("images", project_id=project.id) + "?page_size=1"
    backwards = None
    while where:
        page = client.get(where).json()
        seen += [row["id"] for row in page["results"]]
        where, backwards = page["next"], page["previous"]
    assert sorted(seen) == sorted(str(image.id) for image in images)
    back = [seen[-1]]
    while backwards:
        page = client.get(backwards).json()
        back += [row["id"] for row in page["results"]]
        backwards = page["previous"]
    assert back == seen[::-1]


def test_an_image_is_excluded_with_a_reason_and_taken_back(
    project: Project, alice: User, images: list[Image]
) -> None:
    client, where = as_user(alice), url("image", image_id=images[0].id)
    out = client.patch(where, {"excluded": True, "reason": "blurred"}).json()
    assert (out["excluded"], out["reason"]) == (True, "blurred")
    back = client.patch(where, {"excluded": False}).json()
    assert (back["excluded"], back["reason"]) == (False, "")


def test_an_image_that_was_compared_is_neither_deleted_nor_given_another_prompt(
    project: Project, alice: User, bob: User, add_images: Callable[..., list[Image]]
) -> None:
    add_images(2, prompt="a cat")
    lease = open_assignments(membership(project, bob)).assignments[0]
    record_comparison(bob, lease.id, Outcome.LEFT)
    client, where = as_user(alice), url("image", image_id=lease.left_id)
    assert client.delete(where).status_code == 409
    assert client.patch(where, {"prompt": "a dog"}).status_code == 409
    assert client.patch(where, {"name": "cat.png", "metadata": {"a": 1}}).status_code == 200


def test_an_image_that_nobody_was_shown_is_deleted(
    project: Project, alice: User, images: list[Image]
) -> None:
    client, where = as_user(alice), url("image", image_id=images[0].id)
    assert client.delete(where).status_code == 204
    assert client.delete(where).status_code == 404


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"metadata": [1]}, {"excluded": "maybe"}, {"prompt": None}, {"model": {}}],
)
def test_a_bad_change_is_refused_by_its_field(
    project: Project, alice: User, images: list[Image], change: Any
) -> None:
    answer = as_user(alice).patch(url("image", image_id=images[0].id), change)
    assert (answer.status_code, list(answer.json())) == (400, list(change))
