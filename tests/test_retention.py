"""What is deleted by itself, after how long, and what is not."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from knox.models import AuthToken

from annotation import images as pictures
from annotation.models import Image, Import, Invitation, Project, Role, User
from annotation.services.images import delete_image
from annotation.services.members import create_invitation
from annotation.services.retention import forget_stale
from annotation.tokens import create_token
from rating.exports import jobs
from rating.exports.jobs import path_of, remove_old_exports, request_export, run_export
from rating.models import Export
from tests.api import as_user, url
from tests.pages import compare_some, logged_in

pytestmark = pytest.mark.django_db

OLD = 30 * 24 * 3600.0


@pytest.fixture(autouse=True)
def _own_folders(settings: Any, tmp_path: Path) -> None:
    for name in ("EXPORT_DIR", "UPLOAD_DIR", "DERIVATIVE_DIR", "IMPORT_DIR"):
        setattr(settings, name, tmp_path / name)


@pytest.fixture
def export(project: Project, images: list[Image], alice: User, bob: User) -> Export:
    compare_some(project, bob)
    export = request_export(project, alice, "rankings", {})
    run_export(export.id)
    export.refresh_from_db()
    assert path_of(export).is_file()
    return export


def age(path: Path, seconds: float = OLD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_a_manager_deletes_an_export_and_its_address_says_so(
    export: Export, project: Project, alice: User, rita: User, bob: User, dave: User
) -> None:
    where = url("export", export_id=export.id)
    for user, status in ((dave, 404), (bob, 403), (rita, 403)):
        assert as_user(user).delete(where).status_code == status
    assert path_of(export).is_file()
    client = as_user(alice)
    assert client.delete(where).status_code == 204
    assert not path_of(export).exists()
    gone = [
        where,
        url("export-download", export_id=export.id),
        url("export-card", export_id=export.id),
    ]
    for address in [*gone, url("export-push", export_id=export.id)]:
        answer = client.get(address)
        assert answer.status_code == 410
        assert "was deleted on" in answer.json()["detail"]
    assert client.get(url("exports", project_id=project.id)).json()["results"] == []
    assert client.delete(where).status_code == 204
    # A stranger learns nothing of it.
    assert as_user(dave).get(where).status_code == 404


def test_the_page_deletes_an_export_too(export: Export, project: Project, alice: User) -> None:
    client = logged_in(alice)
    page = client.post(reverse("delete_export", args=[project.id, export.id]), follow=True)
    assert "The export is deleted." in page.content.decode()
    assert not path_of(export).exists()
    assert str(export.id) not in page.content.decode()


def test_an_export_that_is_deleted_while_it_is_written_leaves_no_file(
    project: Project, images: list[Image], alice: User, bob: User, monkeypatch: Any
) -> None:
    compare_some(project, bob)
    export = request_export(project, alice, "rankings", {})
    written = jobs._write_rows

    def deleted_meanwhile(*args: Any) -> int:
        jobs.remove_export(export)
        return written(*args)

    monkeypatch.setattr(jobs, "_write_rows", deleted_meanwhile)
    run_export(export.id)
    assert not path_of(export).exists()
    # Nor is one begun that was deleted while it waited.
    waiting = request_export(project, alice, "rankings", {})
    jobs.remove_export(waiting)
    assert waiting.id not in jobs.unfinished_exports()
    run_export(waiting.id)
    assert not path_of(waiting).exists()


def test_old_exports_go_by_themselves_and_after_a_year_their_rows(
    export: Export, project: Project, alice: User, settings: Any
) -> None:
    fresh = request_export(project, alice, "rankings", {})
    run_export(fresh.id)
    Export.objects.filter(id=export.id).update(finished_at=timezone.now() - timedelta(days=29))
    assert remove_old_exports() == 0
    Export.objects.filter(id=export.id).update(finished_at=timezone.now() - timedelta(days=31))
    settings.EXPORT_DAYS = 0
    assert remove_old_exports() == 0
    settings.EXPORT_DAYS = 30
    assert remove_old_exports() == 1
    assert (path_of(export).exists(), path_of(fresh).exists()) == (False, True)
    assert as_user(alice).get(url("export", export_id=export.id)).status_code == 410
    Export.objects.filter(id=export.id).update(removed_at=timezone.now() - timedelta(days=366))
    remove_old_exports()
    assert as_user(alice).get(url("export", export_id=export.id)).status_code == 404


def test_what_a_killed_worker_left_beside_the_exports_goes(export: Export, settings: Any) -> None:
    draft = age(settings.EXPORT_DIR / ".draft-x")
    young = age(settings.EXPORT_DIR / ".draft-y", seconds=60)
    age(path_of(export))
    assert remove_old_exports() == 1
    assert (draft.exists(), young.exists(), path_of(export).exists()) == (False, True, True)


def test_uploads_of_imports_stay_while_their_import_waits(project: Project, settings: Any) -> None:
    waits = Import.objects.create(project=project, source="zip")
    ended = Import.objects.create(project=project, source="zip", status=Import.Status.FAILED)
    kept = age(settings.IMPORT_DIR / str(waits.id) / "a.zip")
    left = age(settings.IMPORT_DIR / str(ended.id) / "a.zip")
    forget_stale()
    assert (kept.exists(), left.exists()) == (True, False)
    age(left.parent / "x").unlink()
    os.utime(left.parent, (time.time() - OLD,) * 2)
    forget_stale()
    assert not left.parent.exists()


def test_originals_and_renditions_stay_with_their_image(images: list[Image], settings: Any) -> None:
    for image in images[:2]:
        pictures.derive(image)
    everything = [
        path
        for folder in (settings.UPLOAD_DIR, settings.DERIVATIVE_DIR)
        for path in folder.rglob("*")
        if path.is_file()
    ]
    assert pictures.lock_folder() in {path.parent for path in everything}
    for path in everything:
        age(path)
    of_an_old_recipe = age(settings.DERIVATIVE_DIR / "ab" / f"{images[0].sha256}-0-320.webp")
    forgotten = age(settings.UPLOAD_DIR / "ab" / "nobody.png")
    young = age(settings.UPLOAD_DIR / "ab" / "just-now.png", seconds=3600)
    forget_stale()
    assert all(path.exists() for path in everything)
    assert [path.exists() for path in (of_an_old_recipe, forgotten, young)] == [False, False, True]
    renditions = list(settings.DERIVATIVE_DIR.rglob(f"{images[1].sha256}-*"))
    assert renditions
    delete_image(images[1])
    forget_stale()
    assert not any(path.exists() for path in renditions)
    assert list(settings.DERIVATIVE_DIR.rglob(f"{images[0].sha256}-*"))


def test_ended_sessions_tokens_and_invitations_go_and_live_ones_stay(
    project: Project, alice: User, bob: User
) -> None:
    live, ended = Client(), Client()
    live.force_login(bob)
    ended.force_login(bob)
    past = timezone.now() - timedelta(days=2)
    Session.objects.filter(session_key=ended.session.session_key).update(expire_date=past)
    tokens = [create_token(bob)[0] for _ in range(2)]
    AuthToken.objects.filter(about=tokens[0].id).update(expiry=past)
    AuthToken.objects.filter(about=tokens[1].id).update(expiry=None)
    invitations = [create_invitation(project, alice, Role.ANNOTATOR)[0] for _ in range(3)]
    long_ago = timezone.now() - timedelta(days=91)
    ids = [one.id for one in invitations]
    Invitation.objects.filter(id__in=ids[:2]).update(expires_at=long_ago)
    # Who came by one is told by it for ever.
    Invitation.objects.filter(id=ids[1]).update(accepted_at=long_ago, accepted_by=bob)
    forgotten = forget_stale()
    assert forgotten["sessions"] == 1
    assert live.get(reverse("projects")).status_code == 200
    assert list(AuthToken.objects.filter(user=bob).values_list("about", flat=True)) == [
        tokens[1].id
    ]
    assert set(Invitation.objects.values_list("id", flat=True)) == set(ids[1:])
    assert sum(forget_stale().values()) == 0
