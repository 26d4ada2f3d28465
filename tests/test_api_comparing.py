"""From an assignment to a comparison and back, over the API."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import Assignment, Comparison, Image, Project, User
from tests.api import as_user, in_browser_of, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(bob: User) -> APIClient:
    return as_user(bob)


def assignments(client: APIClient, project: Project, **body: Any) -> Any:
    answer = client.post(url("assignments", project_id=project.id), body)
    assert answer.status_code == 201
    return answer.json()


def first_of(client: APIClient, project: Project) -> str:
    return str(assignments(client, project)["results"][0]["id"])


def vote(client: APIClient, assignment: str, outcome: str = "left", **fields: Any) -> Any:
    return client.post(url("comparisons"), {"assignment": assignment, "outcome": outcome, **fields})


def test_an_assignment_shows_two_pictures_and_nothing_of_where_they_come_from(
    project: Project, images: list[Image], client: APIClient
) -> None:
    Image.objects.update(model="secret-model", metadata={"seed": 1})
    answer = client.post(url("assignments", project_id=project.id), {"count": 2})
    shown = answer.json()
    assert len(shown["results"]) == 2
    first = shown["results"][0]
    assert set(first) == {
        "id",
        "criterion",
        "question",
        "prompt",
        "screen",
        "left",
        "right",
        "images",
        "expires_at",
        "replaces",
        "reference",
    }
    assert (first["screen"], first["images"]) == ("pair", None)
    assert set(first["left"]) == {"id", "image", "width", "height"}
    assert first["left"]["image"].endswith(f"/images/{first['left']['id']}/")
    assert (first["criterion"], first["question"]) == ("better", "Which image is better?")
    for secret in [image.name for image in images] + ["secret-model", "seed"]:
        assert secret not in answer.content.decode()


def test_the_pictures_of_an_assignment_are_served_to_its_project_and_to_nobody_else(
    project: Project, images: list[Image], client: APIClient, dave: User
) -> None:
    """A7: with a token too, since scripts compare as well."""
    where = assignments(client, project)["results"][0]["left"]["image"]
    assert client.get(where, HTTP_ACCEPT="image/webp")["Content-Type"] == "image/webp"
    assert as_user(dave).get(where).status_code == 404
    assert APIClient().get(where).status_code == 302
    unknown = APIClient().get(where, HTTP_AUTHORIZATION="Token 0123")
    assert (unknown.status_code, "WWW-Authenticate" in unknown) == (401, True)


def test_open_assignments_are_returned_again_before_new_ones(
    project: Project, images: list[Image], client: APIClient
) -> None:
    first = assignments(client, project)["results"]
    both = assignments(client, project, count=2)["results"]
    assert both[0]["id"] == first[0]["id"]
    assert Assignment.objects.count() == 2


def test_with_nothing_to_compare_there_is_a_reason(project: Project, client: APIClient) -> None:
    assert assignments(client, project) == {
        "results": [],
        "reason": "There is no pair left for you in this project. Thank you!",
    }
    Project.objects.update(state="paused")
    assert "paused" in assignments(client, project)["reason"]


@pytest.mark.parametrize(
    "body", [{"count": 0}, {"count": 6}, {"count": "many"}, {"count": [1]}, {"criterion": "x"}]
)
def test_a_bad_wish_is_refused_by_its_field(project: Project, client: APIClient, body: Any) -> None:
    answer = client.post(url("assignments", project_id=project.id), body)
    assert (answer.status_code, list(answer.json())) == (400, list(body))


def test_a_comparison_sent_again_is_the_same_comparison(
    project: Project, images: list[Image], client: APIClient
) -> None:
    lease = first_of(client, project)
    made = vote(client, lease, duration_ms=900, reason="sharper", strength=2)
    again = vote(client, lease, duration_ms=901)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    assert made.json()["outcome"] == "left"
    assert (made.json()["duration_ms"], made.json()["reason"]) == (900, "sharper")
    assert Comparison.objects.count() == 1
    assert vote(client, lease, "right").status_code == 409


def test_an_expired_assignment_is_gone_and_an_unknown_one_was_never_there(
    project: Project, images: list[Image], client: APIClient, carol: User
) -> None:
    lease = first_of(client, project)
    assert vote(client, str(uuid4())).status_code == 404
    assert vote(as_user(carol), lease).status_code == 404
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert vote(client, lease).status_code == 410
    assert not Comparison.objects.exists()


def test_a_closed_project_takes_no_comparison(
    project: Project, images: list[Image], client: APIClient
) -> None:
    lease = first_of(client, project)
    Project.objects.update(state="closed")
    assert vote(client, lease).status_code == 409


def test_a_tie_is_refused_where_there_are_none(
    project: Project, images: list[Image], client: APIClient
) -> None:
    Project.objects.update(allow_tie=False)
    answer = vote(client, first_of(client, project), "tie")
    assert (answer.status_code, list(answer.json())) == (400, ["outcome"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("assignment", "7"),
        ("assignment", None),
        ("assignment", []),
        ("assignment", -1),
        ("outcome", "best"),
        ("outcome", ["left"]),
        ("outcome", {}),
        ("duration_ms", -1),
        ("duration_ms", 2**31),
        ("duration_ms", 10**400),
        ("duration_ms", "x"),
        ("strength", 4),
        ("reason", "x" * 1001),
        ("reason", []),
        ("cause", "broken"),
        ("cause", "tired"),
        ("tags", ["feet"]),
        ("tags", "hands"),
        ("tags", ["hands", "hands"]),
        ("tags", ["hands"] * 10),
        ("waited_ms", -1),
        ("waited_ms", 7 * 24 * 3600 * 1000 + 1),
    ],
)
def test_a_bad_comparison_is_refused_by_its_field(
    project: Project, images: list[Image], client: APIClient, field: str, value: Any
) -> None:
    Project.objects.update(tags=["hands"])
    body = {"assignment": first_of(client, project), "outcome": "left", field: value}
    answer = client.post(url("comparisons"), body)
    told = {name.partition(".")[0] for name in answer.json()}
    assert (answer.status_code, told) == (400, {field})
    assert not Comparison.objects.exists()


def test_undo_gives_the_pair_back_and_is_the_same_again(
    project: Project, images: list[Image], client: APIClient
) -> None:
    before = assignments(client, project)["results"][0]
    made = vote(client, before["id"]).json()
    undo = url("comparison", comparison_id=made["id"])
    assert client.delete(undo).status_code == client.delete(undo).status_code == 204
    again = assignments(client, project)["results"][0]
    assert again["id"] != before["id"]
    assert (again["left"], again["right"]) == (before["left"], before["right"])
    assert (before["replaces"], again["replaces"]) == (None, before["id"])
    last = vote(client, again["id"], "right")
    assert last.status_code == 201
    assert client.delete(url("comparison", comparison_id=uuid4())).status_code == 404
    Project.objects.update(undo_steps=0)
    refused = client.delete(url("comparison", comparison_id=last.json()["id"]))
    assert refused.status_code == 409
    assert client.delete(undo).status_code == 204, "it is done already"


def test_causes_and_tags_are_in_the_answer_the_history_and_the_log(
    project: Project, images: list[Image], client: APIClient, rita: User
) -> None:
    Project.objects.update(tags=["hands", "text"])
    made = vote(client, first_of(client, project), "skip", cause="broken", tags=["text"]).json()
    history = client.get(url("history", project_id=project.id)).json()["results"]
    log = as_user(rita).get(url("log", project_id=project.id)).json()["results"]
    for line in (made, *history, *log):
        assert (line["cause"], line["tags"]) == ("broken", ["text"])


def test_a_late_answer_says_how_long_it_has_waited(
    project: Project, images: list[Image], client: APIClient
) -> None:
    lease = first_of(client, project)
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert vote(client, lease, waited_ms=0).status_code == 410
    assert vote(client, lease, waited_ms=60_000).status_code == 201


def test_a_hidden_prompt_is_told_to_reviewers_only(
    project: Project, images: list[Image], client: APIClient, rita: User
) -> None:
    prompt = project.prompts.create(text="a cat")
    Image.objects.update(prompt=prompt)

    def seen() -> list[str]:
        log = as_user(rita).get(url("log", project_id=project.id)).json()["results"]
        history = client.get(url("history", project_id=project.id)).json()["results"]
        shown = assignments(client, project)["results"]
        return [rows[0]["prompt"] for rows in (shown, history, log)]

    vote(client, first_of(client, project))
    assert seen() == ["a cat"] * 3
    Project.objects.update(show_prompt=False)
    assert seen() == ["", "", "a cat"]


def test_a_history_is_ones_own_latest_first_without_what_was_undone(
    project: Project, images: list[Image], client: APIClient, carol: User
) -> None:
    vote(as_user(carol), first_of(as_user(carol), project))
    made = [vote(client, first_of(client, project)).json()["id"] for _ in range(3)]
    client.delete(url("comparison", comparison_id=made[1]))
    history = client.get(url("history", project_id=project.id)).json()["results"]
    assert [line["id"] for line in history] == [made[2], made[0]]
    assert set(history[0]["left"]) == {"id", "image", "width", "height"}
    assert history[0]["question"] == project.criteria.get().question


def test_the_log_is_read_in_its_order_and_by_its_filters(
    project: Project, images: list[Image], client: APIClient, carol: User, bob: User, rita: User
) -> None:
    made = [vote(client, first_of(client, project)).json() for _ in range(3)]
    made.append(vote(as_user(carol), first_of(as_user(carol), project), "tie").json())
    client.delete(url("comparison", comparison_id=made[0]["id"]))
    ids = [comparison["id"] for comparison in made]
    reviewer, where = as_user(rita), url("log", project_id=project.id)

    def found(**parameters: Any) -> list[str]:
        return [line["id"] for line in reviewer.get(where, parameters).json()["results"]]

    assert found() == ids
    assert found(retracted="true") == ids[:1]
    assert found(retracted="false") == ids[1:]
    assert found(annotator=str(carol.id)) == found(annotator="carol") == ids[3:]
    assert found(criterion="better", since=made[2]["created_at"]) == ids[2:]
    line = reviewer.get(where).json()["results"][0]
    assert (line["username"], line["annotator"]) == ("bob", str(bob.id))
    assert line["left_name"].endswith(".png")
    assert line["shown_at"] <= line["created_at"] <= line["retracted_at"]


@pytest.mark.parametrize(
    "parameter",
    [
        {"criterion": "nonsense"},
        {"since": "yesterday"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"retracted": "perhaps"},
        {"page_size": "0"},
        {"page_size": "many"},
        {"cursor": "abc"},
    ],
)
def test_a_bad_filter_is_refused_by_its_name(
    project: Project, rita: User, parameter: dict[str, str]
) -> None:
    answer = as_user(rita).get(url("log", project_id=project.id), parameter)
    assert (answer.status_code, list(answer.json())) == (400, list(parameter))


def test_a_comparison_takes_few_statements(
    project: Project, images: list[Image], client: APIClient
) -> None:
    """The token, the assignment's lock, the comparison, the assignment, the project's revision."""
    lease = first_of(client, project)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert vote(client, lease).status_code == 201
    statements = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    assert len(statements) <= 5, statements


def test_a_form_is_not_taken_for_an_empty_body(
    project: Project, images: list[Image], bob: User
) -> None:
    browser = in_browser_of(bob)
    browser.cookies["csrftoken"] = token = "a" * 32
    where = url("assignments", project_id=project.id)
    answer = browser.post(where, {"count": 1}, format="multipart", HTTP_X_CSRFTOKEN=token)
    assert answer.status_code == 415
