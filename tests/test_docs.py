"""What the documents say still runs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.contrib.testing.worker import start_worker
from django.core.management import get_commands
from pytest_django.live_server_helper import LiveServer

from annotation.exports import COMPARISON_COLUMNS
from annotation.models import User
from config.celery import app
from rating.algorithms.methods import METHODS
from rating.exports import FORMATS
from rating.services.runs import warm_up
from tests.conftest import PASSWORD, picture

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)


def words_after(pattern: str) -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        for found in re.findall(pattern, document.read_text()):
            yield document.name, found


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = dict(
        words_after(r"\bmake ((?:run|test|bench|check|lint|types|lock|clean|help)[a-z-]*)")
    )
    assert named
    assert {
        target for _, target in words_after(r"`make ([a-z-]+)") if target not in targets
    } == set()


def test_every_command_of_manage_py_that_is_named_exists() -> None:
    named = set(words_after(r"manage\.py ([a-z_]+)"))
    assert named
    assert {command for _, command in named} <= set(get_commands())


def test_every_setting_of_the_environment_is_documented_for_operators() -> None:
    source = (ROOT / "config" / "settings.py").read_text()
    settings = set(re.findall(r'(?:env\.\w+|required)\(\s*"([A-Z_]+)"', source))
    documented = (ROOT / "docs" / "operators.md").read_text()
    assert {name for name in settings if f"`{name}`" not in documented} == set()


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{document.name}: {target}"
        for document in DOCUMENTS
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert broken == []


def test_every_rating_method_is_explained() -> None:
    explained = (ROOT / "rating" / "METHODS.md").read_text()
    assert {key for key in METHODS if f"| `{key}` |" not in explained} == set()


def test_every_column_of_an_export_is_documented() -> None:
    documented = (ROOT / "docs" / "ml-engineers.md").read_text()
    columns = {column for format in FORMATS.values() for column in format.columns}
    words = set(re.findall(r"[a-z0-9_]+", documented))
    assert (columns | set(COMPARISON_COLUMNS)) - words == set()


@pytest.mark.django_db(transaction=True)
def test_the_script_for_ml_engineers_runs_as_it_stands(
    live_server: LiveServer, tmp_path: Path
) -> None:
    User.objects.create_superuser("admin", password=PASSWORD)
    (tmp_path / "cats").mkdir()
    for n in range(3):
        (tmp_path / "cats" / f"{n}.png").write_bytes(picture(n))
    script = blocks(ROOT / "docs" / "ml-engineers.md", "python")[0]
    environment = {
        "PATH": os.environ["PATH"],
        "PAIRWRIGHT_URL": live_server.url,
        "PAIRWRIGHT_USER": "admin",
        "PAIRWRIGHT_PASSWORD": PASSWORD,
    }
    app.control.purge()
    warm_up()
    with start_worker(app, pool="threads", perform_ping_check=False, shutdown_timeout=30):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert "/invitations/" in done.stdout
    assert "'images': 3" in done.stdout
    assert (tmp_path / "pairs.jsonl").read_text() == ""
