"""Compiling the numerics holds nobody but those who need them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from annotation.models import Image, Project
from rating.models import RatingRun
from rating.services import compiling
from rating.tasks import recompute_project


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What is started in place of the compiling child: it finds out whether somebody compiles."""
    started: list[list[str]] = []
    popen = subprocess.Popen

    def start(command: list[str], **named: Any) -> Any:
        started.append(command)
        assert compiling.is_compiling()
        return popen([sys.executable, "-c", f"raise SystemExit({len(started) == 1:d})"], **named)

    monkeypatch.setattr(subprocess, "Popen", start)
    return started


def test_they_are_compiled_once_and_again_after_a_failure(child: list[list[str]]) -> None:
    compiling.compile_if_needed()  # the first child fails
    compiling.compile_if_needed()
    compiling.compile_if_needed()
    assert [command[1:3] for command in child] == [["manage.py", "compile_numerics"]] * 2
    assert not compiling.is_compiling()


@pytest.mark.django_db
def test_a_rating_waits_while_they_are_compiled(project: Project, images: list[Image]) -> None:
    with compiling._locked():
        recompute_project(str(project.id))
        assert not RatingRun.objects.exists()
    recompute_project(str(project.id))
    assert RatingRun.objects.exists()
