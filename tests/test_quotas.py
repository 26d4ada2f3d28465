"""How much one manager may have: projects, and disk."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Sum
from django.urls import reverse

from annotation.errors import Conflict
from annotation.imports.jobs import import_now, request_import, run_import
from annotation.models import Image, Import, Membership, Project, Role, User
from annotation.services import quotas
from annotation.services.images import add_image, delete_image, upload_image
from annotation.services.members import remove_member
from annotation.services.projects import create_project, delete_project
from tests.api import as_user, url
from tests.conftest import picture
from tests.pages import logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folders(settings: Any, tmp_path: Path) -> None:
    settings.UPLOAD_DIR, settings.IMPORT_DIR = tmp_path / "uploads", tmp_path / "imports"


def archive(count: int, begin: int = 0) -> SimpleUploadedFile:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for n in range(begin, begin + count):
            file.writestr(f"{n}.png", picture(3 * n))
    return SimpleUploadedFile("pictures.zip", content.getvalue())


def kept(project: Project) -> int:
    """What is counted, which is what is there."""
    project.refresh_from_db()
    copied = Image.objects.filter(project=project, folder=None)
    assert project.kept_bytes == (copied.aggregate(sum=Sum("bytes"))["sum"] or 0)
    return project.kept_bytes


def test_nobody_makes_more_projects_than_one_may(alice: User, settings: Any) -> None:
    settings.MANAGER_PROJECTS = 2
    first, _ = (create_project(alice, name=f"Round {n}") for n in range(2))
    answer = as_user(alice).post(url("projects"), {"name": "Round 3"})
    assert answer.status_code == 409
    assert "MANAGER_PROJECTS" in answer.json()["detail"]
    form = {"name": "Round 3", "criteria-TOTAL_FORMS": 0, "criteria-INITIAL_FORMS": 0}
    logged_in(alice).post(reverse("new_project"), form)
    assert Project.objects.count() == 2
    delete_project(first.id)
    assert as_user(alice).post(url("projects"), {"name": "Round 3"}).status_code == 201


def test_who_leaves_a_project_still_has_made_it_and_who_joins_has_not(
    alice: User, bob: User, settings: Any
) -> None:
    settings.MANAGER_PROJECTS = 1
    made = create_project(alice, name="Round 1")
    Membership.objects.create(project=made, user=bob, role=Role.MANAGER)
    remove_member(made, alice.pk)
    with pytest.raises(Conflict):
        create_project(alice, name="Round 2")
    create_project(bob, name="Round 2")


def test_superusers_and_a_quota_of_0_have_no_limit(alice: User, settings: Any) -> None:
    settings.MANAGER_PROJECTS, settings.MANAGER_DISK_GB = 1, 1
    alice.is_superuser = True
    alice.save()
    projects = [create_project(alice, name=f"Round {n}") for n in range(3)]
    quotas.refuse_beyond_disk(projects[0], 2**40)
    settings.MANAGER_PROJECTS, settings.MANAGER_DISK_GB = 0, 0
    alice.is_superuser = False
    alice.save()
    project = create_project(alice, name="Round 4")
    quotas.refuse_beyond_disk(project, 2**40)


def test_what_is_kept_is_counted_as_it_comes_and_goes(
    project: Project, alice: User, tmp_path: Path, settings: Any
) -> None:
    first = add_image(project, picture(1), name="1.png")
    upload_image(project, picture(2), name="2.png")
    assert not upload_image(project, picture(2), name="2.png")[1]
    before = kept(project)
    assert before > 0
    run_import(request_import(project, alice, "zip", {}, {"file": archive(3, 5)}).id)
    assert kept(project) > before
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "9.png").write_bytes(picture(9))
    before = kept(project)
    assert import_now(project, "folder", {"path": str(folder)}).added == 1
    assert kept(project) == before, "what lies on the server is not kept by us"
    delete_image(first)
    assert kept(project) == before - first.bytes


def test_a_full_quota_refuses_uploads_and_leaves_no_file(
    project: Project, alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_image(project, picture(1), name="1.png")
    monkeypatch.setattr(quotas, "GIGABYTE", kept(project) + 10)
    settings.MANAGER_DISK_GB = 1
    upload = SimpleUploadedFile("2.png", picture(2), "image/png")
    answer = as_user(alice).post(
        url("images", project_id=project.id), {"file": upload}, format="multipart"
    )
    assert answer.status_code == 409
    assert "MANAGER_DISK_GB" in answer.json()["detail"]
    logged_in(alice).post(
        reverse("upload_images", args=[project.id]),
        {"files": SimpleUploadedFile("3.png", picture(3), "image/png")},
    )
    assert project.images.count() == 1
    assert len([*settings.UPLOAD_DIR.rglob("*.png")]) == 1


def test_a_second_project_has_no_disk_of_its_own(
    project: Project, alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_image(project, picture(1), name="1.png")
    monkeypatch.setattr(quotas, "GIGABYTE", kept(project) + 10)
    settings.MANAGER_DISK_GB = 1
    other = create_project(alice, name="Round 2")
    with pytest.raises(Conflict):
        upload_image(other, picture(1), name="1.png")
    delete_project(project.id)
    with pytest.raises(Conflict):
        upload_image(other, picture(1), name="1.png")


def test_an_import_stops_at_the_quota_and_says_so(
    project: Project, alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotation.imports.engine.BATCH", 2)
    settings.MANAGER_DISK_GB = 1
    job = request_import(project, alice, "zip", {}, {"file": archive(9)})
    waiting = archive(9).size or 0
    monkeypatch.setattr(quotas, "GIGABYTE", waiting + len(picture(0)) + 1)
    with pytest.raises(Conflict):
        request_import(project, alice, "zip", {}, {"file": archive(9, 9)})
    assert not [*settings.IMPORT_DIR.glob(f"[!{str(job.id)[0]}]*")]
    run_import(job.id)
    job.refresh_from_db()
    assert job.status == Import.Status.FAILED
    assert "MANAGER_DISK_GB" in job.error
    assert job.added == 2
    assert kept(project) > 0
    assert len([*settings.UPLOAD_DIR.rglob("*.png")]) == 2, "no file that is not counted"


def test_an_operators_command_has_no_quota(
    project: Project, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "GIGABYTE", 1)
    settings.MANAGER_DISK_GB = 1
    path = tmp_path / "pictures.zip"
    path.write_bytes(archive(3).read())
    assert import_now(project, "zip", {"path": str(path)}).added == 3
    assert kept(project) > 1


def test_exports_count_too(
    project: Project, alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rating.models import Export

    client, where = as_user(alice), url("exports", project_id=project.id)
    monkeypatch.setattr(quotas, "GIGABYTE", 1000)
    settings.MANAGER_DISK_GB = 1
    assert client.post(where, {"format": "comparisons"}).status_code in (201, 202)
    Export.objects.update(bytes=1001)
    assert client.post(where, {"format": "comparisons"}).status_code == 409
