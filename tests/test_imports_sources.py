"""What pictures come from: archives, manifests and data sets, honest ones and hostile ones."""

import csv
import io
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.errors import Invalid
from annotation.imports.jobs import import_now, request_import, run_import
from annotation.imports.sources import archive, parquet
from annotation.models import Image, Import, Project, User
from tests.conftest import picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_uploaded_before(settings, tmp_path: Path) -> None:
    """Whatever other tests have left."""
    settings.IMPORT_DIR = tmp_path / "uploaded"


def refused(job: Import) -> dict[str, str]:
    return dict(job.refusals.values_list("place", "reason"))


def named(project: Project, name: str) -> Image:
    return project.images.select_related("prompt", "folder").get(name=name)


def prompt_of(image: Image) -> str:
    return image.prompt.text if image.prompt else ""


# --- Zip ---------------------------------------------------------------------------------------------


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as made:
        for name, data in files:
            made.writestr(name, data)
    return content.getvalue()


def uploaded(
    project: Project, user: User, content: bytes, name: str = "a.zip", **options
) -> Import:
    source = "zip" if name.endswith(".zip") else "manifest"
    job = request_import(
        project, user, source, options, {"file": SimpleUploadedFile(name, content)}
    )
    run_import(job.id)
    job.refresh_from_db()
    return job


def test_the_pictures_of_an_uploaded_archive_are_kept_and_the_archive_is_not(
    project: Project, alice: User, settings
) -> None:
    content = zipped(
        ("a.png", picture(1)),
        ("sub/b.JPG", picture(2, format="JPEG")),
        ("sub/", b""),
        ("notes.txt", b"not looked at"),
        (".hidden.png", picture(3)),
        ("__MACOSX/._a.png", b"\0"),
        ("broken.png", b"no picture"),
    )
    job = uploaded(project, alice, content)
    assert (job.status, job.total, job.added) == ("done", 3, 2)
    assert list(refused(job)) == ["broken.png"]
    image = named(project, "sub/b.JPG")
    assert (settings.UPLOAD_DIR / image.path).read_bytes() == picture(2, format="JPEG")
    assert not list(settings.IMPORT_DIR.iterdir())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_second_archive_with_the_same_pictures_adds_only_the_new_one(
    project: Project, alice: User
) -> None:
    old = [(f"{n}.png", picture(n)) for n in range(3)]
    uploaded(project, alice, zipped(*old))
    again = uploaded(project, alice, zipped(("new.png", picture(9)), *old, ("1.png", picture(77))))
    assert (again.added, again.known) == (2, 3), "another picture under a known name is another"


def test_nothing_of_an_archive_leads_out_of_it(
    project: Project, alice: User, settings, tmp_path: Path
) -> None:
    """A60: nothing is unpacked by its name, and such names are refused besides."""
    settings.UPLOAD_DIR = tmp_path / "deep" / "uploads"
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    job = uploaded(
        project,
        alice,
        zipped(
            ("../../evil.png", picture(1)),
            ("/etc/evil.png", picture(2)),
            ("a/../../evil.png", picture(3)),
            ("a\\..\\evil.png", picture(4)),
            (link, b"/etc/passwd"),
            ("good.png", picture(5)),
        ),
    )
    assert job.added == 1
    assert len(refused(job)) == 5
    (image,) = project.images.all()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written == [settings.UPLOAD_DIR / image.path]


