"""Ratings, runs, progress and people, over the API: what reviewers and managers see."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from annotation.models import Image, Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.projects import update_project
from rating.models import Rating, RatingRun
from rating.services import recompute
from tests.api import as_user, url
from tests.conftest import membership

pytestmark = pytest.mark.django_db


def vote(project: Project, user: User, count: int = 1, outcome: Outcome = Outcome.LEFT) -> None:
    for _ in range(count):
        lease = open_assignments(membership(project, user)).assignments[0]
        record_comparison(user, lease.id, outcome)


def test_before_the_first_run_there_are_no_ratings(
    project: Project, images: list[Image], rita: User
) -> None:
    answer = as_user(rita).get(url("ratings", project_id=project.id))
    assert answer.status_code == 200
    assert answer.json() == {
        "next": None,
        "previous": None,
        "run": None,
        "criterion": "better",
        "results": [],
    }


def test_ratings_come_with_their_run_the_best_first(
    project: Project, images: list[Image], bob: User, rita: User
) -> None:
    vote(project, bob, 3)
    vote(project, bob, 1, Outcome.TIE)
    run = recompute(project.id)
    assert run is not None
    shown = as_user(rita).get(url("ratings", project_id=project.id)).json()
    assert {"id", "method", "comparisons", "fingerprint", "finished_at", "stale"} <= set(
        shown["run"]
    )
    assert (shown["run"]["id"], shown["run"]["comparisons"]) == (str(run.id), 4)
    assert shown["run"]["stale"] is False
    assert set(shown["results"][0]) == {
        "image",
        "name",
        "prompt",
        "rank",
        "rank_low",
        "group",
        "rank_high",
        "mu",
        "sigma",
        "score",
        "comparisons",
        "wins",
        "losses",
        "ties",
    }
    ranks = [row["rank"] for row in shown["results"]]
    assert ranks == sorted(ranks)
    assert {row["image"] for row in shown["results"]} == {str(image.id) for image in images}
    assert sum(row["wins"] for row in shown["results"]) == 3
    assert sum(row["ties"] for row in shown["results"]) == 2


def test_a_run_is_stale_as_soon_as_the_log_goes_further(
    project: Project, images: list[Image], bob: User, rita: User
) -> None:
    recompute(project.id)
    vote(project, bob)
    where = url("ratings", project_id=project.id)
    assert as_user(rita).get(where).json()["run"]["stale"] is True
    recompute(project.id)
    assert as_user(rita).get(where).json()["run"]["stale"] is False


def test_pages_stay_with_their_run_whatever_is_computed_meanwhile(
    project: Project, add_images: Callable[..., list[Image]], bob: User, rita: User
) -> None:
    for prompt in ("", "a cat", "a dog"):
        add_images(2, prompt=prompt)
    vote(project, bob)
    first_run = recompute(project.id)
    assert first_run is not None
    client = as_user(rita)
    page = client.get(url("ratings", project_id=project.id), {"page_size": 4}).json()
    vote(project, bob, 2)
    second_run = recompute(project.id)
    assert second_run is not None
    assert second_run.id != first_run.id
    rest = client.get(page["next"]).json()
    assert rest["run"]["id"] == page["run"]["id"] == str(first_run.id)
    assert rest["run"]["stale"] is True
    rows = page["results"] + rest["results"]
    assert len({row["image"] for row in rows}) == 6
    prompts = [row["prompt"] for row in rows]
    assert len(set(prompts)) == 3
    assert all(prompts[at] == prompts[at + 1] for at in (0, 2, 4))
    assert client.get(rest["previous"]).json()["results"] == page["results"]


def test_ratings_are_of_one_criterion_and_of_one_prompt_if_asked(
    project: Project, add_images: Callable[..., list[Image]], rita: User
) -> None:
    add_images(2)
    cats = add_images(3, prompt="a cat")
    update_project(project.id, criteria=[{"key": "better"}, {"key": "sharper"}])
    recompute(project.id)
    client, where = as_user(rita), url("ratings", project_id=project.id)
    found = client.get(where, {"criterion": "sharper", "prompt": "a cat"}).json()
    assert found["criterion"] == "sharper"
    assert {row["image"] for row in found["results"]} == {str(image.id) for image in cats}
    assert len(client.get(where).json()["results"]) == 5


@pytest.mark.parametrize(
    "parameter",
    [
        {"criterion": "x"},
        {"prompt": "a horse"},
        {"prompt": "\0"},
        {"run": "latest"},
        {"page_size": "-1"},
    ],
)
def test_a_bad_question_is_refused_by_its_parameter(
    project: Project, rita: User, parameter: dict[str, str]
) -> None:
    answer = as_user(rita).get(url("ratings", project_id=project.id), parameter)
    assert (answer.status_code, list(answer.json())) == (400, list(parameter))


def test_an_unknown_run_is_404_and_one_whose_ratings_are_gone_410(
    project: Project, images: list[Image], bob: User, rita: User
) -> None:
    client, where = as_user(rita), url("ratings", project_id=project.id)
    assert client.get(where, {"run": str(uuid4())}).status_code == 404
    vote(project, bob)
    run = recompute(project.id)
    assert run is not None
    assert client.get(where, {"run": str(run.id)}).status_code == 200
    Rating.objects.all().delete()
    assert client.get(where, {"run": str(run.id)}).status_code == 410


def test_a_recompute_is_asked_for_and_not_waited_for(
    project: Project,
    images: list[Image],
    alice: User,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = recompute(project.id)
    assert run is not None
    woken: list[Any] = []
    monkeypatch.setattr("rating.receivers.wake_up", woken.append)
    client = as_user(alice)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(url("recompute", project_id=project.id))
    assert answer.status_code == 202
    assert answer.json()["revision"] == run.revision + 1
    assert woken == [project.id]
    runs = client.get(url("runs", project_id=project.id)).json()["results"]
    assert [line["stale"] for line in runs] == [True]
    recompute(project.id)
    runs = client.get(url("runs", project_id=project.id)).json()["results"]
    assert [line["stale"] for line in runs] == [False]
    assert RatingRun.objects.count() == 1


def test_runs_are_listed_the_latest_first(
    project: Project, images: list[Image], bob: User, alice: User
) -> None:
    made = []
    for _ in range(3):
        vote(project, bob)
        run = recompute(project.id)
        assert run is not None
        made.append(str(run.id))
    client = as_user(alice)
    page = client.get(url("runs", project_id=project.id), {"page_size": 2}).json()
    rest = client.get(page["next"]).json()
    assert [run["id"] for run in page["results"] + rest["results"]] == made[::-1]
    assert [run["stale"] for run in page["results"] + rest["results"]] == [False, True, True]


def test_progress_says_how_far_the_project_is(
    project: Project, images: list[Image], bob: User, rita: User
) -> None:
    vote(project, bob, 2)
    vote(project, bob, 1, Outcome.SKIP)
    progress = as_user(rita).get(url("progress", project_id=project.id)).json()
    assert (progress["images"], progress["possible_pairs"], progress["wanted"]) == (4, 6, 6)
    assert (progress["judged"], progress["share"]) == (2, pytest.approx(1 / 3))
    assert progress["outcomes"] == {
        "left": 2,
        "right": 0,
        "tie": 0,
        "both_bad": 0,
        "skip": 1,
        "ordered": 0,
    }
    assert [day["comparisons"] for day in progress["days"]] == [2]


def test_annotators_are_listed_by_name_in_pages(
    project: Project, images: list[Image], bob: User, rita: User
) -> None:
    vote(project, bob, 2)
    client = as_user(rita)
    where = url("annotators", project_id=project.id)
    page = client.get(where, {"page_size": 3}).json()
    rest = client.get(page["next"]).json()
    assert [row["username"] for row in page["results"] + rest["results"]] == [
        "alice",
        "bob",
        "carol",
        "rita",
    ]
    assert client.get(rest["previous"]).json()["results"] == page["results"]
    counted = {row["username"]: row["comparisons"] for row in page["results"]}
    assert counted == {"alice": 0, "bob": 2, "carol": 0}
