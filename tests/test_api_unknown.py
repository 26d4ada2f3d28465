"""A key or a parameter that the API does not know is refused, with the nearest one that it knows."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.models import Image, Project, User
from tests.access import World
from tests.api import as_user, operations, url
from tests.conftest import picture
from tests.test_api_access import people, world  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db

DOCUMENT = json.loads(
    (Path(__file__).resolve().parent.parent / "docs" / "openapi.json").read_text()
)


@pytest.mark.parametrize(
    ("body", "path", "told"),
    [
        ({"overlap": 4}, "overlap", "Did you mean “settings.overlap”?"),
        ({"settings": {"overlp": 4}}, "settings.overlp", "Did you mean “settings.overlap”?"),
        ({"nam": "x"}, "nam", "Did you mean “name”?"),
        ({"criteria": [{"kye": "a"}]}, "criteria.0.kye", "Did you mean “criteria.key”?"),
        ({"criteria": [{"questoin": "a"}]}, "criteria.0.questoin", "“criteria.question”?"),
        (
            {"settings": {"name": "x"}},
            "settings.name",
            "“settings.name” is not known here. Did you mean “name”?",
        ),
        ({"zzz": 1}, "zzz", "Known are: criteria, instructions, name, settings, state."),
        ({"created_at": "x"}, "created_at", "can be read, but not set"),
        ({"": 1}, "", "“” is not known here"),
    ],
)
def test_a_key_that_is_not_known_is_named_with_the_nearest(
    project: Project, alice: User, body: Any, path: str, told: str
) -> None:
    answer = as_user(alice).patch(url("project", project_id=project.id), {"name": "New", **body})
    assert answer.status_code == 400
    ((named, (sentence,)),) = answer.json().items()
    assert named == (path or "detail")
    assert told in sentence
    project.refresh_from_db()
    assert (project.name, project.overlap) == ("Sunsets", 1)


@pytest.mark.parametrize(
    ("name", "parameter", "told"),
    [
        ("images", "bogus", "Known are: cursor, excluded, page_size, prompt"),
        ("images", "serach", "Did you mean “search”?"),
        ("projects", "limit", "Known are: cursor, page_size."),
        ("progress", "days", "This takes none."),
        ("log", "annotators", "Did you mean “annotator”?"),
    ],
)
def test_a_parameter_that_is_not_known_is_named_with_the_nearest(
    project: Project, alice: User, name: str, parameter: str, told: str
) -> None:
    ids = {} if name == "projects" else {"project_id": project.id}
    answer = as_user(alice).get(url(name, **ids), {parameter: "1"})
    assert (answer.status_code, list(answer.json())) == (400, [parameter])
    assert told in answer.json()[parameter][0]


def test_every_operation_refuses_a_parameter_and_a_key_of_nobody(
    world: World,  # noqa: F811
    people: dict[str, User],  # noqa: F811
) -> None:
    clients = {"manager": as_user(people["manager"]), "annotator": as_user(people["annotator"])}
    for name, verb, method in operations():
        if name == "api-docs":
            continue  # a page
        client = clients["annotator" if name == "api-comparisons" else "manager"]
        where, body = world.url(name), world.body(name, verb.upper())
        multipart = name in ("api-images", "api-imports") and verb == "post"
        kind = "multipart" if multipart else "json"
        answer = getattr(client, verb)(f"{where}?bogus=1", body, format=kind)
        assert (answer.status_code, list(answer.json())) == (400, ["bogus"]), (name, verb)
        if getattr(method, "body", None) is not None:
            answer = getattr(client, verb)(where, {**(body or {}), "bogus": "1"}, format=kind)
            assert (answer.status_code, list(answer.json())) == (400, ["bogus"]), (name, verb)


def test_the_document_names_the_parameters_that_the_operations_take() -> None:
    documented = {
        (operation["operationId"]): {
            parameter["name"]
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        }
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
    }
    taken = {
        method.operation_id: set(method.parameters)
        for _, _, method in operations()
        if hasattr(method, "parameters")
    }
    assert taken == documented


def test_the_document_closes_every_body(project: Project) -> None:
    requests = {
        name: schema
        for name, schema in DOCUMENT["components"]["schemas"].items()
        if name.endswith("Request") and schema.get("type") == "object"
    }
    assert len(requests) > 20
    assert all(schema["additionalProperties"] is False for schema in requests.values())


def test_a_stranger_is_told_that_there_is_nothing_not_what_it_would_take(
    project: Project, dave: User
) -> None:
    answer = as_user(dave).patch(url("project", project_id=project.id), {"bogus": 1})
    assert answer.status_code == 404


def test_very_many_unknown_keys_cost_little_and_ten_are_told(project: Project, alice: User) -> None:
    body = {f"{'x' * 50}{n}": 1 for n in range(20_000)}
    answer = as_user(alice).patch(url("project", project_id=project.id), body)
    assert (answer.status_code, len(answer.json())) == (400, 10)


def test_the_token_against_forged_requests_is_no_unknown_field(
    project: Project, images: list[Image], alice: User
) -> None:
    form = {"file": SimpleUploadedFile("n.png", picture(200)), "csrfmiddlewaretoken": "x"}
    answer = as_user(alice).post(url("images", project_id=project.id), form, format="multipart")
    assert answer.status_code == 201