def test_bombs_are_refused_before_they_are_unpacked(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A61: by ratio, by bytes and by count."""
    deflated = zipfile.ZIP_DEFLATED
    job = uploaded(
        project,
        alice,
        zipped(("bomb.png", bytes(2**21)), ("good.png", picture(1)), method=deflated),
    )
    assert "no picture" in refused(job)["bomb.png"]
    assert job.added == 1
    monkeypatch.setattr(archive, "SMALL_ARCHIVE", 2**20)
    many = [(f"{n}.png", bytes(2**20)) for n in range(2)]
    with pytest.raises(Invalid, match="more than 20 times its size"):
        uploaded(project, alice, zipped(*many, method=deflated))
    monkeypatch.setattr(archive, "MOST_FILES", 3)
    with pytest.raises(Invalid, match="more than 3 files"):
        uploaded(project, alice, zipped(*((f"{n}.txt", b"") for n in range(4))))
    monkeypatch.setattr(archive, "MOST_DIRECTORY_BYTES", 100)
    with pytest.raises(Invalid, match="more than 3 files"):
        uploaded(project, alice, zipped(*((f"{n}.txt", b"") for n in range(3))))


def test_an_archive_whose_files_overlap_is_refused(project: Project, alice: User) -> None:
    """A61: one compressed block, listed many times over."""
    one = zipped(("0.png", bytes(2**20)), method=zipfile.ZIP_DEFLATED)
    at = one.index(b"PK\1\2")
    end = one.index(b"PK\5\6")
    entry = one[at:end]
    count = 50
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(entry) * count, at, 0)
    with pytest.raises(Invalid, match="overlap"):
        uploaded(project, alice, one[:at] + entry * count + tail)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\3\4" + bytes(100), zipped(("a.png", picture()))[:-30]]
)
def test_what_is_no_archive_is_refused_at_once_and_leaves_nothing(
    project: Project, alice: User, settings, content: bytes
) -> None:
    with pytest.raises(Invalid, match="not a usable zip archive"):
        uploaded(project, alice, content)
    assert not Import.objects.exists()
    assert not settings.IMPORT_DIR.exists() or not list(settings.IMPORT_DIR.iterdir())


def test_a_damaged_or_locked_file_of_an_archive_is_refused_and_the_rest_comes_in(
    project: Project, alice: User
) -> None:
    content = bytearray(zipped(("a.png", picture(1)), ("b.png", picture(2)), ("c.png", picture(3))))
    content[content.index(picture(1)) + 20] ^= 1  # its checksum is wrong now
    second = content.rindex(b"PK\1\2", 0, content.rindex(b"PK\1\2"))
    content[second + 8] |= 1  # said to be encrypted
    job = uploaded(project, alice, bytes(content))
    reasons = refused(job)
    assert "cannot be unpacked" in reasons["a.png"]
    assert "encrypted" in reasons["b.png"]
    assert job.added == 1
    squeezed = uploaded(project, alice, zipped(("d.png", picture(4)), method=zipfile.ZIP_LZMA))
    assert "unusual" in refused(squeezed)["d.png"]


def test_an_archive_on_the_server_is_read_where_it_lies(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(("a.png", picture(1))))
    assert import_now(project, "zip", {"path": str(path)}).added == 1
    assert path.exists()


# --- Manifests ---------------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    shelf = tmp_path / "shelf"
    (shelf / "pictures").mkdir(parents=True)
    for n in range(4):
        (shelf / "pictures" / f"{n}.png").write_bytes(picture(n))
    return shelf


def csv_of(*rows: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def test_a_manifest_tells_all_that_is_known_of_each_picture(project: Project, shelf: Path) -> None:
    manifest = shelf / "list.csv"
    manifest.write_text(
        csv_of(
            ["path", "prompt", "model", "metadata", "group", "gold", "prior_score", "name"],
            ["pictures/0.png", "a cat,\nasleep", "m1", '{"seed": 7}', "g", "0.5", "-1e3", "Cat"],
            ["pictures/1.png", "", "", "", "", "", "", ""],
        ),
        encoding="utf-8-sig",
    )
    job = import_now(project, "manifest", {"path": str(manifest)})
    assert (job.status, job.total, job.added, refused(job)) == ("done", 2, 2, {})
    cat = named(project, "Cat")
    assert prompt_of(cat) == "a cat,\nasleep"
    assert (cat.model, cat.metadata, cat.group) == ("m1", {"seed": 7}, "g")
    assert (cat.gold, cat.prior_score) == (0.5, -1000.0)
    assert cat.folder is not None
    assert (cat.folder.path, cat.path) == (str(shelf), "pictures/0.png")
    plain = named(project, "pictures/1.png")
    assert (plain.prompt, plain.gold, plain.metadata) == (None, None, {})
    assert import_now(project, "manifest", {"path": str(manifest)}).known == 2


def test_a_manifest_may_be_jsonl(project: Project, shelf: Path) -> None:
    manifest = shelf / "list.jsonl"
    lines = [
        {"path": "pictures/0.png", "gold": 1, "metadata": {"a": [1, None]}, "prompt": "猫"},
        {"path": "pictures/1.png", "prompt": None},
    ]
    manifest.write_text("\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    job = import_now(project, "manifest", {"path": str(manifest)})
    assert (job.total, job.added) == (2, 2)
    assert prompt_of(named(project, "pictures/0.png")) == "猫"


def test_a_manifest_names_the_references_of_prompts(project: Project, shelf: Path) -> None:
    manifest = shelf / "list.csv"
    manifest.write_text(
        csv_of(
            ["path", "prompt", "reference"],
            ["pictures/0.png", "a cat", "true"],
            ["pictures/1.png", "a cat", "TRUE"],
            ["pictures/2.png", "", "1"],
            ["pictures/2.png", "a dog", "perhaps"],
        )
    )
    job = import_now(project, "manifest", {"path": str(manifest)})
    assert set(refused(job).values()) == {
        "A reference needs the prompt that it is the reference of.",
        "Its reference must be true or false.",
    }
    first, second = named(project, "pictures/0.png"), named(project, "pictures/1.png")
    assert project.prompts.get(text="a cat").reference == first
    assert (first.excluded, first.excluded_reason) == (True, "Reference of its prompt")
    assert (second.excluded, second.excluded_reason) == (True, "Its prompt has another reference")


def test_bad_lines_are_refused_by_their_number_and_the_rest_comes_in(
    project: Project, shelf: Path
) -> None:
    manifest = shelf / "list.csv"
    lines = [
        b"path,gold,metadata",
        b"pictures/0.png,,",
        b"pictures/1.png,much,",
        b"pictures/1.png,nan,",
        b'pictures/1.png,,"{""a"": "',
        b"pictures/1.png,,[1]",
        b"pictures/1.png",
        b"",
        b",1,",
        b"pictures/none.png,,",
        b"pictures/0.png,,",
        b"pictures/\xff.png,,",
        b"../outside.png,,",
        b"/etc/passwd,,",
        b"pictures/2.png,," + b" " * (2**20),
        b'pictures/1.png,,"a" b',
        b"pictures/3.png,3,",
    ]
    manifest.write_bytes(b"\n".join(lines))
    (shelf.parent / "outside.png").symlink_to("/etc/passwd")
    job = import_now(project, "manifest", {"path": str(manifest)})
    assert sorted(project.images.values_list("name", flat=True)) == [
        "pictures/0.png",
        "pictures/3.png",
    ]
    reasons = refused(job)
    expected = {
        "line 3: pictures/1.png": "gold must be a number",
        "line 4: pictures/1.png": "gold must be a number",
        "line 5: pictures/1.png": "metadata is not usable JSON",
        "line 6: pictures/1.png": "must be a JSON object",
        "line 7": "has 1 cells, but the header has 3",
        "line 9": "names no file",
        "line 10: pictures/none.png": "There is no such file",
        "line 11: pictures/0.png": "Line 2 names the same file",
        "line 12": "not UTF-8 at byte 10",
        "line 13: ../outside.png": "leads out",
        "line 14: /etc/passwd": "not a picture",
        "line 15": "longer than 1 MB",
        "line 16": "not usable CSV",
    }
    for place, reason in expected.items():
        assert reason in reasons.pop(place), place
    assert reasons == {}


def test_unknown_columns_are_refused_by_name(project: Project, alice: User, shelf: Path) -> None:
    for content, complaint in (
        ("path,pompt\n", "Unknown column: “pompt”"),
        ("prompt\n", "has no column “path”"),
        ("path,path\n", "name each column once"),
        ("", "name each column once"),
    ):
        (shelf / "list.csv").write_text(content)
        with pytest.raises(Invalid, match=complaint):
            import_now(project, "manifest", {"path": str(shelf / "list.csv")})
    (shelf / "list.jsonl").write_text('{"path": "pictures/0.png", "pompt": "x"}\n[]\n{')
    job = import_now(project, "manifest", {"path": str(shelf / "list.jsonl")})
    assert "Unknown column: “pompt”" in refused(job)["line 1: pictures/0.png"]
    assert {place.split(":")[0] for place in refused(job)} == {"line 1", "line 2", "line 3"}


def test_an_uploaded_manifest_names_pictures_of_an_allowed_folder(
    project: Project, alice: User, shelf: Path, settings
) -> None:
    settings.IMAGE_ROOTS = [shelf]
    content = csv_of(["path"], ["0.png"], ["../../x.png"], [f"{shelf}/pictures/1.png"]).encode()
    with pytest.raises(Invalid, match="Say in “folder”"):
        uploaded(project, alice, content, "list.csv")
    with pytest.raises(Invalid, match="is not inside"):
        uploaded(project, alice, content, "list.csv", folder="/etc")
    with pytest.raises(Invalid, match=r"ends in .csv or .jsonl"):
        request_import(project, alice, "manifest", {}, {"file": SimpleUploadedFile("a.exe", b"")})
    job = uploaded(project, alice, content, "list.csv", folder=f"{shelf}/pictures")
    assert job.added == 2
    assert list(refused(job)) == ["line 3: ../../x.png"]


def test_a_link_among_the_named_files_does_not_lead_out(
    project: Project, alice: User, shelf: Path, settings, tmp_path: Path
) -> None:
    """A55"""
    (tmp_path / "secret.png").write_bytes(picture(9))
    (shelf / "pictures" / "link.png").symlink_to(tmp_path / "secret.png")
    settings.IMAGE_ROOTS = [shelf]
    job = uploaded(project, alice, b"path\nlink.png\n", "a.csv", folder=f"{shelf}/pictures")
    assert job.added == 0
    assert "link that leads out" in refused(job)["line 2: link.png"]


# --- Hugging Face data sets --------------------------------------------------------------------------


def test_an_imagefolder_is_used_where_it_lies_with_its_columns(
    project: Project, shelf: Path
) -> None:
    (shelf / "train").mkdir()
    (shelf / "train" / "x.png").write_bytes(picture(50))
    (shelf / "train" / "metadata.csv").write_text("file_name,caption,style\nx.png,a dog,flat\n")
    lines = [
        {"file_name": "pictures/0.png", "text": "a cat", "model": "m1", "seed": 7, "tags": ["a"]},
        {"file_name": "pictures/1.png", "text": "a cat", "model": None},
        {"file_name": "../../x.png"},
        {"text": "nothing"},
    ]
    (shelf / "metadata.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    job = import_now(project, "imagefolder", {"path": str(shelf)})
    assert (job.total, job.added, job.refused) == (5, 3, 2)
    first = named(project, "pictures/0.png")
    assert (prompt_of(first), first.model) == ("a cat", "m1")
    assert first.metadata == {"seed": 7, "tags": ["a"]}
    dog = named(project, "train/x.png")
    assert (prompt_of(dog), dog.metadata) == ("a dog", {"style": "flat"})
    assert dog.folder is not None
    assert "leads out" in refused(job)["metadata.jsonl, line 3"]
    assert "names no file" in refused(job)["metadata.jsonl, line 4"]
    assert import_now(project, "imagefolder", {"path": str(shelf)}).known == 3


def test_a_pipe_in_place_of_the_metadata_is_not_waited_for(project: Project, shelf: Path) -> None:
    """A55"""
    os.mkfifo(shelf / "metadata.jsonl")
    with pytest.raises(Invalid, match=r"no metadata.jsonl or metadata.csv"):
        import_now(project, "imagefolder", {"path": str(shelf)})


def test_a_folder_without_metadata_is_no_imagefolder(project: Project, shelf: Path) -> None:
    with pytest.raises(Invalid, match=r"no metadata.jsonl or metadata.csv"):
        import_now(project, "imagefolder", {"path": str(shelf)})


def test_what_datasets_writes_comes_in_as_it_is(project: Project, tmp_path: Path, settings) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "prompt": datasets.Value("string"),
            "n": datasets.Value("int32"),
        }
    )
    rows = [
        {"image": {"bytes": picture(n), "path": f"{n}.png"}, "prompt": "a cat", "n": n}
        for n in range(5)
    ]
    data = datasets.Dataset.from_list(rows, features=features)
    data.to_parquet(tmp_path / "train-00000.parquet", batch_size=2)
    job = import_now(project, "parquet", {"path": str(tmp_path)})
    assert (job.total, job.added, refused(job)) == (5, 5, {})
    image = named(project, "3.png")
    assert (prompt_of(image), image.metadata) == ("a cat", {"n": 3})
    assert (settings.UPLOAD_DIR / image.path).read_bytes() == picture(3)
    assert import_now(project, "parquet", {"path": str(tmp_path)}).known == 5


def write_table(path: Path, **columns: Any) -> None:
    pq.write_table(pa.table(columns), path, row_group_size=2)


def test_plain_bytes_come_in_too_and_rows_without_are_refused(
    project: Project, tmp_path: Path
) -> None:
    write_table(
        tmp_path / "a.parquet",
        jpg=[picture(1), None, b"no picture", picture(2)],
        caption=["a", "b", "c", "d"],
        when=pa.array([0, 1, 2, 3], pa.timestamp("s")),
        score=[1.0, 2.0, 3.0, float("nan")],
    )
    path = tmp_path / "a.parquet"
    job = import_now(project, "parquet", {"path": str(path)})
    assert job.added == 2
    assert refused(job)["a.parquet#1"] == "The row has no picture."
    assert "not a picture" in refused(job)["a.parquet#2"]
    image = named(project, "a-3")
    assert (prompt_of(image), image.metadata) == ("d", {"when": "1970-01-01T00:00:03"})


def test_which_column_has_the_pictures_is_asked_where_it_cannot_be_told(
    project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    write_table(path, latent_0=[b"no picture"], latent_1=[b"none"])
    options = {"path": str(path)}
    with pytest.raises(Invalid, match="Say which column holds the pictures: latent_0, latent_1"):
        import_now(project, "parquet", options)
    write_table(path, jpg_0=[picture(1)], jpg_1=[picture(2)], caption=["x"], label=["y"])
    with pytest.raises(Invalid, match="“caption” holds no pictures"):
        import_now(project, "parquet", {**options, "image_column": "caption"})
    with pytest.raises(Invalid, match="There is no column “prompt”"):
        import_now(
            project, "parquet", {**options, "image_column": "jpg_1", "prompt_column": "prompt"}
        )
    job = import_now(
        project, "parquet", {**options, "image_column": "jpg_1", "prompt_column": "label"}
    )
    assert job.added == 1
    image = project.images.get()
    assert (prompt_of(image), image.metadata) == ("y", {"caption": "x"})


def test_a_file_that_is_no_parquet_is_refused(project: Project, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"There is no .parquet file"):
        import_now(project, "parquet", {"path": str(tmp_path)})
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(Invalid, match="no usable Parquet file"):
        import_now(project, "parquet", {"path": str(tmp_path)})


def test_a_data_set_is_read_a_few_rows_at_a_time(tmp_path: Path) -> None:
    """A row group need not fit into memory; one page of it must, which is the least that can be read."""
    path = tmp_path / "a.parquet"
    pictures = [bytes([n]) * 200_000 for n in range(200)]
    table = pa.table({"image": pictures})
    pq.write_table(table, path, row_group_size=200, write_batch_size=4, compression="none")
    source = parquet.ParquetSource(path)
    before, most = pa.total_allocated_bytes(), 0
    for _ in source.entries():
        most = max(most, pa.total_allocated_bytes() - before)
    assert 0 < most < 10 * 2**20


@pytest.mark.parametrize("options", [{"path": "x", "folder": "y"}, {"bucket": "b"}])
def test_an_option_that_a_source_does_not_take_is_refused_by_name(
    project: Project, alice: User, options: dict[str, str]
) -> None:
    with pytest.raises(Invalid, match=r"is no option of folder. Its options: path, read_prompts"):
        request_import(project, alice, "folder", options)
