"""Every layout is read by what it is for: here by the `datasets` library, offline."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from annotation.models import Image, Outcome, Project, User
from rating.exports import FORMATS
from rating.exports.format import Facts
from rating.exports.splits import Splits
from tests.exporting import export, on_disk, vote

pytestmark = pytest.mark.django_db
LEFT, RIGHT, TIE, BOTH_BAD = Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """`load_dataset`, which reaches no network and keeps nothing."""
    import datasets
    import huggingface_hub

    # For this test only: other tests push to a hub of their own.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setattr(datasets.config, name, True)
    datasets.disable_progress_bars()

    def load(*args: Any, **options: Any) -> Any:
        return datasets.load_dataset(*args, cache_dir=str(tmp_path / "cache"), **options)

    return load


@pytest.fixture
def judged(
    project: Project, add_images: Callable[..., list[Image]], bob: User, carol: User
) -> Project:
    """Eight prompts of three images; bob and carol agree on most, tie on some, and like none of others."""
    for number in range(8):
        a, b, c = add_images(3, prompt=f"a cat number {number}", model=f"model-{number % 2}")
        vote(project, bob, a, b, LEFT)
        vote(project, carol, b, a, RIGHT)
        vote(project, bob, b, c, LEFT if number % 2 else TIE)
        vote(project, carol, a, c, LEFT if number % 4 else BOTH_BAD)
    return project


FRACTIONS = {"train": 0.6, "test": 0.4}


def split_of(project: Project) -> dict[str, Any]:
    """With a seed by which both splits have something; ids are random, and prompts few."""
    images = [
        Facts(
            str(one.id), one.id, "", one.prompt_id, str(one.prompt), "", "", None, one.sha256, False
        )
        for one in project.images.select_related("prompt")
    ]
    for seed in itertools.count():
        splits = Splits(FRACTIONS, seed, images, {})
        if {splits.of(image) for image in images} == set(FRACTIONS):
            return {"split": FRACTIONS, "seed": seed}
    raise AssertionError


@pytest.mark.parametrize("file", ["csv", "json", "jsonl", "parquet"])
@pytest.mark.parametrize("format", ["comparisons", "rankings", "pairs"])
def test_tables_are_loaded_by_the_builder_of_their_type(
    judged: Project, alice: User, load: Any, tmp_path: Path, format: str, file: str
) -> None:
    made = export(judged, alice, format, file=file)
    builder = {"jsonl": "json"}.get(file, file)
    path = str(on_disk(made, tmp_path / "data"))
    rows = load(builder, data_files=path, split="train")
    assert len(rows) == made.rows > 0
    assert set(FORMATS[format].columns_of({"votes": "each"})) <= set(rows.column_names)


def test_every_archive_is_loaded_by_its_card_alone(
    judged: Project, alice: User, load: Any, tmp_path: Path
) -> None:
    """The card's head says which file is which split; nothing else need be told."""
    split = split_of(judged)
    for key, format in FORMATS.items():
        if "zip" not in format.files or "split" not in {option.name for option in format.options}:
            continue
        made = export(judged, alice, key, file="zip", **split)
        folder = on_disk(made, tmp_path / key)
        names = ["train", "test"] if format.own_config else [None]
        found: dict[str, int] = {}
        for name in names:
            found |= {split: len(rows) for split, rows in load(str(folder), name).items()}
        assert set(found) == {"train", "test"}, key
        assert sum(found.values()) == made.rows, key


def test_pick_a_pic_has_raw_bytes_and_the_right_types(
    judged: Project, alice: User, load: Any, tmp_path: Path
) -> None:
    made = export(judged, alice, "pickapic")
    path = str(on_disk(made, tmp_path / "data"))
    for streaming in (False, True):
        rows = load("parquet", data_files=path, split="train", streaming=streaming)
        types = {name: getattr(kind, "dtype", None) for name, kind in rows.features.items()}
        assert types["jpg_0"] == types["jpg_1"] == "binary", "an Image feature would break trainers"
        assert types["label_0"] == types["label_1"] == "float64"
        assert types["created_at"] == "timestamp[ns]"
        assert {types[name] for name in ("ranking_id", "user_id", "num_example_per_prompt")} == {
            "int64"
        }
        assert {types[name] for name in ("are_different", "has_label")} == {"bool"}
    row = next(iter(rows))
    assert PIL.Image.open(io.BytesIO(row["jpg_0"])).format == "JPEG"


