"""The commands of `manage.py` that set Pairwright up."""

import io
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from annotation.models import Image, Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from tests.conftest import membership, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.png").write_bytes(picture(n))
    return folder


def bootstrap(*args: object) -> tuple[str, str]:
    """What it prints for the way in, and what it tells besides."""
    out, err = io.StringIO(), io.StringIO()
    call_command("bootstrap", *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_folder_becomes_an_open_project_of_admin(folder: Path) -> None:
    _, told = bootstrap("--images", folder)
    project = Project.objects.get()
    assert (project.name, project.state, project.images.count()) == ("photographs", "open", 3)
    assert project.memberships.get().user.username == "admin"
    assert "3 new pictures" in told


def test_a_second_time_adds_nothing_and_loses_nothing(folder: Path) -> None:
    bootstrap("--images", folder)
    admin = User.objects.get()
    (opened,) = open_assignments(membership(Project.objects.get(), admin)).assignments
    record_comparison(admin, opened.id, Outcome.LEFT)
    bootstrap("--images", folder)
    bootstrap()
    project = Project.objects.get()
    assert (project.images.count(), project.comparisons.count()) == (3, 1)


def test_without_a_folder_there_is_a_demo_whose_pictures_the_program_paints() -> None:
    bootstrap()
    project = Project.objects.get()
    assert project.name.startswith("Demo")
    assert project.images.count() == 18
    assert project.prompts.count() == 3
    assert len(set(project.images.values_list("sha256", flat=True))) == 18
    bootstrap()
    assert Project.objects.count() == 1


def test_the_way_in_is_a_link_that_works_once(client: Client, folder: Path) -> None:
    way_in, _ = bootstrap("--images", folder)
    link = way_in.split()[-1]
    assert way_in.count("\n") == 1
    path = link.removeprefix(link.split("/enter/")[0])
    assert client.get(path).status_code == 302
    assert client.get("/").context["user"].username == "admin"
    assert Client().get(path).status_code == 410


def test_with_a_password_given_admin_logs_in_with_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "first long password")
    way_in, _ = bootstrap("--images", folder)
    assert "ADMIN_PASSWORD" in way_in
    assert "first long password" not in way_in
    assert User.objects.get().check_password("first long password")
    monkeypatch.setenv("ADMIN_PASSWORD", "second long password")
    bootstrap()
    assert User.objects.get().check_password("second long password")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no folder .*nowhere"):
        bootstrap("--images", tmp_path / "nowhere")
    assert not Project.objects.exists()


def test_files_that_are_refused_are_told_with_their_reason(folder: Path) -> None:
    (folder / "broken.jpg").write_bytes(b"no picture")
    _, told = bootstrap("--images", folder)
    assert "refused broken.jpg: This is not a picture" in told


def test_a_login_link_is_for_somebody_who_is_there(bob: User) -> None:
    out = io.StringIO()
    call_command("login_link", "bob", stdout=out)
    assert "/enter/" in out.getvalue()
    with pytest.raises(CommandError, match="no active person called “nobody”"):
        call_command("login_link", "nobody")


def test_recompute_prints_the_same_fingerprint_for_the_same_log(
    project: Project, images: list[Image]
) -> None:
    said = []
    for _ in range(2):
        out = io.StringIO()
        call_command("recompute", project.id, stdout=out)
        said.append(out.getvalue())
    assert said[0] == said[1]


# --- The way of a script ------------------------------------------------------------------------------


def said(*command: object) -> tuple[str, str]:
    """What a command prints, and what it tells besides."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*map(str, command), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_project_is_made_watched_and_exported_by_commands(
    alice: User, folder: Path, tmp_path: Path
) -> None:
    id_, _ = said(
        *("create_project", "Cats", "--manager", "alice", "--state", "open"),
        *("--criterion", "cuter=Which is cuter?", "--overlap", 2),
    )
    project = Project.objects.get(id=id_.strip())
    criterion = project.criteria.get()
    assert (criterion.key, criterion.question, project.overlap) == ("cuter", "Which is cuter?", 2)
    said("import", "folder", project.id, folder)
    (opened,) = open_assignments(membership(project, alice)).assignments
    record_comparison(alice, opened.id, Outcome.LEFT)
    told, bar = said("watch", project.id, "--until", 0.1)
    assert told == "1 of 6 comparisons by 1 people\n"
    assert "Cats" in bar
    file = tmp_path / "pairs.jsonl"
    told, _ = said("export", project.id, "pairs", "-o", file, "--option", "images=urls")
    assert told.startswith(f"{file}: 1 rows, sha256 ")
    assert "/images/" in file.read_text()


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["create_project", "Cats", "--manager", "nobody"], "no person called “nobody”"),
        (["create_project", " ", "--manager", "alice"], "needs a name"),
        (["watch", uuid4()], "no project"),
        (["export", uuid4(), "pairs"], "no project"),
        (["export", "PROJECT", "pairs", "--option", "images=none"], "must be"),
        (["export", "PROJECT", "pairs", "--option", "no=1"], "no option"),
    ],
)
def test_what_a_command_cannot_do_is_one_sentence(
    project: Project, command: list[object], reason: str
) -> None:
    words = [project.id if word == "PROJECT" else word for word in command]
    with pytest.raises(CommandError, match=reason):
        said(*words)
