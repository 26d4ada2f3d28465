"""Exports over the API: asked for, watched, and downloaded, in pieces if need be."""

import hashlib
import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from annotation.models import Image, Outcome, Project, User
from rating.exports.jobs import file_name, path_of, request_export, run_export
from rating.models import Export
from rating.services import recompute
from tests.api import as_user, url
from tests.exporting import export, vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(alice: User) -> APIClient:
    return as_user(alice)


@pytest.fixture
def done(project: Project, images: list[Image], alice: User) -> Export:
    export = request_export(project, alice, "rankings", {})
    run_export(export.id)
    export.refresh_from_db()
    assert export.status == "done"
    return export


def download(client: APIClient, export: Export, **headers: str) -> Any:
    return client.get(url("export-download", export_id=export.id), headers=headers)


def test_an_export_is_queued_and_a_worker_told_of_it(
    project: Project,
    client: APIClient,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Any] = []
    monkeypatch.setattr("rating.exports.jobs.wake_up_for_export", told.append)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            url("exports", project_id=project.id),
            {"format": "pairs", "options": {"file": "jsonl", "images": "urls"}},
        )
    assert answer.status_code == 202
    shown = answer.json()
    assert told == [Export.objects.get().id]
    assert (shown["status"], shown["progress"], shown["url"]) == ("queued", 0.0, None)
    assert shown["options"] == {"file": "jsonl", "images": "urls"}
    assert client.get(url("export", export_id=shown["id"])).json() == shown
    assert client.get(url("exports", project_id=project.id)).json()["results"] == [shown]


def test_a_finished_export_says_what_its_file_is(client: APIClient, done: Export) -> None:
    shown = client.get(url("export", export_id=done.id)).json()
    content = client.get(shown["url"]).getvalue()
    assert (shown["status"], shown["progress"], shown["rows"]) == ("done", 1.0, 4)
    assert shown["sha256"] == hashlib.sha256(content).hexdigest()
    assert shown["bytes"] == len(content)
    assert shown["run"] == str(done.run_id)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "format"),
        ({"format": "xlsx"}, "format"),
        ({"format": ["pairs"]}, "format"),
        ({"format": "pairs", "options": []}, "options"),
        ({"format": "pairs", "options": {"file": "xlsx"}}, "options"),
        ({"format": "pairs", "options": {"file": ["jsonl"]}}, "options"),
        ({"format": "pairs", "options": {"images": {}}}, "options"),
        ({"format": "pairs", "options": {"colour": "red"}}, "options"),
    ],
)
def test_a_bad_wish_is_refused_by_its_field(
    project: Project, client: APIClient, body: Any, field: str
) -> None:
    answer = client.post(url("exports", project_id=project.id), body)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Export.objects.exists()


def test_an_unfinished_export_has_no_file_yet(
    project: Project, alice: User, client: APIClient
) -> None:
    export = request_export(project, alice, "rankings", {})
    for status in ("queued", "running", "failed"):
        Export.objects.update(status=status)
        assert download(client, export).status_code == 409


def test_a_file_that_is_gone_from_the_server_is_410(client: APIClient, done: Export) -> None:
    path_of(done).unlink()
    assert download(client, done).status_code == 410


def test_a_download_is_a_file_that_only_its_asker_may_keep(client: APIClient, done: Export) -> None:
    answer = download(client, done, Accept="text/csv")
    assert answer.status_code == 200
    assert answer["ETag"] == f'"{done.sha256}"'
    assert answer["Content-Length"] == str(done.bytes)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="rankings-')
    assert answer["Cache-Control"].startswith("private")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer.getvalue() == path_of(done).read_bytes()
    unchanged = download(client, done, **{"If-None-Match": answer["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-999999999", slice(5, None)),
        ("bytes=-999999999", slice(None)),
    ],
)
def test_a_part_is_sent_if_a_part_is_asked_for(
    client: APIClient, done: Export, wanted: str, part: slice
) -> None:
    whole = path_of(done).read_bytes()
    answer = download(client, done, Range=wanted)
    content = answer.getvalue()
    assert answer.status_code == 206
    assert content == whole[part]
    assert answer["Content-Length"] == str(len(content))
    first = range(len(whole))[part].start
    assert answer["Content-Range"] == f"bytes {first}-{first + len(content) - 1}/{len(whole)}"
    assert answer["ETag"] == f'"{done.sha256}"'


@pytest.mark.parametrize("wanted", ["bytes=999999999-", "bytes=999999999999999999-", "bytes=-0"])
def test_a_part_outside_the_file_is_416(client: APIClient, done: Export, wanted: str) -> None:
    answer = download(client, done, Range=wanted)
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{done.bytes}"


@pytest.mark.parametrize(
    "wanted",
    ["bytes=", "bytes=-", "bytes=5-2", "lines=0-1", "bytes=0-1,4-5", "bytes=a-b", "9" * 5000],
)
def test_what_is_no_single_range_is_ignored(client: APIClient, done: Export, wanted: str) -> None:
    answer = download(client, done, Range=wanted)
    assert answer.status_code == 200
    assert len(answer.getvalue()) == done.bytes


def test_a_download_goes_on_only_with_the_same_file(client: APIClient, done: Export) -> None:
    same = download(client, done, **{"Range": "bytes=5-", "If-Range": f'"{done.sha256}"'})
    assert (same.status_code, len(same.getvalue())) == (206, done.bytes - 5)
    for other in ('"another"', f'W/"{done.sha256}"', "Wed, 21 Oct 2015 07:28:00 GMT"):
        whole = download(client, done, **{"Range": "bytes=5-", "If-Range": other})
        assert (whole.status_code, len(whole.getvalue())) == (200, done.bytes)


# --- Cards and streams --------------------------------------------------------------------------------


def test_a_finished_export_has_a_card(client: APIClient, done: Export) -> None:
    shown = client.get(url("export", export_id=done.id)).json()
    answer = client.get(shown["card"])
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    card = answer.content.decode()
    assert card.startswith("---\npretty_name: ")
    assert f"path: {json.dumps(file_name(done))}" in card
    assert f"| fingerprint | {done.run.fingerprint if done.run else ''} |" in card
    Export.objects.update(status="running")
    assert client.get(shown["card"]).status_code == 409


@pytest.mark.parametrize("file", ["jsonl", "csv"])
@pytest.mark.parametrize("format", ["comparisons", "rankings"])
def test_a_stream_is_what_the_export_would_be(
    project: Project,
    images: list[Image],
    alice: User,
    bob: User,
    client: APIClient,
    format: str,
    file: str,
) -> None:
    for _ in range(3):
        vote(project, bob, images[0], images[1], Outcome.LEFT, reason='a "b", c\n=1')
    made = export(project, alice, format, file=file)
    where = url("export-stream", project_id=project.id)
    answer = client.get(where, {"format": format, "file": file})
    assert answer.streaming
    assert answer.getvalue() == path_of(made).read_bytes()
    assert answer["Content-Disposition"].startswith(f'attachment; filename="{format}-')


@pytest.mark.parametrize("wrong", [{"format": "trl"}, {"file": "zip"}, {"file": "\0"}])
def test_what_cannot_be_streamed_is_refused_by_its_name(
    project: Project, images: list[Image], client: APIClient, wrong: dict[str, str]
) -> None:
    recompute(project.id)
    answer = client.get(url("export-stream", project_id=project.id), wrong)
    assert (answer.status_code, list(answer.json())) == (400, list(wrong))


def test_before_the_first_ratings_there_is_nothing_to_stream(
    project: Project, client: APIClient
) -> None:
    assert client.get(url("export-stream", project_id=project.id)).status_code == 409
