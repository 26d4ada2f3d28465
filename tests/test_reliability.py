"""docs/reliability.md and the tests agree: each promise names tests that exist, each id has its promise."""

import ast
import re

import pytest

from tests.servers import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text()
ROWS = {row[1]: row[0] for row in re.finditer(r"^\| ([VFA]\d+) \|.*$", PAGE, re.MULTILINE)}
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
ID = re.compile(r"\b([VFA]\d{1,2})\b(?=[:.,\-–)]|$| and | to )", re.MULTILINE)


def functions_of(name: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / name).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS)
def test_a_promise_is_shown_by_tests_that_are_there(row: str) -> None:
    named = NAMED.findall(ROWS[row])
    assert named, "no test shows this promise"
    assert [f"{file}::{test}" for file, test in named if test not in functions_of(file)] == []


def test_each_promise_is_there_once() -> None:
    ids = re.findall(r"^\| ([VFA]\d+) \|", PAGE, re.MULTILINE)
    assert len(ids) > 40
    assert sorted(ids) == sorted(set(ids))


def test_each_id_that_a_test_speaks_of_has_its_promise() -> None:
    spoken = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.Module)):
                spoken |= set(ID.findall(ast.get_docstring(node) or ""))
    assert spoken - set(ROWS) == set()
