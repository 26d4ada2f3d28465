"""Exports: the same log gives the same file, and the file says what it leaves out."""

import csv
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from annotation.errors import Invalid
from annotation.exports import comparison_batches
from annotation.models import Comparison, Image, Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.images import update_image
from annotation.services.projects import update_project
from rating.exports import FORMATS
from rating.exports.jobs import file_name, path_of, request_export, run_export, unfinished_exports
from rating.models import Export
from rating.services import recompute
from tests.conftest import membership
from tests.exporting import vote

pytestmark = pytest.mark.django_db
OUTCOMES = [Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD, Outcome.SKIP, Outcome.LEFT]


@pytest.fixture
def judged(project: Project, add_images: Callable[..., list[Image]], bob: User) -> Project:
    """Six comparisons of four cats: left, right, tie, both bad, skip, and one that was undone."""
    add_images(4, prompt="a cat", model="m1")
    for outcome in OUTCOMES:
        (opened,) = open_assignments(membership(project, bob)).assignments
        last, _ = record_comparison(bob, opened.id, outcome)
    retract_comparison(bob, last.id)
    return project


def export(project: Project, user: User, format: str, **options: str) -> Export:
    made = request_export(project, user, format, options)
    run_export(made.id)
    made.refresh_from_db()
    assert made.status == Export.Status.DONE, made.error
    return made


def rows(made: Export) -> list[dict]:
    path = path_of(made)
    if made.file == "parquet":
        return pq.read_table(path).to_pylist()
    content = path.read_text()
    if made.file == "json":
        return json.loads(content)
    if made.file == "jsonl":
        return [json.loads(line) for line in content.splitlines()]
    return list(csv.DictReader(content.splitlines()))


def test_the_raw_log_has_every_comparison_with_all_that_is_known_of_it(
    judged: Project, alice: User, bob: User
) -> None:
    log = rows(export(judged, alice, "comparisons"))
    assert [row["outcome"] for row in log] == [outcome.value for outcome in OUTCOMES]
    assert [bool(row["retracted_at"]) for row in log] == [False] * 5 + [True]
    first, comparison = log[0], judged.comparisons.order_by("created_at", "id")[0]
    assert first["id"] == str(comparison.id)
    assert (first["left_name"], first["right_name"]) == (
        comparison.left.name,
        comparison.right.name,
    )
    assert (first["prompt"], first["criterion"], first["left_model"]) == ("a cat", "better", "m1")
    assert first["annotator"].startswith("a-")
    assert "bob" not in path_of(Export.objects.get()).read_text()


@pytest.mark.parametrize("file", ["csv", "jsonl", "parquet"])
def test_the_raw_log_has_causes_and_tags(
    project: Project, images: list[Image], alice: User, bob: User, file: str
) -> None:
    update_project(project.id, tags=["hands", "“text”"])
    one, two, three, _ = images
    vote(project, bob, one, two, Outcome.SKIP, cause="unsafe")
    vote(project, bob, one, three, Outcome.LEFT, tags=["hands", "“text”"])
    log = rows(export(project, alice, "comparisons", file=file))
    read = (lambda tags: tags) if file == "jsonl" else json.loads
    assert [(row["cause"], read(row["tags"])) for row in log] == [
        ("unsafe", []),
        ("", ["hands", "“text”"]),
    ]


def test_preference_pairs_are_prompt_chosen_and_rejected(judged: Project, alice: User) -> None:
    made = export(judged, alice, "pairs")
    left, right = judged.comparisons.order_by("created_at", "id")[:2]
    assert {(row["prompt"], row["chosen"], row["rejected"]) for row in rows(made)} == {
        ("a cat", left.left.name, left.right.name),
        ("a cat", right.right.name, right.left.name),
    }
    assert made.left_out == {"both_bad": 1, "retracted": 1, "skip": 1, "tie": 1}
    assert made.rows + sum(made.left_out.values()) == judged.comparisons.count()


def test_preference_pairs_name_images_or_give_their_addresses(
    judged: Project, alice: User, settings
) -> None:
    settings.PUBLIC_URL = "https://pairs.example.org"
    chosen = {row["chosen"] for row in rows(export(judged, alice, "pairs", images="urls"))}
    comparison = judged.comparisons.order_by("created_at", "id")[0]
    assert f"https://pairs.example.org/images/{comparison.left_id}/" in chosen


def test_pairs_of_an_excluded_image_are_left_out_and_counted(judged: Project, alice: User) -> None:
    for image in judged.images.all():
        update_image(image, excluded=True)
    made = export(judged, alice, "pairs")
    assert (made.rows, made.left_out["image excluded"]) == (0, 5)


