"""Pushing an export to the operator's hub, against a stand-in of its endpoint."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from annotation.errors import Conflict
from annotation.models import Image, Outcome, Project, User
from rating.exports import hub as hub_of_exports
from rating.exports.hub import request_push, run_push, unfinished_pushes
from rating.exports.jobs import file_name, path_of
from rating.models import Export, HubPush
from tests.api import as_user, url
from tests.exporting import export, on_disk, vote
from tests.hub import TOKEN, Hub, running_hub

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub(settings: Any) -> Iterator[Hub]:
    with running_hub() as hub:
        settings.HUB_ENABLED, settings.HUB_ENDPOINT, settings.HUB_TOKEN = True, hub.url, TOKEN
        settings.HUB_NAMESPACES = []
        yield hub


@pytest.fixture
def judged(project: Project, add_images: Callable[..., list[Image]], bob: User) -> Project:
    for number in range(3):
        left, right = add_images(2, prompt=f"a cat, number {number}")
        vote(project, bob, left, right, Outcome.LEFT)
    return project


def pushed(made: Export, user: User, repository: str = "our-team/cats") -> HubPush:
    push = request_push(made, user, repository, private=True)
    run_push(push.id)
    push.refresh_from_db()
    return push


def test_a_file_is_pushed_with_its_card_in_one_commit(
    judged: Project, alice: User, hub: Hub
) -> None:
    made = export(judged, alice, "pairs")
    push = pushed(made, alice)
    assert (push.status, push.error) == ("done", "")
    assert push.url == f"{hub.url}/datasets/our-team/cats"
    files = hub.files["our-team/cats"]
    assert files == {
        "README.md": made.card.encode(),
        file_name(made): path_of(made).read_bytes(),
    }
    assert hub.repositories["our-team/cats"]["visibility"] == "private"
    assert hub.repositories["our-team/cats"]["type"] == "dataset"
    assert hub.commits == 1
    assert hub.tokens == {f"Bearer {TOKEN}"}


def test_an_archive_is_pushed_as_the_files_in_it_large_ones_by_lfs(
    judged: Project, alice: User, hub: Hub, tmp_path: Path
) -> None:
    hub.large = 1500
    made = export(judged, alice, "hf_parquet", file="zip")
    assert pushed(made, alice).status == "done"
    folder = on_disk(made, tmp_path / "unpacked")
    expected = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert hub.files["our-team/cats"] == expected
    assert set(expected) == {"README.md", "data/train-00000-of-00001.parquet"}
    assert len(hub.objects) >= 1, "by LFS"


def test_pushing_again_adds_a_commit_to_the_same_repository(
    judged: Project, alice: User, hub: Hub
) -> None:
    made = export(judged, alice, "pairs")
    assert [pushed(made, alice).status for _ in range(2)] == ["done", "done"]
    assert hub.commits == 2


def test_what_the_hub_refuses_is_told_in_words_without_the_token(
    judged: Project, alice: User, hub: Hub
) -> None:
    hub.forbidden = {"others"}
    push = pushed(export(judged, alice, "pairs"), alice, "others/cats")
    assert push.status == "failed"
    assert "does not let this installation write to “others/cats”" in push.error
    assert TOKEN not in push.error
    assert not hub.files


def test_a_push_is_done_once_however_often_its_task_comes(
    judged: Project, alice: User, hub: Hub
) -> None:
    push = request_push(export(judged, alice, "pairs"), alice, "our-team/cats", private=False)
    assert unfinished_pushes() == [push.id]
    for _ in range(3):
        run_push(push.id)
    assert hub.commits == 1
    assert unfinished_pushes() == []


def test_a_manager_pushes_over_the_api_and_sees_how_it_went(
    judged: Project, alice: User, hub: Hub
) -> None:
    client, made = as_user(alice), export(judged, alice, "rankings")
    where = url("export-push", export_id=made.id)
    answer = client.post(where, {"repository": "our-team/cats"})
    assert answer.status_code == 202
    assert answer.json() | {"id": "", "created_at": ""} == {
        "id": "",
        "repository": "our-team/cats",
        "private": True,
        "status": "queued",
        "error": "",
        "url": "",
        "commit": "",
        "created_at": "",
        "finished_at": None,
    }
    run_push(answer.json()["id"])
    (shown,) = client.get(where).json()["results"]
    assert (shown["status"], shown["url"]) == ("done", f"{hub.url}/datasets/our-team/cats")
    assert len(shown["commit"]) == 40


@pytest.mark.parametrize(
    "repository",
    [
        "",
        "cats",
        "a/b/c",
        "../etc",
        "a/..",
        "https://evil.example/a",
        "a b/c",
        "a--b/c",
        7,
    ],
)
def test_a_repository_that_is_none_is_refused(
    judged: Project, alice: User, hub: Hub, repository: Any
) -> None:
    made = export(judged, alice, "pairs")
    answer = as_user(alice).post(url("export-push", export_id=made.id), {"repository": repository})
    assert (answer.status_code, list(answer.json())) == (400, ["repository"])
    assert not HubPush.objects.exists()


def test_only_namespaces_that_the_operator_allows_are_pushed_to(
    judged: Project, alice: User, hub: Hub, settings: Any
) -> None:
    settings.HUB_NAMESPACES = ["our-team"]
    where = url("export-push", export_id=export(judged, alice, "pairs").id)
    refused = as_user(alice).post(where, {"repository": "others/cats"})
    assert refused.status_code == 400
    assert "our-team only" in refused.json()["repository"][0]
    assert as_user(alice).post(where, {"repository": "our-team/cats"}).status_code == 202


def test_without_the_operators_switch_nothing_is_pushed(
    judged: Project, alice: User, hub: Hub, settings: Any
) -> None:
    made = export(judged, alice, "pairs")
    queued = request_push(made, alice, "our-team/cats", private=True)
    settings.HUB_ENABLED = False
    with pytest.raises(Conflict, match="HUB_ENABLED"):
        request_push(made, alice, "our-team/cats", private=True)
    run_push(queued.id)
    queued.refresh_from_db()
    assert (queued.status, queued.error) == ("failed", hub_of_exports.OFF)
    assert not hub.repositories


def test_an_unfinished_export_is_not_pushed(judged: Project, alice: User, hub: Hub) -> None:
    made = export(judged, alice, "pairs")
    Export.objects.update(status="running")
    where = url("export-push", export_id=made.id)
    assert as_user(alice).post(where, {"repository": "our-team/cats"}).status_code == 409
