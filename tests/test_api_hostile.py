"""A46 to A49: input made to break things is refused, and never breaks them."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from annotation.models import Image, Project, User
from tests.api import as_user, send, url

pytestmark = pytest.mark.django_db

DEEP = 100_000
BODIES = {
    "not JSON": b"{",
    "empty": b" ",
    "a list": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "NUL in a value": rb'{"name": "a\u0000b", "username": "a\u0000b", "reason": "\u0000"}',
    "NUL in a key": rb'{"a\u0000b": 1}',
    "half a surrogate pair": rb'{"name": "\ud800", "username": "\udfff"}',
    "bad UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep enough to pass the parser": b'{"metadata":' + b"[" * 500 + b"]" * 500 + b"}",
    "NaN": b'{"duration_ms": NaN, "settings": {"random_share": NaN}}',
    "Infinity": b'{"settings": {"random_share": -Infinity}}',
    "a float beyond floats": b'{"settings": {"random_share": 1e999}, "metadata": {"a": 1e999}}',
    "a huge integer": b'{"settings": {"overlap": ' + b"9" * 5000 + b"}}",
}
WRONG_TYPES: list[Any] = [
    None,
    True,
    [],
    {},
    [[]],
    {"a": 1},
    2**63,
    -(2**63),
    10**400,
    1.5,
    "x" * 100_000,
]
PARAMETERS = [
    "\0",
    "%00",
    str(2**63),
    "9" * 5000,
    "NaN",
    "Infinity",
    "[]",
    "' OR 1=1 --",
    "annotator__password",
    "\ud7ff\uffff",
    "x" * 2**20,
]
FIELDS = [
    "name",
    "instructions",
    "state",
    "criteria",
    "settings",
    "username",
    "role",
    "note",
    "count",
    "criterion",
    "assignment",
    "outcome",
    "duration_ms",
    "reason",
    "strength",
    "format",
    "options",
    "excluded",
    "prompt",
    "model",
    "metadata",
]


def writers(project: Project, image: Image, bob: User) -> list[tuple[str, str]]:
    nested = {"project_id": project.id}
    return [
        ("post", url("projects")),
        ("patch", url("project", **nested)),
        ("post", url("members", **nested)),
        ("patch", url("member", **nested, user_id=bob.id)),
        ("post", url("invitations", **nested)),
        ("patch", url("image", image_id=image.id)),
        ("post", url("assignments", **nested)),
        ("post", url("comparisons")),
        ("post", url("exports", **nested)),
    ]


@pytest.mark.parametrize("kind", BODIES)
def test_a_hostile_body_is_bad_input_everywhere(
    project: Project, images: list[Image], alice: User, bob: User, kind: str
) -> None:
    client = as_user(alice)
    for method, where in [*writers(project, images[0], bob), ("post", url("token"))]:
        answer = send(client, method.upper(), where, BODIES[kind], "application/json")
        assert answer.status_code == 400, (method, where, answer.content)
        problems = answer.json()
        assert problems
        assert all(isinstance(messages, list) for messages in problems.values())


def test_a_value_of_the_wrong_type_is_never_a_failure_of_the_server(
    project: Project, images: list[Image], alice: User, bob: User
) -> None:
    client = as_user(alice)
    for method, where in writers(project, images[0], bob):
        for wrong in WRONG_TYPES:
            body = dict.fromkeys(FIELDS, wrong)
            answer = getattr(client, method)(where, body)
            assert answer.status_code in (200, 201, 400), (method, where, wrong)
        for field in FIELDS:
            answer = getattr(client, method)(where, {field: [{"a": [1]}]})
            assert answer.status_code in (200, 201, 400), (method, where, field)


def test_what_was_stored_can_be_told_back(
    project: Project, images: list[Image], alice: User
) -> None:
    """A number that a float cannot hold, or the last characters of Unicode, come back as they were."""
    metadata: dict[str, Any] = {"big": 10**30, "small": 1e-300, "text": "\U0010ffff\u202e"}
    client, where = as_user(alice), url("image", image_id=images[0].id)
    assert client.patch(where, {"metadata": metadata}).status_code == 200
    assert client.get(where).json()["metadata"] == metadata


@pytest.mark.parametrize("value", PARAMETERS, ids=lambda value: repr(value[:12]))
def test_a_hostile_parameter_is_refused_or_ignored(
    project: Project, images: list[Image], alice: User, value: str
) -> None:
    client = as_user(alice)
    nested = {"project_id": project.id}
    names = [
        "members",
        "invitations",
        "images",
        "log",
        "history",
        "ratings",
        "runs",
        "annotators",
        "exports",
        "progress",
        "accuracy",
    ]
    for where in [url("projects"), *(url(name, **nested) for name in names)]:
        for parameter in (
            "cursor",
            "page_size",
            "criterion",
            "annotator",
            "since",
            "retracted",
            "prompt",
            "run",
            "ordering",
            "format",
            "annotator__password",
        ):
            answer = client.get(where, {parameter: value})
            assert answer.status_code in (200, 400), (where, parameter)


def test_a_cursor_that_was_altered_or_is_of_another_list_is_refused(
    project: Project, images: list[Image], alice: User
) -> None:
    client = as_user(alice)
    page = client.get(url("images", project_id=project.id), {"page_size": 1}).json()
    cursor = page["next"].split("cursor=")[1].replace("%3A", ":")
    for where, wrong in (
        (url("images", project_id=project.id), cursor[:-1]),
        (url("images", project_id=project.id), "x" + cursor),
        (url("members", project_id=project.id), cursor),
    ):
        answer = client.get(where, {"cursor": wrong})
        assert (answer.status_code, list(answer.json())) == (400, ["cursor"])


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "nonsense", ""]
)
def test_a_body_that_is_not_json_is_415(project: Project, alice: User, kind: str) -> None:
    where = url("project", project_id=project.id)
    answer = send(as_user(alice), "PATCH", where, b"name=x", kind)
    assert answer.status_code == 415
    assert "detail" in answer.json()


def test_a_broken_form_is_bad_input(project: Project, alice: User) -> None:
    where = url("images", project_id=project.id)
    for content, kind in (
        (b"x", "multipart/form-data"),
        (b"--b\r\nnonsense", "multipart/form-data; boundary=b"),
        (b"--b\r\n" * 5000, "multipart/form-data; boundary=b"),
    ):
        answer = send(as_user(alice), "POST", where, content, kind)
        assert answer.status_code == 400, kind


def test_a_page_is_never_larger_than_a_thousand(project: Project, alice: User) -> None:
    client, where = as_user(alice), url("members", project_id=project.id)
    for size in ("1000", "1001", "9" * 12, "0001"):
        assert client.get(where, {"page_size": size}).status_code == 200


@pytest.mark.parametrize("path", ["projects/x/", "projects/0/images/", "nothing/", "images/../x/"])
def test_an_address_that_is_none_is_answered_in_json(alice: User, path: str) -> None:
    answer = APIClient().get(f"/api/v1/{path}")
    assert answer.status_code == 404
    assert "detail" in json.loads(answer.content)