def test_rankings_are_the_images_in_their_order_with_the_run_they_come_from(
    judged: Project, alice: User
) -> None:
    made = export(judged, alice, "rankings")
    ranked = rows(made)
    run = recompute(judged.id)
    assert made.run == run
    assert [row["rank"] for row in ranked] == ["1", "2", "3", "4"]
    mus = [float(row["mu"]) for row in ranked]
    assert mus == sorted(mus, reverse=True)
    assert mus == list(run.ratings.order_by("rank").values_list("mu", flat=True)), "to the last bit"
    assert {row["fingerprint"] for row in ranked} == {run.fingerprint}


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_the_same_log_gives_the_same_bytes_and_their_checksum(
    judged: Project, alice: User, format: str
) -> None:
    for file in FORMATS[format].files:
        options = {"file": file} | ({"images": "names"} if needs_names(format, file) else {})
        one, other = (export(judged, alice, format, **options) for _ in range(2))
        content = path_of(one).read_bytes()
        assert content == path_of(other).read_bytes(), file
        assert one.sha256 == other.sha256 == hashlib.sha256(content).hexdigest()
        assert one.bytes == len(content)
        assert one.rows > 0
        if file in ("csv", "json", "jsonl", "parquet"):
            assert one.rows == len(rows(one))
        assert one.card == other.card.replace(file_name(other), file_name(one))


def needs_names(format: str, file: str) -> bool:
    """A text cannot hold pictures, and has none beside it."""
    known = {option.name for option in FORMATS[format].options}
    return file in ("json", "jsonl", "csv") and "images" in known


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", " =1", "'=1", '"=1', "\t=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_defused_in_csv_only(
    judged: Project, alice: User, name: str
) -> None:
    judged.images.update(name=name)
    assert {row["name"] for row in rows(export(judged, alice, "rankings"))} == {f"'{name}"}
    assert {row["chosen"] for row in rows(export(judged, alice, "pairs"))} == {name}


def test_text_of_any_kind_survives_the_round_trip(judged: Project, alice: User) -> None:
    name = 'a "b", c\nd — 猫 😺'
    judged.images.update(name=name)
    content = path_of(export(judged, alice, "rankings")).open(newline="", encoding="utf-8")
    assert {row["name"] for row in csv.DictReader(content)} == {name}
    assert rows(export(judged, alice, "pairs"))[0]["chosen"] == name


def test_a_project_without_comparisons_gives_an_empty_file_with_its_header(
    project: Project, alice: User
) -> None:
    made = export(project, alice, "comparisons")
    assert made.rows == 0
    assert path_of(made).read_text().startswith("schema_version,id,project,")


@pytest.mark.parametrize(
    ("format", "options", "complaint"),
    [
        (
            "parquet",
            {},
            "There is no format “parquet”. Choose one of: rankings, comparisons, pairs",
        ),
        (
            "pairs",
            {"file": "xlsx"},
            "come as jsonl or json or csv or parquet or zip, not as “xlsx”",
        ),
        ("pairs", {"images": "bytes"}, "must be one of: names, urls, paths"),
        ("rankings", {"ties": "half"}, "is no option of rankings"),
    ],
)
def test_what_cannot_be_exported_is_refused_at_once(
    project: Project, alice: User, format: str, options: dict, complaint: str
) -> None:
    with pytest.raises(Invalid, match=complaint):
        request_export(project, alice, format, options)
    assert not Export.objects.exists()


# --- The life of an export ---------------------------------------------------------------------------


def test_an_export_is_written_once_however_often_its_task_comes(
    judged: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = export(judged, alice, "pairs")
    monkeypatch.setattr("rating.exports.jobs._write", lambda export: pytest.fail("written again"))
    run_export(made.id)


def test_an_export_that_fails_says_why_and_leaves_no_half_file(
    judged: Project, alice: User, monkeypatch: pytest.MonkeyPatch, settings
) -> None:
    def disk_full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", disk_full)
    before = set(settings.EXPORT_DIR.glob("*")) if settings.EXPORT_DIR.exists() else set()
    made = request_export(judged, alice, "pairs", {})
    run_export(made.id)
    made.refresh_from_db()
    assert (made.status, "No space left" in made.error) == ("failed", True)
    assert set(settings.EXPORT_DIR.glob("*")) == before


def test_an_export_whose_worker_died_is_begun_again(judged: Project, alice: User) -> None:
    made = request_export(judged, alice, "pairs", {})
    assert unfinished_exports() == [made.id]
    Export.objects.update(status="running", started_at=timezone.now())
    assert unfinished_exports() == []
    Export.objects.update(started_at=timezone.now() - timedelta(hours=2))
    assert unfinished_exports() == [made.id]
    run_export(made.id)
    made.refresh_from_db()
    assert made.status == "done"


def test_a_pair_that_the_same_person_judges_again_is_a_repeat(
    project: Project, images: list[Image], bob: User, carol: User
) -> None:
    def judge(project: Project, user: User) -> Comparison:
        (opened,) = open_assignments(membership(project, user)).assignments
        return record_comparison(user, opened.id, Outcome.LEFT)[0]

    def repeats() -> list[bool]:
        batches = comparison_batches(project)
        return [value for batch in batches for value in batch.column("repeat").to_pylist()]

    first = judge(project, bob)
    judge(project, carol)
    assert repeats() == [False, False]
    retract_comparison(bob, first.id)
    again = judge(project, bob)
    assert {again.left_id, again.right_id} == {first.left_id, first.right_id}
    assert repeats() == [False, False, True]
