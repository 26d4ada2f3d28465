"""Imports by the API: asked for, watched, and done by a worker that is told of it."""

from pathlib import Path
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F

from annotation import tasks
from annotation.imports.jobs import run_import
from annotation.models import Import, Project, User
from config.celery import app
from tests.api import as_user, url
from tests.conftest import picture
from tests.test_imports_sources import zipped
from tests.waiting import eventually

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    (tmp_path / "a.png").write_bytes(picture(1))
    (tmp_path / "b.png").write_bytes(picture(2))
    for n in range(25):
        (tmp_path / f"no-{n:02}.png").write_text("no picture")
    settings.IMAGE_ROOTS = [tmp_path]
    return tmp_path


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    told: list[Any] = []
    monkeypatch.setattr("annotation.imports.jobs.post", lambda *message: told.append(message))
    return told


def test_an_import_is_asked_for_done_by_a_worker_and_watched(
    project: Project,
    alice: User,
    folder: Path,
    told: list[Any],
    django_capture_on_commit_callbacks,
) -> None:
    client = as_user(alice)
    with django_capture_on_commit_callbacks(execute=True):
        asked = client.post(
            url("imports", project_id=project.id), {"source": "folder", "path": str(folder)}
        )
    assert asked.status_code == 202
    made = asked.json()
    assert (made["status"], made["options"]) == ("queued", {"path": str(folder)})
    ((task, about),) = told
    assert (task, str(about)) == (tasks.run_import.name, made["id"])
    tasks.run_import(made["id"])
    job = client.get(url("import", import_id=made["id"])).json()
    assert (job["status"], job["total"]) == ("done", 27)
    assert (job["added"], job["known"], job["refused"]) == (2, 0, 25)
    assert len(job["refusals"]) == 20
    assert job["refusals"][0]["place"] == "no-00.png"
    page = client.get(url("import-refusals", import_id=made["id"]), {"page_size": 15}).json()
    rest = client.get(page["next"]).json()
    places = [row["place"] for row in page["results"] + rest["results"]]
    assert places == [f"no-{n:02}.png" for n in range(25)]
    listed = client.get(url("imports", project_id=project.id)).json()["results"]
    assert [row["id"] for row in listed] == [made["id"]]
    assert "refusals" not in listed[0]


def test_an_archive_is_uploaded_as_a_form(project: Project, alice: User) -> None:
    where = url("imports", project_id=project.id)
    file = SimpleUploadedFile("p.zip", zipped(("a.png", picture(1))))
    made = as_user(alice).post(where, {"source": "zip", "file": file}, format="multipart")
    assert made.status_code == 202
    assert "read_prompts" not in made.json()["options"]
    run_import(made.json()["id"])
    assert project.images.get().name == "a.png"


@pytest.mark.parametrize(
    ("body", "field", "complaint"),
    [
        ({}, "source", "required"),
        ({"source": "url", "path": "http://example.org"}, "source", "not a valid choice"),
        ({"source": "folder"}, "path", "Say in “path”"),
        ({"source": "folder", "path": "/etc"}, "path", "is not inside the folders"),
        ({"source": "folder", "path": "/etc/\0"}, "detail", "NUL"),
        ({"source": "folder", "path": "{folder}/none"}, "path", "There is no folder"),
        ({"source": "folder", "path": "{folder}", "bucket": "b"}, "bucket", "is no option"),
        ({"source": "zip", "path": "{folder}/a.png"}, "file", "not a usable zip"),
        ({"source": "manifest", "path": "{folder}/a.png"}, "path", "ends in .csv"),
        ({"source": "s3", "bucket": "b"}, "bucket", "not among those"),
        ({"source": "zip", "file": "text"}, "file", "not a file"),
    ],
)
def test_what_cannot_be_imported_is_refused_at_once(
    project: Project, alice: User, folder: Path, body: dict, field: str, complaint: str
) -> None:
    body = {key: value.replace("{folder}", str(folder)) for key, value in body.items()}
    refused = as_user(alice).post(url("imports", project_id=project.id), body)
    assert refused.status_code == 400
    assert complaint in refused.json()[field][0]
    assert not Import.objects.exists()


def test_an_upload_that_is_too_large_is_refused(project: Project, alice: User, settings) -> None:
    settings.MAX_IMPORT_UPLOAD_BYTES = 10
    file = SimpleUploadedFile("p.zip", zipped(("a.png", picture(1))))
    where = url("imports", project_id=project.id)
    refused = as_user(alice).post(where, {"source": "zip", "file": file}, format="multipart")
    assert refused.status_code == 400
    assert "larger than" in refused.json()["file"][0]


def test_the_sweep_finds_what_a_lost_message_or_worker_left_behind(
    project: Project, alice: User, folder: Path, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"source": "folder", "path": str(folder)}
    where = url("imports", project_id=project.id)
    ids = [as_user(alice).post(where, body).json()["id"] for _ in range(3)]
    Import.objects.filter(id=ids[1]).update(status="done")
    Import.objects.filter(id=ids[2]).update(status="running", heartbeat_at=F("created_at"))
    sent: list[str] = []
    monkeypatch.setattr(tasks.run_import, "apply_async", lambda args, **options: sent.extend(args))
    tasks.sweep_imports()
    assert sent == [ids[0]], "the running one may still be alive"


@pytest.mark.django_db(transaction=True)
def test_a_worker_brings_the_pictures_in(
    project: Project, alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the request, over the queue, to the images, with nobody's help."""
    # The ratings have nothing to do with it, and would still be at work when the test is over.
    monkeypatch.setattr("rating.receivers.wake_up", lambda project_id: None)
    app.control.purge()
    client = as_user(alice)
    with start_worker(app, pool="threads", perform_ping_check=False, shutdown_timeout=30):
        body = {"source": "folder", "path": str(folder)}
        made = client.post(url("imports", project_id=project.id), body).json()
        where = url("import", import_id=made["id"])
        eventually(lambda: client.get(where).json()["status"] == "done", 30)
    assert sorted(project.images.values_list("name", flat=True)) == ["a.png", "b.png"]
