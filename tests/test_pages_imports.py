"""The page of a project's imports: asked for by a form, watched, and what was refused is named."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotation.imports.jobs import run_import
from annotation.models import Comparison, Image, Import, Project, User
from tests.conftest import picture
from tests.pages import logged_in

pytestmark = pytest.mark.django_db


def zipped(**files: bytes) -> SimpleUploadedFile:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"{name}.png", data)
    return SimpleUploadedFile("pictures.zip", content.getvalue())


def listed(user: User, project: Project) -> str:
    return logged_in(user).get(reverse("import_list", args=[project.id])).content.decode()


def test_an_archive_is_uploaded_watched_and_its_refusals_are_named(
    project: Project, alice: User
) -> None:
    client, url = logged_in(alice), reverse("imports", args=[project.id])
    file = zipped(a=picture(1), b=picture(2), broken=b"<b>no picture</b>")
    page = client.post(url, {"source": "zip", "file": file}, follow=True).content.decode()
    assert "The import has begun" in page
    assert 'hx-trigger="every 2s"' in page, "it renews itself"
    (job,) = Import.objects.all()
    run_import(job.id)
    done = listed(alice, project)
    assert "2 added, 1 refused" in " ".join(done.split())
    assert "broken.png" in done
    assert "hx-trigger" not in done, "there is nothing to wait for"
    client.post(url, {"source": "zip", "file": zipped(a=picture(1), b=picture(2))})
    run_import(Import.objects.order_by("created_at").last().id)
    assert "2 there already" in listed(alice, project)


def test_a_folder_that_may_not_be_read_is_refused_beside_its_field(
    project: Project, alice: User, tmp_path: Path, settings: Any
) -> None:
    client, url = logged_in(alice), reverse("imports", args=[project.id])
    refused = client.post(url, {"source": "folder", "path": str(tmp_path)})
    assert refused.status_code == 200
    assert "has allowed no folder of the server" in str(refused.context["form"].errors["path"])
    assert not Import.objects.exists()
    settings.IMAGE_ROOTS = [tmp_path.resolve()]
    (tmp_path / "a.png").write_bytes(picture(1))
    assert client.post(url, {"source": "folder", "path": str(tmp_path)}).status_code == 302
    run_import(Import.objects.get().id)
    assert project.images.get().name == "a.png"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "source"),
        ({"source": "nowhere"}, "source"),
        ({"source": "zip"}, "Say in “path”"),
        ({"source": "folder", "path": "/x", "bucket": "y"}, "is no option of folder"),
    ],
)
def test_a_form_that_makes_no_sense_is_shown_again_with_the_reason(
    project: Project, alice: User, form: dict[str, str], said: str
) -> None:
    answer = logged_in(alice).post(reverse("imports", args=[project.id]), form)
    assert answer.status_code == 200
    assert said in str(answer.context["form"].errors)
    assert not Import.objects.exists()


def test_the_ancestors_comparisons_come_in_by_the_same_form(
    project: Project, alice: User, bob: User, images: list[Image]
) -> None:
    client, url = logged_in(alice), reverse("imports", args=[project.id])

    def send(content: bytes, **more: str) -> Import:
        file = SimpleUploadedFile("comparisons.csv", content)
        client.post(url, {"source": "comparisons", "file": file, **more})
        job = Import.objects.order_by("created_at").last()
        assert job is not None
        run_import(job.id)
        job.refresh_from_db()
        return job

    rows = b"Winner,Loser\n0.png,1.png\n1.png,2.png\n"
    first = send(rows, annotator="bob")
    assert (first.status, first.added, first.known) == ("done", 2, 0)
    assert set(Comparison.objects.values_list("annotator", flat=True)) == {bob.id}
    again = send(rows, annotator="bob")
    assert (again.status, again.added, again.known) == ("done", 0, 2)
    scores = send(b"Image,ELO,Uncertainty,Upvotes,Downvotes\n0.png,30.5,1,1,0\n")
    assert (scores.status, Image.objects.get(name="0.png").prior_score) == ("done", 30.5)
    bad = send(b"Winner,Loser\n0.png,nowhere.png\n")
    assert bad.status == "failed"
    assert "line 2: the project has no image “nowhere.png”" in bad.error
    assert send(rows, annotator="erin").error.startswith("The project has no member “erin”")
    count = Import.objects.count()
    file = SimpleUploadedFile("notes.csv", b"a,b\n")
    page = client.post(url, {"source": "comparisons", "file": file}).content.decode()
    assert "This is no file of an Image Ranker" in page
    assert Import.objects.count() == count
