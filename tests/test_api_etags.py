"""ETags: what a client has already is not sent again, and nobody overwrites what they have not seen."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from annotation.models import Image, Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.images import update_image
from annotation.services.projects import update_project
from rating.services import recompute
from tests.api import as_user, url
from tests.conftest import membership

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(alice: User) -> APIClient:
    return as_user(alice)


def again(client: APIClient, where: str, answer: Any, **extra: Any) -> int:
    headers = {"If-None-Match": answer["ETag"]}
    return int(client.get(where, extra, headers=headers).status_code)


NAMES = [
    "project",
    "images",
    "members",
    "log",
    "ratings",
    "progress",
    "accuracy",
    "annotators",
    "runs",
    "agreement",
]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_unchanged_is_not_sent_again(
    project: Project, images: list[Image], client: APIClient, name: str
) -> None:
    recompute(project.id)
    where = url(name, project_id=project.id)
    answer = client.get(where)
    same = client.get(where, headers={"If-None-Match": answer["ETag"]})
    assert (same.status_code, same.content, same["ETag"]) == (304, b"", answer["ETag"])
    assert same["Cache-Control"] == "private, no-store"
    assert client.get(where, headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.head(where)["ETag"] == answer["ETag"]


def test_the_second_page_has_the_same_links_and_so_the_same_etag(
    project: Project, images: list[Image], client: APIClient
) -> None:
    where = url("images", project_id=project.id)
    answer = client.get(where, {"page_size": 1})
    assert answer.json()["next"]
    assert again(client, where, answer, page_size=1) == 304
    assert again(client, where, answer, page_size=2) == 200


def test_ratings_are_new_when_anything_of_them_may_be(
    project: Project, images: list[Image], client: APIClient, bob: User
) -> None:
    where = url("ratings", project_id=project.id)
    recompute(project.id)
    before = client.get(where)
    (given,) = open_assignments(membership(project, bob)).assignments
    record_comparison(bob, given.id, Outcome.LEFT)
    stale = client.get(where, headers={"If-None-Match": before["ETag"]})
    assert stale.json()["run"]["stale"]
    recompute(project.id)
    rated = client.get(where, headers={"If-None-Match": stale["ETag"]})
    assert not rated.json()["run"]["stale"]
    update_image(images[0], name="renamed.png")
    assert again(client, where, rated) == 200
    assert again(client, where, rated, criterion="better") == 200, "another query, another answer"


def test_progress_is_new_when_somebody_is_shown_a_pair(
    project: Project, images: list[Image], client: APIClient, bob: User
) -> None:
    where = url("progress", project_id=project.id)
    before = client.get(where)
    open_assignments(membership(project, bob))
    assert again(client, where, before) == 200


def test_the_document_of_the_api_has_one(client: APIClient) -> None:
    answer = client.get(url("schema"))
    assert again(client, url("schema"), answer) == 304


def test_a_change_on_what_somebody_else_changed_is_refused(
    project: Project, client: APIClient
) -> None:
    where = url("project", project_id=project.id)
    read = client.get(where)["ETag"]
    update_project(project.id, name="Moons")
    late = client.patch(where, {"name": "Stars"}, headers={"If-Match": read})
    assert late.status_code == 412
    assert "changed" in late.json()["detail"]
    project.refresh_from_db()
    assert project.name == "Moons"
    fresh = client.get(where)["ETag"]
    assert client.patch(where, {"name": "Stars"}, headers={"If-Match": fresh}).status_code == 200
    assert client.patch(where, {"name": "Suns"}, headers={"If-Match": "*"}).status_code == 200
    assert client.patch(where, {"name": "Suns"}).status_code == 200


def test_refusals_have_none(client: APIClient, project: Project) -> None:
    answer = client.get(url("ratings", project_id=project.id), {"cursor": "x"})
    assert answer.status_code == 400
    assert "ETag" not in answer.headers
