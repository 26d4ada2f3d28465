"""What the documents say still runs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from celery.contrib.testing.worker import start_worker
from django.core.management import get_commands
from pytest_django.live_server_helper import LiveServer

from annotation import keys
from annotation.exports import COMPARISON_COLUMNS
from annotation.models import User
from annotation.tokens import create_token
from annotation.webhooks import EVENTS
from config.celery import app
from rating.algorithms.methods import METHODS
from rating.exports import FORMATS
from rating.services.compiling import compile_if_needed
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


def test_every_key_of_a_pair_is_told_to_annotators() -> None:
    """As it is before anybody changes it."""
    told = (ROOT / "docs" / "annotators.md").read_text()
    actions = keys.PAIR | keys.ANYWHERE | keys.CAUSES
    asked = {keys.label_of(key) for action in actions.values() for key in action.defaults}
    assert {key for key in asked - {"="} if f"`{key}`" not in told} == set()


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


def test_every_event_that_webhooks_are_told_of_is_documented() -> None:
    documented = (ROOT / "docs" / "ml-engineers.md").read_text()
    assert {event for event in EVENTS if f"| `{event}` |" not in documented} == set()


@pytest.mark.django_db(transaction=True)
def test_the_script_for_ml_engineers_runs_as_it_stands(
    live_server: LiveServer, tmp_path: Path
) -> None:
    admin = User.objects.create_superuser("admin", password=PASSWORD)
    _, token = create_token(admin)
    source = httpx.get(f"{live_server.url}/api/v1/client.py").raise_for_status()
    (tmp_path / "client.py").write_bytes(source.content)
    (tmp_path / "cats").mkdir()
    for n in range(3):
        (tmp_path / "cats" / f"{n}.png").write_bytes(picture(n))
    script = blocks(ROOT / "docs" / "ml-engineers.md", "python")[0]
    assert len(script.strip().splitlines()) <= 15
    environment = {
        "PATH": os.environ["PATH"],
        "PAIRWRIGHT_URL": live_server.url,
        "PAIRWRIGHT_TOKEN": token,
    }
    app.control.purge()
    compile_if_needed()
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
    assert "0.png" in done.stdout
    assert (tmp_path / "pairs.jsonl").read_text() == ""
    assert "Uploading: 100%" in done.stderr
