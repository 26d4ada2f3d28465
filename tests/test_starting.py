"""Whatever is started with a configuration that cannot work ends with one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT
from tests.test_settings import DEPLOYMENT

COMMANDS = {
    "migrate": ["manage.py", "migrate"],
    "worker": ["-m", "celery", "--quiet", "--app", "config", "worker"],
    "beat": ["-m", "celery", "--quiet", "--app", "config", "beat"],
    "web": ["-c", "import config.wsgi"],
    "supervisor": ["-m", "config.supervisor"],
}


def sentence(tmp_path: Path, command: str, **environ: str) -> str:
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, *COMMANDS[command]],
        cwd=ROOT,
        env={**clean, "DATA_DIR": str(tmp_path), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    return line


@pytest.mark.parametrize("command", COMMANDS)
def test_a_data_dir_that_cannot_be_made_is_named(tmp_path: Path, command: str) -> None:
    said = sentence(tmp_path, command, DATA_DIR="/dev/null/data")
    assert "DATA_DIR cannot be used: Not a directory: /dev/null/data" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_of_another_kind_is_named(tmp_path: Path, command: str) -> None:
    said = sentence(tmp_path, command, **DEPLOYMENT | {"DATABASE_URL": "mysql://u:p@db/x"})
    assert "DATABASE_URL must name a Postgres database" in said


@pytest.mark.parametrize("command", ["migrate"])
def test_a_host_that_does_not_exist_is_named(tmp_path: Path, command: str) -> None:
    url = "postgresql://u:a-secret@no.such.host.invalid/x"
    said = sentence(tmp_path, command, **DEPLOYMENT | {"DATABASE_URL": url})
    assert (
        "Pairwright cannot use its database: failed to resolve host 'no.such.host.invalid'" in said
    )
    assert "a-secret" not in said


def test_a_database_that_nobody_can_open_is_named(tmp_path: Path) -> None:
    (tmp_path / "pairwright.sqlite3").write_text("no database at all, but a file of some length")
    assert "Pairwright cannot use its database: file is not a database" in sentence(
        tmp_path, "migrate"
    )
