"""Imports that are killed for real: kill -9, on an installation of their own."""

from pathlib import Path

import pytest

from bench.imports import Installation, paint

pytestmark = pytest.mark.own_servers


def test_an_import_that_is_killed_twice_brings_each_picture_in_once(tmp_path: Path) -> None:
    """F31"""
    paint(tmp_path / "pictures", 600)
    installation = Installation(tmp_path / "data")
    for count in (1, 300):
        there = installation.kill_at(tmp_path / "pictures", count)
        assert count <= there < 600
        # What the counts of the killed imports say is what is there, neither more nor less.
        assert installation.ask("SELECT sum(added) FROM annotation_import") == there
    installation.finish(tmp_path / "pictures")
    assert installation.images() == installation.distinct() == 600
    assert installation.ask("SELECT sum(added) FROM annotation_import") == 600
