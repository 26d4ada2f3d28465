"""An import: each picture comes in once, whatever is killed when, and what is refused is named."""

import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import PIL.Image
import PIL.PngImagePlugin
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db.models import F
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from annotation.errors import Invalid
from annotation.imports import engine, jobs
from annotation.imports.entries import Entry, Refusal
from annotation.imports.folder import import_folder
from annotation.imports.jobs import import_now, request_import, run_import, unfinished_imports
from annotation.imports.kinds import KINDS, Kind
from annotation.models import Image, Import, ImportRefusal, Project, User
from annotation.services.projects import delete_project
from tests.conftest import picture

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """As a kill -9 has it: nothing of ours gets to clean up."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven pictures, and two files that are called so and are none."""
    folder = tmp_path / "photographs"
    (folder / "sub").mkdir(parents=True)
    for n in range(7):
        (folder / "sub" / f"{n}.png").write_bytes(picture(n))
    (folder / "broken.png").write_bytes(picture()[:40])
    (folder / "text.jpg").write_text("hello")
    return folder


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BATCH", 2)


def queued(project: Project, user: User, folder: Path, settings: Any) -> Import:
    settings.IMAGE_ROOTS = [folder.resolve()]
    return request_import(project, user, "folder", {"path": str(folder)})


def lose_the_worker() -> None:
    """As if its last sign of life were long ago."""
    Import.objects.update(heartbeat_at=F("heartbeat_at") - timedelta(minutes=5))


def counts(job: Import) -> tuple[str, int | None, int, int, int]:
    job.refresh_from_db()
    return job.status, job.total, job.added, job.known, job.refused


# --- An import's life --------------------------------------------------------------------------------


def test_what_comes_in_is_counted_and_what_does_not_is_named_with_its_reason(
    project: Project, alice: User, folder: Path, settings
) -> None:
    job = queued(project, alice, folder, settings)
    assert unfinished_imports() == [job.id]
    run_import(job.id)
    assert counts(job) == ("done", 9, 7, 0, 2)
    assert unfinished_imports() == []
    refused = dict(job.refusals.values_list("place", "reason"))
    assert "damaged" in refused["broken.png"] or "not a picture" in refused["broken.png"]
    assert "not a picture" in refused["text.jpg"]
    assert project.images.count() == 7


def test_a_second_import_of_the_same_adds_nothing(
    project: Project, alice: User, folder: Path, settings
) -> None:
    for status in (("done", 9, 7, 0, 2), ("done", 9, 0, 7, 2)):
        job = queued(project, alice, folder, settings)
        run_import(job.id)
        assert counts(job) == status
    assert project.images.count() == 7


