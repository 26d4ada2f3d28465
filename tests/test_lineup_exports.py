"""Exports of a log in which some screens showed two images and others more."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from annotation.models import Image, Outcome, Project, Purpose, Screen, User
from annotation.services.comparisons import record_comparison, retract_comparison
from rating.exports import FORMATS
from tests.exporting import export, on_disk, vote
from tests.lineups import ids, lineup, ordered

pytestmark = pytest.mark.django_db


@pytest.fixture
def images(add_images: Any) -> list[Image]:
    return add_images(4, prompt="a cat", model="painter")


@pytest.fixture
def mixed(project: Project, images: list[Image], bob: User, carol: User) -> Project:
    """A pair, the best and the worst of four, a skipped lineup, and a lineup that was a check."""
    a, b, c, d = images
    vote(project, bob, a, b, Outcome.LEFT, duration_ms=900)
    ordered(project, carol, [a], [c, b], [d], screen=Screen.BEST_WORST, duration_ms=4000)
    record_comparison(bob, lineup(project, bob, [a, b, c], Screen.BEST).id, Outcome.SKIP)
    check = lineup(project, bob, [a, b, c], Screen.ORDER, purpose=Purpose.GOLD)
    record_comparison(bob, check.id, Outcome.ORDERED, levels=[ids([a]), ids([c]), ids([b])])
    return project


def rows_of(made: Any, folder: Path) -> list[dict[str, Any]]:
    path = on_disk(made, folder)
    if made.file == "jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if made.file == "json":
        return json.loads(path.read_text())
    if made.file == "csv":
        with path.open(newline="") as lines:
            return list(csv.DictReader(lines))
    return pq.read_table(path).to_pylist()


@pytest.mark.parametrize("file", ["csv", "json", "jsonl", "parquet"])
def test_the_raw_log_has_what_was_shown_and_said_in_every_file(
    mixed: Project, images: list[Image], alice: User, tmp_path: Path, file: str
) -> None:
    rows = rows_of(export(mixed, alice, "comparisons", file=file), tmp_path)
    nothing = "" if file == "csv" else None

    def read(value: Any) -> Any:
        return json.loads(value) if file in ("csv", "parquet") and value else value

    a, b, c, d = ids(images)
    assert [row["screen"] for row in rows] == ["pair", "best_worst", "best", "order"]
    assert [row["purpose"] for row in rows] == ["ranking"] * 3 + ["gold"]
    assert [row["prompt"] for row in rows] == ["a cat"] * 4
    assert [row["outcome"] for row in rows] == ["left", "ordered", "skip", "ordered"]
    assert [row["left"] for row in rows] == [a, nothing, nothing, nothing]
    assert [row["right_name"] for row in rows] == ["1.png", nothing, nothing, nothing]
    assert [read(row["levels"]) for row in rows] == [
        nothing,
        [[a], [b, c], [d]],
        nothing,
        [[a], [c], [b]],
    ]
    assert [read(row["shown"]) for row in rows] == [nothing, [d, b, c, a], [a, b, c], [a, b, c]]
    assert [row["gold"] for row in rows] == [nothing] * 4


# --- Preferences -------------------------------------------------------------------------------------


def test_a_lineup_gives_the_pairs_that_it_implies_and_the_card_says_so(
    mixed: Project, images: list[Image], alice: User, tmp_path: Path
) -> None:
    made = export(mixed, alice, "pairs", images="names")
    rows = rows_of(made, tmp_path)
    said = sorted((row["chosen"], row["rejected"], row["from_lineup"]) for row in rows)
    a, b, c, d = (image.name for image in images)
    implied = [(a, b), (a, c), (a, d), (b, d), (c, d)]
    assert said == sorted([(a, b, False), *((*pair, True) for pair in implied)])
    assert len({row["comparison"] for row in rows}) == 2
    assert made.left_out == {"asked as a check": 3, "skip": 1}
    assert "| in rows | 6 |" in made.card
    assert "| in all | 10 |" in made.card
    assert (
        "5 of the judgements, in 5 rows, come from screens with more than two images" in made.card
    )
    assert "not independent" in made.card


def test_lineups_may_be_left_out_and_are_counted(
    mixed: Project, images: list[Image], alice: User, tmp_path: Path
) -> None:
    made = export(mixed, alice, "pairs", images="names", lineups="drop")
    assert [row["chosen"] for row in rows_of(made, tmp_path)] == [images[0].name]
    assert made.left_out == {"several images on the screen": 3}
    assert "come from screens" not in made.card


def test_votes_of_pairs_and_lineups_of_the_same_two_images_are_merged(
    mixed: Project, images: list[Image], alice: User, rita: User, tmp_path: Path
) -> None:
    a, b, *_ = images
    vote(mixed, rita, b, a, Outcome.LEFT)
    rows = rows_of(export(mixed, alice, "pairs", images="names", votes="majority"), tmp_path)
    (row,) = (row for row in rows if {row["image_1"], row["image_2"]} == {str(a.id), str(b.id)})
    for_a = row["votes_1"] if row["image_1"] == str(a.id) else row["votes_2"]
    assert (for_a, row["votes_1"] + row["votes_2"], row["from_lineups"]) == (2, 3, 1)
    assert row["agreement"] == pytest.approx(2 / 3, abs=1e-6)


def test_pairs_come_in_one_order_by_prompt_whichever_screen_they_are_from(
    project: Project, add_images: Any, alice: User, bob: User, carol: User, tmp_path: Path
) -> None:
    for prompt in ("a dog", "", "a cat"):
        images = add_images(4, prompt=prompt)
        ordered(project, carol, *[[image] for image in images])
        vote(project, bob, images[0], images[3], Outcome.LEFT)
        vote(project, alice, images[3], images[1], Outcome.RIGHT)
    rows = rows_of(export(project, alice, "pairs", votes="majority", images="names"), tmp_path)
    assert len(rows) == 3 * 6
    prompts = [row["prompt"] for row in rows]
    assert prompts[:6] == prompts[:1] * 6
    assert prompts[12:] == [""] * 6
    for start in (0, 6, 12):
        pairs = [(row["image_1"], row["image_2"]) for row in rows[start : start + 6]]
        assert pairs == sorted(pairs)
    assert sum(row["votes_1"] + row["votes_2"] for row in rows) == 3 * 8


def test_an_excluded_image_takes_its_pairs_and_a_retraction_the_whole_lineup(
    mixed: Project, images: list[Image], alice: User, tmp_path: Path
) -> None:
    Image.objects.filter(id=images[3].id).update(excluded=True)
    made = export(mixed, alice, "pairs", images="names")
    assert len(rows_of(made, tmp_path)) == 3
    assert made.left_out["image excluded"] == 3
    retract_comparison(alice, mixed.comparisons.get(screen=Screen.BEST_WORST).id)
    made = export(mixed, alice, "pairs", images="names")
    assert len(rows_of(made, tmp_path)) == 1
    assert made.left_out == {"asked as a check": 3, "retracted": 5, "skip": 1}


def test_each_implied_pair_is_told_from_the_others(
    mixed: Project, images: list[Image], alice: User, tmp_path: Path
) -> None:
    rows = rows_of(export(mixed, alice, "pickapic", file="parquet"), tmp_path)
    assert len({row["ranking_id"] for row in rows}) == len(rows) == 6
    assert {row["num_example_per_prompt"] for row in rows} == {6}


def test_the_ancestors_file_has_winners_and_losers_of_lineups_too(
    mixed: Project, images: list[Image], alice: User, tmp_path: Path
) -> None:
    made = export(mixed, alice, "image_ranker", file="csv")
    a, b, c, d = (image.name for image in images)
    lines = [(row["Winner"], row["Loser"]) for row in rows_of(made, tmp_path)]
    assert lines[0] == (a, b)
    assert sorted(lines[1:]) == sorted([(a, b), (a, c), (a, d), (b, d), (c, d)])
    made = export(mixed, alice, "image_ranker", file="csv", lineups="drop")
    assert len(rows_of(made, tmp_path / "dropped")) == 1


@pytest.mark.parametrize("key", [key for key in FORMATS if key != "comparisons"])
def test_every_format_takes_a_mixed_log_and_writes_the_same_again(
    mixed: Project, alice: User, key: str
) -> None:
    for file in FORMATS[key].files:
        embedded = "images" in FORMATS[key].with_defaults({}) and file not in ("parquet", "zip")
        options = {"images": "names"} if embedded else {}
        made = [export(mixed, alice, key, file=file, **options) for _ in range(2)]
        assert made[0].sha256 == made[1].sha256
        assert made[0].rows > 0
