"""What makes two entries the same: the place and its content, every column, every prompt; in every source."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from annotation.errors import Conflict, Gone
from annotation.images.files import content_of
from annotation.imports import engine, jobs
from annotation.imports.jobs import import_now, request_import, run_import
from annotation.models import Comparison, Image, Import, Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.images import delete_image
from tests.conftest import membership, picture
from tests.exporting import vote
from tests.pages import logged_in
from tests.promises import assert_promises

pytestmark = pytest.mark.django_db


def counts(job: Import) -> tuple[int, int, int, int]:
    return job.added, job.known, job.changed, job.refused


def refused(job: Import) -> dict[str, str]:
    return dict(job.refusals.values_list("place", "reason"))


# --- A file that holds another picture than before ---------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(4):
        (folder / f"{n}.png").write_bytes(picture(n))
    return folder


@pytest.fixture
def read(project: Project, folder: Path) -> Callable[[], Import]:
    """`read()`: import the folder, as often as it is called."""
    return lambda: import_now(project, "folder", {"path": str(folder)})


def test_a_picture_made_anew_in_its_place_is_a_new_image_and_the_old_one_keeps_what_was_said(
    project: Project, folder: Path, read: Callable[[], Import], alice: User, bob: User
) -> None:
    assert counts(read()) == (4, 0, 0, 0)
    old, other = project.images.get(name="0.png"), project.images.get(name="1.png")
    made = vote(project, bob, old, other, Outcome.LEFT)
    (folder / "0.png").write_bytes(picture(200))
    assert counts(read()) == (0, 3, 1, 0)
    assert counts(read()) == (0, 4, 0, 0), "known from now on"

    new = project.images.get(name="0.png", excluded=False)
    assert new.id != old.id
    assert content_of(new) == picture(200)
    assert Client().get(f"/images/{new.id}/").status_code == 302
    assert logged_in(alice).get(f"/images/{new.id}/").status_code == 200
    old.refresh_from_db()
    assert (old.excluded, old.replaced_by_id) == (True, new.id)
    assert "holds another picture now" in old.excluded_reason
    with pytest.raises(Gone, match="has changed"):
        content_of(old)
    made.refresh_from_db()
    assert {made.left_id, made.right_id} == {old.id, other.id}
    assert not Comparison.objects.filter(left=new).exists()
    with pytest.raises(Conflict, match="took the place of an earlier picture"):
        delete_image(new)
    assert_promises(project)


def test_a_picture_may_change_often_and_back_again(
    project: Project, folder: Path, read: Callable[[], Import]
) -> None:
    read()
    for shade in (100, 101, 0):
        (folder / "0.png").write_bytes(picture(shade))
        os.utime(folder / "0.png", ns=(0, shade))
        assert counts(read()) == (0, 3, 1, 0)
        assert content_of(project.images.get(name="0.png", excluded=False)) == picture(shade)
    assert project.images.filter(name="0.png").count() == 4
    assert_promises(project)


def test_a_file_that_was_only_touched_is_known_and_is_not_read_again_and_again(
    project: Project,
    folder: Path,
    read: Callable[[], Import],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read()
    os.utime(folder / "0.png", ns=(1, 1))
    assert counts(read()) == (0, 4, 0, 0)
    monkeypatch.setattr(engine, "read_in_place", None)
    assert counts(read()) == (0, 4, 0, 0), "its new time is kept"


def test_who_has_the_old_picture_on_the_screen_is_not_asked_about_it_any_more(
    project: Project, folder: Path, read: Callable[[], Import], bob: User
) -> None:
    read()
    (shown,) = open_assignments(membership(project, bob)).assignments
    name = shown.left.name
    (folder / name).write_bytes(picture(200))
    read()
    shown.refresh_from_db()
    assert shown.state != "open"
    assert_promises(project)


def test_the_new_picture_has_the_prompt_of_the_old_one_and_its_place_as_a_reference(
    project: Project, folder: Path, alice: User
) -> None:
    manifest = folder / "list.csv"
    manifest.write_text("path,prompt,reference\n0.png,a cat,true\n1.png,a cat,\n2.png,a cat,\n")
    import_now(project, "manifest", {"path": str(manifest)})
    for name in ("0.png", "1.png"):
        (folder / name).write_bytes(picture(200 + int(name[0])))
    job = import_now(project, "folder", {"path": str(folder)})
    assert counts(job) == (1, 1, 2, 0), "the folder knows nothing of prompts"
    current = project.images.filter(replaced_by=None)
    reference, cat = current.get(name="0.png"), current.get(name="1.png")
    assert cat.prompt is not None
    assert (cat.prompt.text, cat.excluded) == ("a cat", False)
    prompt = project.prompts.get()
    assert prompt.reference == reference
    assert (reference.excluded, reference.excluded_reason) == (True, "Reference of its prompt")
    old = project.images.get(name="0.png", replaced_by__isnull=False)
    assert "holds another picture now" in old.excluded_reason


def test_an_import_with_changed_pictures_that_is_killed_counts_each_once(
    project: Project,
    alice: User,
    folder: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.IMAGE_ROOTS = [folder.parent]
    import_now(project, "folder", {"path": str(folder)})
    for n in range(3):
        (folder / f"{n}.png").write_bytes(picture(100 + n))
    (folder / "new.png").write_bytes(picture(99))
    monkeypatch.setattr(engine, "BATCH", 1)
    job = request_import(project, alice, "folder", {"path": str(folder)})
    original, calls = jobs.replace_images, []

    def killed(new_of: Any) -> Any:
        calls.append(new_of)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(new_of)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "replace_images", killed)
        with pytest.raises(KeyboardInterrupt):
            run_import(job.id)
    Import.objects.filter(id=job.id).update(heartbeat_at=None)
    run_import(job.id)
    job.refresh_from_db()
    assert (job.status, *counts(job)) == ("done", 1, 1, 3, 0)
    assert project.images.count() == 8
    assert_promises(project)


def test_two_imports_at_once_replace_a_picture_once(
    project: Project, folder: Path, read: Callable[[], Import], monkeypatch: pytest.MonkeyPatch
) -> None:
    read()
    (folder / "0.png").write_bytes(picture(200))
    original = engine.Reader._read_all
    inner: list[bool] = []

    def meanwhile(*args: Any) -> Any:
        batch = original(*args)
        if not inner:
            inner.append(True)
            assert counts(read()) == (0, 3, 1, 0)
        return batch

    monkeypatch.setattr(engine.Reader, "_read_all", meanwhile)
    assert counts(read()) == (0, 4, 0, 0)
    assert project.images.count() == 5


def test_command_page_and_api_report_known_and_changed_apart(
    project: Project, folder: Path, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["import", "folder", str(project.id), str(folder)]
    call_command(*arguments)
    (folder / "0.png").write_bytes(picture(200))
    call_command(*arguments)
    assert capsys.readouterr().out.endswith("0 added, 3 known, 1 changed, 0 refused\n")
    page = logged_in(alice).get(f"/projects/{project.id}/imports/").content.decode()
    assert "1 changed" in page
    client = APIClient()
    client.force_authenticate(alice)
    latest, _ = client.get(f"/api/v1/projects/{project.id}/imports/").json()["results"]
    assert (latest["known"], latest["changed"]) == (3, 1)


# --- Parquet: the content decides, and each column counts --------------------------------------------


def pick_a_pic(path: Path, *rows: tuple[bytes, bytes], caption: str = "a fox") -> Path:
    """The layout of Pick-a-Pic: two pictures a row, undeclared, with their models and the vote."""
    table = {
        "best_image_uid": ["u0"] * len(rows),
        "caption": [caption] * len(rows),
        "image_0_uid": ["u0"] * len(rows),
        "image_1_uid": ["u1"] * len(rows),
        "jpg_0": [first for first, _ in rows],
        "jpg_1": [second for _, second in rows],
        "label_0": [1.0] * len(rows),
        "label_1": [0.0] * len(rows),
        "model_0": ["A"] * len(rows),
        "model_1": ["B"] * len(rows),
        "ranking_id": list(range(len(rows))),
    }
    pq.write_table(pa.table(table), path, row_group_size=1)
    return path


PAIRS = [(picture(0), picture(1)), (picture(2), picture(3))]


def test_both_pictures_of_each_row_come_in_with_their_models(
    project: Project, tmp_path: Path
) -> None:
    path = pick_a_pic(tmp_path / "a.parquet", *PAIRS)
    job = import_now(project, "parquet", {"path": str(path)})
    assert (job.total, *counts(job)) == (4, 4, 0, 0, 0)
    assert {image.prompt.text for image in project.images.all() if image.prompt} == {"a fox"}
    models = dict(project.images.values_list("name", "model"))
    assert models == {"a-0-jpg_0": "A", "a-0-jpg_1": "B", "a-1-jpg_0": "A", "a-1-jpg_1": "B"}
    assert project.images.get(name="a-1-jpg_1").metadata == {"image_1_uid": "u1"}
    for passed in ("best_image_uid", "label_0", "label_1", "ranking_id"):
        assert passed in job.notes
    assert "model_0" not in job.notes
    assert counts(import_now(project, "parquet", {"path": str(path)})) == (0, 4, 0, 0)


def test_one_column_after_the_other_gives_all_pictures(project: Project, tmp_path: Path) -> None:
    path = str(pick_a_pic(tmp_path / "a.parquet", *PAIRS))
    for column in ("jpg_0", "jpg_1"):
        job = import_now(project, "parquet", {"path": path, "image_column": column})
        assert counts(job) == (2, 0, 0, 0), column
    assert set(project.images.values_list("model", flat=True)) == {"A", "B"}
    assert counts(import_now(project, "parquet", {"path": path})) == (0, 4, 0, 0)


def test_a_picture_that_is_in_several_rows_and_files_is_one_image_for_each_prompt(
    project: Project, tmp_path: Path
) -> None:
    a, b, c = (picture(n) for n in range(3))
    pick_a_pic(tmp_path / "a.parquet", (a, b), (a, c), (c, a))
    pick_a_pic(tmp_path / "b.parquet", (b, c), caption=" a \u00a0 fox ")
    job = import_now(project, "parquet", {"path": str(tmp_path)})
    assert counts(job) == (3, 5, 0, 0), "of spaces a prompt does not consist"
    moved = tmp_path / "elsewhere" / "c.parquet"
    moved.parent.mkdir()
    pick_a_pic(moved, (a, b), caption="a dog")
    job = import_now(project, "parquet", {"path": str(moved)})
    assert counts(job) == (2, 0, 0, 0), "under another prompt it is compared with others"


def test_what_was_imported_by_its_row_before_is_known_by_its_content(
    project: Project, tmp_path: Path
) -> None:
    """As images are that earlier versions made: with an id that came from the file and the row."""
    path = pick_a_pic(tmp_path / "a.parquet", *PAIRS)
    import_now(project, "parquet", {"path": str(path), "image_column": "jpg_0"})
    for image in project.images.all():
        Image.objects.filter(id=image.id).delete()
        image.id = Image().id
        image.save(force_insert=True)
    assert counts(import_now(project, "parquet", {"path": str(path)})) == (2, 2, 0, 0)


# --- One bad entry never stops the rest --------------------------------------------------------------


def test_a_line_of_a_manifest_with_a_folder_that_is_not_there_is_named_and_the_rest_comes_in(
    project: Project, folder: Path, tmp_path: Path
) -> None:
    manifest = folder / "list.jsonl"
    paths = [
        "0.png",
        str(tmp_path / "gone" / "x.png"),
        "no/such/folder/x.png",
        "/proc/self/fd/none/x\0.png",
        f"/{'x' * 5000}/y.png",
        f"{folder}/0.png/inside.png",
        "none.png",
        "1.png",
    ]
    manifest.write_text("\n".join(json.dumps({"path": path}) for path in paths))
    job = import_now(project, "manifest", {"path": str(manifest)})
    assert (job.status, job.added, job.refused) == ("done", 2, 6), job.error
    reasons = {place.partition(":")[0]: reason for place, reason in refused(job).items()}
    assert set(reasons) == {f"line {number}" for number in range(2, 8)}
    gone = tmp_path / "gone"
    cure = "Correct the path, or make the folder available, and import again."
    assert reasons["line 2"] == f"There is no folder {gone}. {cure}"
    assert "put the file there, and import again" in reasons["line 3"]
    assert "put the file there, and import again" in reasons["line 7"]


def test_a_table_of_an_imagefolder_that_cannot_be_used_stops_no_other(
    project: Project, folder: Path
) -> None:
    (folder / "metadata.csv").write_text("file_name,text\n0.png,a cat\n")
    for name, content in (("bad", b"name,text\nx.png,a dog\n"), ("worse", b"\xff\xfe\n")):
        (folder / name).mkdir()
        (folder / name / "metadata.csv").write_bytes(content)
    job = import_now(project, "imagefolder", {"path": str(folder)})
    assert (job.status, job.total, *counts(job)) == ("done", 3, 1, 0, 0, 2)
    assert "no column “file_name”" in refused(job)["bad/metadata.csv"]
    assert "worse/metadata.csv" in refused(job)


def test_a_damaged_file_or_group_of_rows_of_a_data_set_stops_no_other(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nonsense PAR1")
    path = pick_a_pic(tmp_path / "b.parquet", *PAIRS, (picture(4), picture(5)))
    content = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(1).column(4).data_page_offset
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    pick_a_pic(tmp_path / "c.parquet", (picture(6), picture(7)))
    job = import_now(project, "parquet", {"path": str(tmp_path)})
    assert (job.status, job.added) == ("done", 6), job.error
    assert set(refused(job)) == {"a.parquet#0", "b.parquet#1"}


def test_a_picture_that_breaks_the_decoder_stops_no_other(
    project: Project, read: Callable[[], Import], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = engine.images.inspect

    def inspect(content: bytes, *pool: Any) -> Any:
        if content == picture(2):
            raise ZeroDivisionError("division by zero")
        return original(content, *pool)

    monkeypatch.setattr(engine.images, "inspect", inspect)
    job = read()
    assert (job.status, *counts(job)) == ("done", 3, 0, 0, 1)
    assert refused(job) == {"2.png": "It cannot be read: ZeroDivisionError: division by zero."}
