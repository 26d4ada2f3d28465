"""The Makefile and the lock files that it installs."""

import re
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.mutation import TESTS, files_for, modules_wanted
from tests.servers import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked(name: str) -> set[str]:
    """Each requirement of a lock file with its hashes, as one string."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    return {" ".join(line.split()) for line in text.splitlines()}


def names(requirements: set[str]) -> set[str]:
    return {Requirement(line.split(" --hash")[0]).name for line in requirements}


def test_help_has_a_line_for_every_target_that_a_person_may_want():
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in (
        "run",
        "test",
        "test-embedded",
        "screenshots",
        "lint",
        "types",
        "check",
        "lock",
        "clean",
    ):
        assert re.search(rf"^  make {target} +\S", shown, re.MULTILINE), target


def test_every_dependency_is_locked_and_the_tools_come_on_top_of_the_same_versions():
    runtime, development = locked("requirements.lock"), locked("requirements-dev.lock")
    # Without markers: what one platform alone needs to run, another may need for the tools.
    assert {_without_marker(line) for line in runtime} <= {
        _without_marker(line) for line in development
    }
    assert {Requirement(line).name for line in PROJECT["project"]["dependencies"]} <= names(runtime)
    assert {Requirement(line).name for line in PROJECT["dependency-groups"]["dev"]} <= names(
        development
    )


def _without_marker(line: str) -> tuple[str, str]:
    what, _, hashes = line.partition(" --hash")
    return what.partition(";")[0].strip(), hashes


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_everything_locked_has_a_hash_and_names_no_place(name: str):
    for line in locked(name):
        assert "--hash=sha256:" in line
        assert "/" not in line.split(";")[0]


def test_every_module_that_decides_is_mutated_with_tests_that_are_there():
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in ("annotation/pairing", "annotation/services")
        for path in (ROOT / folder).glob("*.py")
        if path.read_text().strip()
    }
    assert modules <= TESTS.keys()
    for file in files_for(modules_wanted()):
        assert (ROOT / file).exists(), file
