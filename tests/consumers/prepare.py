"""Writes exports of a small project to a folder, for the trainers, which live in another environment."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from annotation.models import Image, Outcome, Project, User
from tests.exporting import export, on_disk, vote

WANTED = {
    "trl": {"images": "embedded"},
    "trl-text": {"prompts": "text", "images": "names"},
    "kto": {"images": "embedded"},
    "kto-text": {"prompts": "text", "images": "names"},
    "pickapic": {},
    "pickapic-soft": {"votes": "posterior", "labels": "soft"},
}


@pytest.mark.django_db
def test_exports_for_the_trainers_are_written(
    project: Project, add_images: Callable[..., list[Image]], alice: User, bob: User, carol: User
) -> None:
    for number in range(4):
        a, b, c = add_images(3, prompt=f"a cat number {number}")
        vote(project, bob, a, b, Outcome.LEFT)
        vote(project, carol, b, a, Outcome.RIGHT)
        vote(project, bob, b, c, Outcome.RIGHT)
    root = Path(os.environ["CONSUMERS_DIR"])
    shutil.rmtree(root, ignore_errors=True)
    for name, options in WANTED.items():
        made = export(project, alice, name.partition("-")[0], **options)
        on_disk(made, root).rename(root / f"{name}.parquet")
