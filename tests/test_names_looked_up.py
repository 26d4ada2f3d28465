# ruff: noqa: RUF001
"""Prompts, criteria, tags and images are found by any spelling of their names, and made but once."""

import csv
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from annotation.errors import Invalid
from annotation.imports.jobs import import_now
from annotation.imports.names import Names
from annotation.models import Project, User
from annotation.selectors import criterion_named
from annotation.services.assignments import open_assignments
from annotation.services.images import add_image, upload_image
from annotation.services.projects import update_project
from annotation.services.prompts import prompt_for, prompts_for, rename_prompt
from tests.api import as_user, url
from tests.conftest import membership, picture

pytestmark = pytest.mark.django_db

ONE_PROMPT = ["a red fox", "a  red fox", "a red\u00a0 fox", "a red\r\nfox", "\u200ba red fox\n"]


def test_texts_that_read_the_same_are_one_prompt_as_it_was_first_written(project: Project) -> None:
    found = prompts_for(project, [*ONE_PROMPT, "A red fox", " \u200b "])
    assert len({found[text].id for text in ONE_PROMPT}) == 1
    assert found["A red fox"].id != found["a red fox"].id
    assert set(project.prompts.values_list("text", flat=True)) == {"a red fox", "A red fox"}
    assert {prompt_for(project, text) for text in ONE_PROMPT} == {found["a red fox"]}
    assert prompt_for(project, "\u200b\n") is None


def test_a_manifest_of_one_prompt_in_many_spellings_has_pairs(
    project: Project, tmp_path: Path
) -> None:
    for n in range(len(ONE_PROMPT)):
        (tmp_path / f"{n}.png").write_bytes(picture(9 * n))
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["path", "prompt"], *([f"{n}.png", text] for n, text in enumerate(ONE_PROMPT))]
        )
    assert import_now(project, "manifest", {"path": str(tmp_path / "list.csv")}).added == 5
    assert project.prompts.count() == 1
    assert open_assignments(membership(project, User.objects.get(username="bob"))).assignments


def test_a_prompt_is_renamed_to_another_spelling_of_itself(project: Project) -> None:
    prompt = prompt_for(project, "a  red fox")
    assert prompt is not None
    assert rename_prompt(prompt, "a red fox").text == "a red fox"
    assert prompt_for(project, "a  red fox") == prompt


def test_ratings_are_listed_by_any_spelling_of_a_prompt(project: Project, alice: User) -> None:
    prompt_for(project, "a red fox")
    answer = as_user(alice).get(url("ratings", project_id=project.id), {"prompt": "a red\nfox"})
    assert answer.status_code in (200, 404)
    assert "no prompt" not in answer.content.decode()


def test_a_criterion_is_found_by_any_spelling(project: Project) -> None:
    assert criterion_named(project, "Better ").key == "better"
    with pytest.raises(Invalid):
        criterion_named(project, "beter")


def test_a_project_has_no_two_criteria_or_tags_that_are_one_name(project: Project) -> None:
    with pytest.raises(Invalid):
        update_project(project.id, criteria=[{"key": "better"}, {"key": "Better"}])
    for tags in (["hands", "Hands"], ["hands", "ｈands"], ["bad hands", "bad  hands"]):
        with pytest.raises(Invalid):
            update_project(project.id, tags=tags)


def test_twin_tags_of_before_stay_and_stop_no_other_change(project: Project) -> None:
    """The worker closes a project that has reached its target, whatever its tags."""
    Project.objects.filter(id=project.id).update(tags=["hands", "Hands"])
    assert update_project(project.id, state=Project.State.PAUSED).tags == ["hands", "Hands"]


def test_an_answer_names_tags_in_any_spelling_and_has_the_projects(
    project: Project, images: list[Any], bob: User
) -> None:
    update_project(project.id, tags=["Hände", "text"])
    given = open_assignments(membership(project, bob)).assignments[0]
    client = as_user(bob)
    said = {"assignment": str(given.id), "outcome": "left"}
    twice = client.post(url("comparisons"), said | {"tags": ["text", "TEXT"]})
    assert twice.status_code == 400
    answer = client.post(url("comparisons"), said | {"tags": ["ha\u0308nde"]})
    assert answer.status_code == 201
    assert answer.json()["tags"] == ["Hände"]


@pytest.mark.parametrize(
    "called", ["set/caf\u00e9.png", "set/cafe\u0301.png", "set\\cafe\u0301.png", "./set//café.png"]
)
def test_a_table_names_an_image_as_any_system_would(project: Project, called: str) -> None:
    for name in ("set/cafe\u0301.png", "other/1.png"):
        add_image(project, picture(len(name)), name=name)
    found = Names(project).find(called)
    assert not isinstance(found, str), found
    assert found.name == "set/cafe\u0301.png"


def test_of_images_whose_names_differ_in_spelling_alone_a_table_means_the_very_one(
    project: Project,
) -> None:
    for n, name in enumerate(["caf\u00e9.png", "cafe\u0301.png"]):
        add_image(project, picture(20 * n), name=name)
    names = Names(project)
    for name in ("caf\u00e9.png", "cafe\u0301.png"):
        found = names.find(name)
        assert not isinstance(found, str)
        assert found.name == name


@pytest.mark.parametrize("written", ["caf\u00e9/1.png", "cafe\u0301/1.png", "cafe\u0301\\1.png"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_manifest_finds_files_as_any_system_wrote_them(
    project: Project, tmp_path: Path, written: str, form: Any
) -> None:
    folder = tmp_path / unicodedata.normalize(form, "café")
    folder.mkdir()
    (folder / "1.png").write_bytes(picture())
    (tmp_path / "list.csv").write_text(f"path\n{written}\n")
    assert import_now(project, "manifest", {"path": str(tmp_path / "list.csv")}).added == 1


def test_an_upload_sent_again_by_another_system_is_known(project: Project) -> None:
    assert upload_image(project, picture(), name="cafe\u0301.png")[1]
    assert not upload_image(project, picture(), name="caf\u00e9.png")[1]
