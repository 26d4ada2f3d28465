"""A manager curates while people compare, on Postgres: nothing is there twice, and nobody waits for ever."""

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from annotation.errors import Gone
from annotation.imports.ancestor import import_ancestor
from annotation.models import Comparison, Image, Outcome, Project, User
from annotation.selectors import images_of
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.images import update_images, upload_image
from tests.conftest import membership, picture
from tests.promises import assert_promises
from tests.test_concurrency import all_at_once

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_an_upload_and_its_retries_at_the_same_moment_are_one_image(
    project: Project, settings: Any
) -> None:
    made = all_at_once(lambda n: upload_image(project, picture(1), name="a.png"), list(range(10)))
    assert Counter(new for _, new in made) == {True: 1, False: 9}
    assert len({image.id for image, _ in made}) == 1
    assert Image.objects.count() == 1
    assert len(list((settings.UPLOAD_DIR / str(project.id)).iterdir())) == 1


def test_the_ancestors_comparisons_come_in_once_while_people_compare_and_images_are_set_aside(
    project: Project, add_images: Any, alice: User, bob: User, carol: User, tmp_path: Path
) -> None:
    add_images(8)
    rows = [(f"{n % 7}.png", f"{n % 7 + 1}.png") for n in range(300)]
    file = tmp_path / "comparisons.csv"
    file.write_text("Winner,Loser\n" + "".join(f"{w},{x}\n" for w, x in rows) + "None,7.png\n")

    def come_in(user: User) -> None:
        import_ancestor(project, user, comparisons=file)

    def compare(user: User) -> None:
        while opened := open_assignments(membership(project, user)).assignments:
            # Gone: the image on the screen was set aside meanwhile.
            with suppress(Gone):
                record_comparison(user, opened[0].id, Outcome.LEFT)
            connection.close()

    def set_aside(user: User) -> None:
        for _ in range(10):
            for excluded in (True, False):
                some = images_of(project, search="5.png")
                update_images(project, some, excluded=excluded, reason="to and fro")
                connection.close()

    work = [
        (come_in, alice),
        (come_in, alice),
        (compare, bob),
        (compare, carol),
        (set_aside, alice),
    ]
    all_at_once(lambda item: item[0](item[1]), work)
    assert Comparison.objects.filter(assignment__strategy="imported").count() == len(rows)
    assert Image.objects.get(name="7.png").excluded
    assert_promises(project)