def test_a_diffusion_trainer_takes_the_winner_for_the_winner(
    judged: Project, alice: User, load: Any, tmp_path: Path
) -> None:
    """As such trainers do it: open both, and swap the two only if label_0 is 0."""
    rows = load(
        "parquet",
        data_files=str(on_disk(export(judged, alice, "pickapic"), tmp_path / "data")),
        split="train",
    )
    winners = set()
    for row in rows:
        pair = [row["image_0_uid"], row["image_1_uid"]]
        if row["label_0"] == 0:
            pair.reverse()
        assert pair[0] == row["best_image_uid"]
        assert (row["label_0"], row["label_1"]) in ((1.0, 0.0), (0.0, 1.0))
        winners.add(row["label_0"])
    assert winners == {0.0, 1.0}, "the winner is on both sides"


def test_soft_labels_of_pick_a_pic_put_the_preferred_image_first(
    judged: Project, alice: User, load: Any, tmp_path: Path
) -> None:
    made = export(judged, alice, "pickapic", votes="posterior", labels="soft")
    rows = load("parquet", data_files=str(on_disk(made, tmp_path / "data")), split="train")
    assert all(row["label_0"] > 0.5 for row in rows)
    assert any(row["label_0"] < 0.99 for row in rows)


def test_an_image_folder_shows_chosen_and_rejected_as_images(
    judged: Project, alice: User, load: Any, tmp_path: Path
) -> None:
    import datasets

    folder = on_disk(export(judged, alice, "imagefolder", **split_of(judged)), tmp_path / "data")
    loaded = load("imagefolder", data_dir=str(folder))
    assert set(loaded) == {"train", "test"}
    features = loaded["train"].features
    assert isinstance(features["chosen"], datasets.Image)
    assert isinstance(features["rejected"], datasets.Image)
    assert loaded["train"][0]["chosen"].size == (60, 40)


@pytest.mark.parametrize("streaming", [False, True])
def test_parquet_with_images_is_loaded_and_streamed(
    judged: Project, alice: User, load: Any, tmp_path: Path, streaming: bool
) -> None:
    made = export(judged, alice, "hf_parquet", votes="majority", ties="half")
    path = str(on_disk(made, tmp_path / "data"))
    rows = load("parquet", data_files=path, split="train", streaming=streaming)
    row = next(iter(rows))
    assert row["image_1"].size == row["image_2"].size == (60, 40)
    assert row["label_1"] + row["label_2"] == 1
    assert row["votes_1"] + row["votes_2"] + row["ties"] > 0


def test_a_webdataset_is_read_as_a_stream(
    judged: Project, alice: User, load: Any, tmp_path: Path
) -> None:
    made = export(judged, alice, "webdataset")
    path = str(on_disk(made, tmp_path / "data"))
    rows = load("webdataset", data_files={"train": path}, split="train", streaming=True)
    first = list(itertools.islice(rows, 3))
    assert [row["__key__"] for row in first] == ["000000000", "000000001", "000000002"]
    assert first[0]["0.jpg"].size == first[0]["1.jpg"].size == (60, 40)
    assert first[0]["json"]["prompt"].startswith("a cat")
    assert first[0]["json"]["schema_version"] == 1


@pytest.mark.parametrize("format", ["trl", "kto"])
def test_the_judges_task_has_two_images_and_messages(
    judged: Project, alice: User, load: Any, tmp_path: Path, format: str
) -> None:
    made = export(judged, alice, format)
    rows = load(
        "parquet", data_files=str(on_disk(made, tmp_path / "data")), split="train", streaming=True
    )
    answers = set()
    for row in rows:
        assert [image.size for image in row["images"]] == [(60, 40), (60, 40)]
        assert row["prompt"][0]["role"] == "user"
        if format == "trl":
            answers.add((row["chosen"][0]["content"], row["rejected"][0]["content"]))
        elif row["label"]:
            answers.add(row["completion"][0]["content"])
    assert answers == ({("A", "B"), ("B", "A")} if format == "trl" else {"A", "B"})


def test_the_lists_of_reward_models_name_pictures_that_are_there(
    judged: Project, alice: User, load: Any, tmp_path: Path
) -> None:
    for format, columns in (
        ("imagereward", ("generations",)),
        ("hpdv2", ("file_path",)),
        ("hpdv3", ("path1", "path2")),
    ):
        folder = on_disk(export(judged, alice, format), tmp_path / format)
        rows = load("json", data_files=str(folder / "train.json"), split="train")
        paths = [row[column] for row in rows for column in columns]
        named = [path for part in paths for path in (part if isinstance(part, list) else [part])]
        assert named
        assert {PIL.Image.open(folder / path).size for path in named} == {(60, 40)}
