"""A project with two criteria: no export mixes what was asked under one with the other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from annotation.errors import Invalid
from annotation.models import Criterion, Image, Outcome, Project, User
from rating.exports import FORMATS
from rating.exports.jobs import path_of, request_export, run_export
from rating.models import Export
from tests.exporting import export, on_disk, vote
from tests.pages import logged_in

pytestmark = pytest.mark.django_db
LEFT, RIGHT = Outcome.LEFT, Outcome.RIGHT
# Whose rows hold nothing by which a reader could tell the criteria apart.
BLIND = {"pickapic", "imagereward", "hpdv2", "hpdv3", "image_ranker"}
TAKING = [*sorted(key for key, format in FORMATS.items() if format.prefers), "image_ranker"]


@pytest.fixture
def images(project: Project, alice: User, add_images: Callable[..., list[Image]]) -> list[Image]:
    """Two images of which the first is more beautiful, and the second more like the prompt."""
    project.criteria.update(key="beauty", question="Which is more beautiful?")
    match = Criterion.objects.create(
        project=project, key="match", question="Which fits?", position=1
    )
    one, two = add_images(2, prompt="a cat")
    vote(project, alice, one, two, LEFT, project.criteria.get(key="beauty"))
    vote(project, alice, one, two, RIGHT, match)
    return [one, two]


def test_every_preference_format_takes_a_criterion() -> None:
    assert len(FORMATS) == 13
    assert set(FORMATS) - set(TAKING) == {"rankings", "comparisons"}
    for key in TAKING:
        assert "criterion" in FORMATS[key].json_schema["properties"], key
    for key in set(FORMATS) - BLIND - {"trl", "kto"}:
        assert "criterion" in FORMATS[key].columns, f"{key} tells them apart by a column"


@pytest.mark.parametrize("key", sorted(BLIND))
def test_where_a_row_does_not_tell_its_criterion_one_must_be_chosen(
    project: Project, images: list[Image], alice: User, key: str
) -> None:
    with pytest.raises(Invalid, match=r"several criteria, .* as “criterion”: beauty, match"):
        request_export(project, alice, key, {})
    assert not Export.objects.exists()
    project.criteria.filter(key="match").update(key="other")
    with pytest.raises(Invalid, match="has no criterion “match”. It has: beauty, other"):
        request_export(project, alice, key, {"criterion": "match"})


@pytest.mark.parametrize("key", TAKING)
def test_only_the_comparisons_of_the_chosen_criterion_are_exported(
    project: Project, images: list[Image], alice: User, key: str
) -> None:
    for criterion in ("beauty", "match"):
        made = export(project, alice, key, criterion=criterion)
        assert made.left_out["another criterion"] == 1, key
        assert f"| option `criterion` | {criterion} |" in made.card or key == "image_ranker"


@pytest.mark.parametrize(("criterion", "winner"), [("beauty", 0), ("match", 1)])
def test_the_winner_is_that_of_the_chosen_criterion(
    project: Project,
    images: list[Image],
    alice: User,
    tmp_path: Path,
    criterion: str,
    winner: int,
) -> None:
    best = images[winner]
    chosen = {"criterion": criterion}

    def rows(key: str, **options: Any) -> Any:
        made = export(project, alice, key, **chosen, **options)
        path = path_of(made)
        return pq.read_table(path).to_pylist() if made.file == "parquet" else path.read_text()

    (row,) = rows("pickapic")
    assert row["best_image_uid"] == str(best.id)
    names = {"images": "names", "file": "json"}
    (row,) = json.loads(rows("hpdv3", **names))
    assert row["path1"] == best.name
    (row,) = json.loads(rows("hpdv2", **names))
    assert row["file_path"][row["human_preference"].index(1)] == best.name
    (row,) = json.loads(rows("imagereward", **names))
    assert row["generations"][row["ranking"].index(1)] == best.name
    winners = rows("image_ranker", file="csv").splitlines()
    assert winners[1].split(",")[0] == best.name
    (row,) = (json.loads(line) for line in rows("pairs").splitlines())
    assert (row["chosen"], row["criterion"]) == (best.name, criterion)
    folder = on_disk(export(project, alice, "imagefolder", **chosen), tmp_path)
    (line,) = (folder / "train" / "metadata.jsonl").read_text().splitlines()
    assert json.loads(line)["criterion"] == criterion


def test_formats_whose_rows_tell_the_criterion_hold_all_of_them_unless_one_is_chosen(
    project: Project, images: list[Image], alice: User
) -> None:
    for key in sorted(set(TAKING) - BLIND):
        assert export(project, alice, key).left_out == {}, key
    # Two criteria with the same question are not told apart by it.
    project.criteria.update(question="Which is better?")
    for key in ("trl", "kto"):
        with pytest.raises(Invalid, match="cannot tell them apart"):
            request_export(project, alice, key, {})
        assert export(project, alice, key, criterion="match").rows


def test_a_criterion_that_is_added_while_an_export_waits_fails_it_with_the_reason(
    project: Project, alice: User, add_images: Callable[..., list[Image]]
) -> None:
    made = request_export(project, alice, "hpdv3", {})
    Criterion.objects.create(project=project, key="match", position=1)
    run_export(made.id)
    made.refresh_from_db()
    assert made.status == Export.Status.FAILED
    assert "Choose one as “criterion”" in made.error


def test_one_criterion_needs_no_choice(
    project: Project, alice: User, add_images: Callable[..., list[Image]]
) -> None:
    one, two = add_images(2)
    vote(project, alice, one, two, LEFT)
    for key in TAKING:
        assert export(project, alice, key).rows, key


def test_the_api_the_command_and_the_page_say_the_same(
    project: Project, images: list[Image], alice: User, tmp_path: Path
) -> None:
    client = APIClient()
    client.force_authenticate(alice)
    where = f"/api/v1/projects/{project.id}/exports/"
    refused = client.post(where, {"format": "hpdv2"}, format="json")
    assert refused.status_code == 400
    assert "beauty, match" in json.dumps(refused.json(), ensure_ascii=False)
    options = {"criterion": "match"}
    asked = client.post(where, {"format": "hpdv2", "options": options}, format="json")
    assert (asked.status_code, asked.json()["options"]["criterion"]) == (202, "match")

    target = tmp_path / "out.json"
    command = ["export", str(project.id), "hpdv2", f"--output={target}", "--option=file=json"]
    command.append("--option=images=names")
    with pytest.raises(CommandError, match="beauty, match"):
        call_command(*command)
    call_command(*command, "--option=criterion=match")
    assert json.loads(target.read_text())

    pages = logged_in(alice)
    form = pages.get(f"/projects/{project.id}/dashboard/").content.decode()
    assert form.count('<select name="criterion" required>') == len(BLIND)
    assert form.count('<select name="criterion">') == len(TAKING) - len(BLIND)
    sent = pages.post(f"/projects/{project.id}/exports/", {"format": "hpdv3"}, follow=True)
    assert "several criteria" in sent.content.decode()
    pages.post(f"/projects/{project.id}/exports/", {"format": "hpdv3", "criterion": "beauty"})
    assert Export.objects.get(format="hpdv3").options["criterion"] == "beauty"