def test_an_import_is_done_once_however_often_its_task_comes(
    project: Project, alice: User, folder: Path, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queued(project, alice, folder, settings)
    run_import(job.id)
    monkeypatch.setattr(jobs, "_run", lambda *args: pytest.fail("done again"))
    run_import(job.id)
    run_import(uuid4())


def test_an_import_whose_worker_died_is_taken_up_by_another(
    project: Project,
    alice: User,
    folder: Path,
    settings,
    small_batches: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = queued(project, alice, folder, settings)
    die_after(monkeypatch, 3)
    with pytest.raises(Killed):
        run_import(job.id)
    monkeypatch.undo()
    status, total, added, known, refused = counts(job)
    assert (status, total, known) == ("running", 9, 0)
    assert added == project.images.count() > 0
    assert refused == job.refusals.count()
    assert unfinished_imports() == [], "for a while it may still be alive"
    run_import(job.id)
    assert counts(job)[2] == added
    lose_the_worker()
    assert unfinished_imports() == [job.id]
    run_import(job.id)
    assert counts(job) == ("done", 9, 7, 0, 2), "as if nobody had died"
    assert job.refusals.count() == 2


def die_after(monkeypatch: pytest.MonkeyPatch, stored: int) -> None:
    """The worker is killed in the middle of the batch after so many: its rows written, not yet its commit."""
    original = jobs._Reading._store_rows
    left = [stored]

    def store_rows(self: Any, batch: Any) -> None:
        original(self, batch)
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    monkeypatch.setattr(jobs._Reading, "_store_rows", store_rows)


@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_killed_at_any_batch_of_any_size_each_picture_is_there_once_and_the_counts_are_right(
    project: Project, alice: User, data: st.DataObject
) -> None:
    """Entries that are copied, so that the files are looked at as well as the rows."""
    entries = data.draw(st.lists(st.one_of(st.integers(0, 9), st.just("bad")), max_size=12))
    batch = data.draw(st.integers(1, 5))
    kills = data.draw(st.lists(st.integers(0, 4), max_size=3))
    source = SourceOf(entries)
    job = Import.objects.create(project=project, created_by=alice, source="folder")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "BATCH", batch)
        patch.setitem(KINDS, "folder", Kind("", (), lambda asked: source))
        for kill in kills:
            with pytest.MonkeyPatch.context() as killing:
                die_after(killing, kill)
                try:
                    run_import(job.id)
                except Killed:
                    lose_the_worker()
            job.refresh_from_db()
            there = project.images.filter(name__startswith=source.tag).count()
            assert there == job.added
            assert job.refused == job.refusals.count()
        run_import(job.id)
    distinct = {entry for entry in entries if entry != "bad"}
    bad = entries.count("bad")
    repeats = len(entries) - bad - len(distinct)
    assert counts(job) == ("done", len(entries), len(distinct), repeats, bad)
    mine = project.images.filter(name__startswith=source.tag)
    assert sorted(mine.values_list("name", flat=True)) == sorted(source.names(distinct))
    assert job.refusals.count() == bad


class SourceOf:
    """Copied pictures, one for each number; “bad” is something that is none."""

    def __init__(self, entries: list[Any]) -> None:
        self.list, self.tag = entries, uuid4().hex
        self.identity = self.tag

    def names(self, entries: Any) -> list[str]:
        return [f"{self.tag}-{entry}" for entry in entries]

    def count(self) -> int:
        return len(self.list)

    def entries(self) -> Iterator[Entry | Refusal]:
        for entry in self.list:
            if entry == "bad":
                yield Refusal("bad", "It is bad.")
            else:
                yield Entry(str(entry), f"{self.tag}-{entry}", partial(picture, entry))


def test_a_worker_that_was_taken_for_dead_and_is_not_writes_nothing_more(
    project: Project, alice: User, folder: Path, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queued(project, alice, folder, settings)
    original = engine.Reader._read_all

    def taken_up_meanwhile(self: Any, *args: Any) -> Any:
        batch = original(self, *args)
        if Import.objects.get().status == "running":
            monkeypatch.setattr(engine.Reader, "_read_all", original)
            lose_the_worker()
            run_import(job.id)
        return batch

    monkeypatch.setattr(engine.Reader, "_read_all", taken_up_meanwhile)
    run_import(job.id)
    assert counts(job) == ("done", 9, 7, 0, 2)
    assert project.images.count() == 7


def test_two_imports_of_one_folder_at_once_add_each_picture_once(
    project: Project, alice: User, folder: Path, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one looked for what is known before the first had stored it."""
    first, second = (queued(project, alice, folder, settings) for _ in range(2))
    original = engine.Reader._read_all

    def meanwhile(self: Any, *args: Any) -> Any:
        batch = original(self, *args)
        monkeypatch.setattr(engine.Reader, "_read_all", original)
        run_import(first.id)
        return batch

    monkeypatch.setattr(engine.Reader, "_read_all", meanwhile)
    run_import(second.id)
    assert counts(first) == ("done", 9, 7, 0, 2)
    assert counts(second) == ("done", 9, 0, 7, 2)
    assert project.images.count() == 7


def test_a_long_import_is_left_to_the_next_worker_when_its_time_is_over(
    project: Project, alice: User, folder: Path, settings, small_batches: None
) -> None:
    job = queued(project, alice, folder, settings)
    run_import(job.id, seconds=0)
    assert counts(job)[0] == "queued"
    assert unfinished_imports() == [job.id]
    run_import(job.id, seconds=60)
    assert counts(job) == ("done", 9, 7, 0, 2)


def test_an_import_that_dies_each_time_is_given_up(
    project: Project, alice: User, folder: Path, settings
) -> None:
    job = queued(project, alice, folder, settings)
    Import.objects.update(attempts=jobs.MOST_ATTEMPTS)
    run_import(job.id)
    assert counts(job)[0] == "failed"
    assert "nothing was added" in job.error


def test_when_the_disk_is_full_an_import_waits_and_goes_on_by_itself(
    project: Project, alice: User, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SourceOf(list(range(6)))
    monkeypatch.setitem(KINDS, "folder", Kind("", (), lambda asked: source))
    monkeypatch.setattr(engine, "BATCH", 2)
    job = Import.objects.create(project=project, created_by=alice, source="folder")
    room = [3]

    def fill_up(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            return  # of the folder, whose names need no room
        room[0] -= 1
        if room[0] < 0:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("os.fsync", fill_up)
        run_import(job.id)
    assert counts(job) == ("queued", 6, 2, 0, 0)
    assert "no room left" in job.error
    assert unfinished_imports() == [], "not again at once"
    uploads = settings.UPLOAD_DIR / str(project.id)
    assert not [path for path in uploads.iterdir() if path.name.startswith(".draft")]
    Import.objects.update(attempts=F("attempts") + jobs.MOST_ATTEMPTS - 1)
    lose_the_worker()
    run_import(job.id)
    assert counts(job) == ("done", 6, 6, 0, 0)
    assert job.error == ""


def test_a_folder_that_is_unmounted_meanwhile_refuses_no_picture(
    project: Project, alice: User, folder: Path, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queued(project, alice, folder, settings)
    away = folder.with_name("away")

    def unmounted(*args: Any) -> Any:
        folder.rename(away)
        return original(*args)

    original = engine.Reader._read_all
    with monkeypatch.context() as patch:
        patch.setattr(engine.Reader, "_read_all", unmounted)
        run_import(job.id)
    assert counts(job) == ("queued", 9, 0, 0, 0)
    assert "is not there" in job.error
    away.rename(folder)
    lose_the_worker()
    run_import(job.id)
    assert counts(job) == ("done", 9, 7, 0, 2)


def test_a_folder_that_may_not_be_read_is_named_and_the_rest_comes_in(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "private").mkdir()
    (folder / "one.png").write_bytes(picture(50))
    original = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith(closed[0]):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    closed = ["private"]
    monkeypatch.setattr("os.scandir", scandir)
    job = import_now(project, "folder", {"path": str(folder)})
    assert counts(job) == ("done", 11, 8, 0, 3)
    assert "Permission denied" in job.refusals.get(place="private").reason
    closed[0] = folder.name
    waiting = import_now(project, "folder", {"path": str(folder)})
    assert waiting.status == "queued", "a share that is away is not an empty folder"


def test_a_name_that_is_no_text_is_refused(project: Project, folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(picture(50))
    job = import_now(project, "folder", {"path": str(folder)})
    assert counts(job) == ("done", 10, 7, 0, 3)
    assert job.refusals.get(place="caf?.png").reason == "The file's name is not valid text."


def test_the_import_of_a_deleted_project_ends(
    project: Project, alice: User, folder: Path, settings
) -> None:
    job = queued(project, alice, folder, settings)
    delete_project(project.id)
    run_import(job.id)
    assert counts(job)[0] == "failed"
    assert not Image.objects.exists()


def test_of_very_many_refusals_some_are_kept_and_all_are_counted(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImportRefusal, "MOST", 5)
    monkeypatch.setattr(engine, "BATCH", 3)
    monkeypatch.setitem(KINDS, "folder", Kind("", (), lambda asked: SourceOf(["bad"] * 11)))
    job = Import.objects.create(project=project, created_by=alice, source="folder")
    run_import(job.id)
    assert (counts(job)[4], job.refusals.count()) == (11, 5)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "n" * 401}, "name is longer than 400"),
        ({"prompt": "p" * 20_001}, "prompt is longer than 20,000"),
        ({"prompt": "a\0b"}, "NUL"),
        ({"name": "\ud800"}, "surrogate"),
        ({"metadata": {"a": "x" * 200_000}}, "metadata is longer"),
        ({"metadata": {"a": float("nan")}}, "cannot be kept"),
        ({"metadata": {"a": object()}}, "cannot be kept"),
        ({"gold": float("inf")}, "gold is not a finite number"),
        ({"place": "p\0"}, "NUL"),
    ],
)
def test_words_that_cannot_be_kept_refuse_their_entry_alone(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch, change: dict, complaint: str
) -> None:
    good = Entry("1", "one", lambda: picture(1))
    bad = Entry(**{"place": "2", "name": "two", "read": lambda: picture(2), **change})
    source = SimpleNamespace(identity="", count=lambda: 2, entries=lambda: iter([bad, good]))
    monkeypatch.setitem(KINDS, "folder", Kind("", (), lambda asked: source))
    job = Import.objects.create(project=project, created_by=alice, source="folder")
    run_import(job.id)
    assert counts(job) == ("done", 2, 1, 0, 1)
    assert complaint in job.refusals.get().reason


def test_copies_have_names_of_our_own_that_nobody_can_guess(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch, settings
) -> None:
    source = SourceOf([1])
    monkeypatch.setitem(KINDS, "folder", Kind("", (), lambda asked: source))
    run_import(Import.objects.create(project=project, created_by=alice, source="folder").id)
    image = project.images.get()
    assert image.path == f"{project.id}/{image.id}.png"
    assert (settings.UPLOAD_DIR / image.path).read_bytes() == picture(1)
    assert image.id.version == 4
    Project.objects.update(pseudonym_key="0" * 64)
    project.refresh_from_db()
    other = engine.Reader(project, source.identity, read_prompts=True, alive=lambda: None)
    assert other.id_of(next(source.entries())) != image.id  # type: ignore[arg-type]


# --- Sources that do it by themselves ----------------------------------------------------------------


def test_a_source_may_do_the_whole_import_by_itself(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch, settings
) -> None:
    """As that of comparisons does: of files that are uploaded, and refused at once if they cannot be."""
    seen = []

    def files(asked: Any) -> Path:
        path: Path = asked.file("rankings", "rankings")
        if not path.read_bytes():
            raise Invalid("It is empty.", "rankings")
        return path

    def whole(job: Import, asked: Any) -> dict[str, int]:
        seen.append((job.created_by, files(asked).read_bytes()))
        return {"added": 3, "known": 1}

    uploads = {"rankings": (".csv",)}
    kind = Kind("", ("rankings",), whole=whole, check_whole=files, uploads=uploads)
    monkeypatch.setitem(KINDS, "comparisons", kind)
    for content, complaint in ((b"", "It is empty"), (b"x", "ends in .csv")):
        file = SimpleUploadedFile("r.csv" if not content else "r.txt", content)
        with pytest.raises(Invalid, match=complaint):
            request_import(project, alice, "comparisons", {}, {"rankings": file})
    with pytest.raises(Invalid, match="cannot be uploaded for comparisons"):
        request_import(project, alice, "comparisons", {}, {"file": file})
    file = SimpleUploadedFile("r.csv", b"Image,ELO")
    job = request_import(project, alice, "comparisons", {}, {"rankings": file})
    run_import(job.id)
    assert counts(job) == ("done", None, 3, 1, 0)
    assert seen == [(alice, b"Image,ELO")]
    assert not (settings.IMPORT_DIR / str(job.id)).exists()


# --- Places of the server ----------------------------------------------------------------------------


def test_managers_import_only_from_the_folders_that_the_operator_allows(
    project: Project, alice: User, folder: Path, tmp_path: Path, settings
) -> None:
    """A54: and none is allowed by default."""
    with pytest.raises(Invalid, match="has allowed no folder"):
        request_import(project, alice, "folder", {"path": str(folder)})
    settings.IMAGE_ROOTS = [folder.resolve()]
    (folder / "out").symlink_to("/etc")
    for path in ("/etc", str(tmp_path), f"{folder}/../", f"{folder}/out", "relative", "a\0b"):
        with pytest.raises(Invalid, match=r"is not inside|cannot be a path"):
            request_import(project, alice, "folder", {"path": path})
    assert not Import.objects.exists()
    request_import(project, alice, "folder", {"path": f"{folder}/sub/"})


def test_a_folder_swapped_for_a_link_after_it_was_asked_for_is_not_read(
    project: Project, alice: User, folder: Path, tmp_path: Path, settings
) -> None:
    """A55"""
    settings.IMAGE_ROOTS = [folder.resolve()]
    job = request_import(project, alice, "folder", {"path": f"{folder}/sub"})
    secret = tmp_path / "secret"
    (folder / "sub").rename(secret)
    (folder / "sub").symlink_to(secret)
    run_import(job.id)
    assert counts(job)[0] == "failed"
    assert "is not inside" in job.error
    assert not project.images.exists()


def test_prompts_in_pictures_are_read_unless_it_is_said_otherwise(
    project: Project, tmp_path: Path
) -> None:
    words = PIL.PngImagePlugin.PngInfo()
    words.add_text("parameters", "a cat\nSteps: 20, Seed: 7, Model: m1")
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=words)
    import_folder(project, tmp_path)
    image = project.images.get()
    assert (image.prompt, image.model, image.metadata) == (None, "", {})
    image.delete()
    import_now(project, "folder", {"path": str(tmp_path)})
    image = project.images.get()
    assert image.prompt is not None
    assert (image.prompt.text, image.model) == ("a cat", "m1")
    assert image.metadata == {"generator": "AUTOMATIC1111", "steps": 20, "seed": 7}


# --- The command -------------------------------------------------------------------------------------


def run_command(*args: object, capsys: Any) -> tuple[str, str]:
    call_command("import", *(str(arg) for arg in args))
    said = capsys.readouterr()
    return said.out, said.err


def test_the_command_says_what_came_in_and_what_did_not(
    project: Project, folder: Path, capsys
) -> None:
    out, err = run_command("folder", project.id, folder, capsys=capsys)
    assert out == "7 added, 0 known, 2 refused\n"
    assert "refused text.jpg: This is not a picture" in err
    out, _ = run_command("folder", project.id, folder, capsys=capsys)
    assert out == "0 added, 7 known, 2 refused\n"


def test_the_command_fails_if_nothing_could_be_read(project: Project, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nothing there that can be read"):
        call_command("import", "folder", str(project.id), str(tmp_path))
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(CommandError, match="0 added, 0 known, 1 refused"):
        call_command("import", "folder", str(project.id), str(tmp_path))
    with pytest.raises(CommandError, match="There is no folder"):
        call_command("import", "folder", str(project.id), str(tmp_path / "nowhere"))
    with pytest.raises(CommandError, match="There is no project"):
        call_command("import", "folder", str(uuid4()), str(tmp_path))


def test_the_command_stopped_by_hand_is_not_taken_up_by_a_worker(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*args: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine.Reader, "_read_all", stopped)
    with pytest.raises(CommandError, match="goes on from here"):
        call_command("import", "folder", str(project.id), str(folder))
    assert Import.objects.get().status == "failed"
    assert unfinished_imports() == []
