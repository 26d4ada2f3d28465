"""How much a request may bring, by who sends it and where to."""

from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.test import Client, RequestFactory
from django.urls import reverse

from annotation.models import Project, User
from annotation.tokens import create_token
from config.bodies import BODY_ERROR, STRANGER_BYTES, BodyTooSlow, most_bytes_for

LARGE = 10 * 2**20


def as_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def limit(user: User | None, path: str, **headers: str) -> int:
    """What the server lets this person send to the address, before any of it is read."""
    client = as_user(user) if user else Client()
    cookies = "; ".join(f"{name}={value.value}" for name, value in client.cookies.items())
    request = RequestFactory().post(path, headers={"cookie": cookies, **headers})
    return most_bytes_for(request.environ)


def upload_paths(project: Project) -> list[str]:
    names = ("upload_images", "imports", "api-images", "api-imports")
    return [reverse(name, args=[project.id]) for name in names]


class NoFile(FileUploadHandler):
    """An upload handler that fails when a file reaches it."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise AssertionError("a file was parsed")


@pytest.fixture(autouse=True)
def _no_file_is_parsed(settings: Any) -> None:
    settings.FILE_UPLOAD_HANDLERS = [f"{__name__}.NoFile"]


def test_strangers_may_send_a_form_and_no_more(project: Project, alice: User, bob: User) -> None:
    for path in ["/", "/login/", "/nowhere/", "/api/v1/token/", *upload_paths(project)]:
        assert limit(None, path) == STRANGER_BYTES
        assert limit(None, path, authorization="Token forged") == STRANGER_BYTES


def test_only_managers_of_the_very_project_may_send_files(
    project: Project, alice: User, bob: User, rita: User, dave: User, settings: Any
) -> None:
    usual = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    for path in upload_paths(project):
        assert limit(alice, path) > settings.MAX_UPLOAD_BYTES
        assert {limit(person, path) for person in (bob, rita, dave)} == {usual}
    for path in upload_paths(Project(id=uuid4())):
        assert limit(alice, path) == usual
    assert limit(alice, reverse("api-projects")) == usual
    assert limit(alice, "/nowhere/") == STRANGER_BYTES


@pytest.mark.parametrize("path", ["/", "/login/", "/nowhere/", "/api/v1/token/", "/admin/login/"])
def test_a_large_body_of_a_stranger_is_413_and_not_parsed(db: None, path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(path, {"file": SimpleUploadedFile("a.png", bytes(STRANGER_BYTES))})
    assert answer.status_code == 413
    assert "larger than 65536 bytes" in answer.content.decode()


def test_an_annotator_cannot_have_a_large_file_parsed(project: Project, bob: User) -> None:
    for path in upload_paths(project):
        answer = as_user(bob).post(path, {"file": SimpleUploadedFile("a.png", bytes(LARGE))})
        assert answer.status_code == 413


def test_a_body_that_was_not_read_is_refused_with_why(db: None) -> None:
    slow: Any = {BODY_ERROR: BodyTooSlow()}
    no_room: Any = {BODY_ERROR: OSError("No space left on device")}
    assert Client().get("/login/", **slow).status_code == 408
    api = Client().get("/api/v1/projects/", **slow)
    assert (api.status_code, api["Content-Type"]) == (408, "application/json")
    full = Client().get("/login/", **no_room)
    assert (full.status_code, full["Retry-After"]) == (503, "5")


def test_a_token_without_the_right_to_manage_may_send_no_files(
    project: Project, alice: User, settings: Any
) -> None:
    (path, *_) = upload_paths(project)
    for scopes, large in ((["read"], False), (["manage"], True)):
        token = create_token(alice, name="t", scopes=scopes, days=1)[1]
        assert (limit(None, path, authorization=f"Token {token}") > LARGE) == large
