"""How far a project is: by pairs that have what is wanted of them, never by a sum that passes it."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient

from annotation.imports.ancestor import import_ancestor
from annotation.models import Image, Outcome, Project, User
from annotation.selectors import Progress, progress
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison, retract_comparison
from tests.conftest import membership
from tests.exporting import vote
from tests.pages import logged_in

pytestmark = pytest.mark.django_db


def facts(found: Progress) -> tuple[int, int, int, int]:
    return found.judged, found.wanted, found.complete_pairs, found.comparisons


@pytest.fixture
def repeated(
    project: Project, alice: User, add_images: Callable[..., list[Image]], tmp_path: Path
) -> Project:
    """Six images, and one pair of them judged sixteen times."""
    add_images(6)
    path = tmp_path / "repeats.csv"
    path.write_text("Winner,Loser\n" + "0.png,1.png\n1.png,0.png\n" * 8)
    import_ancestor(project, alice, comparisons=path)
    return project


def test_one_pair_judged_sixteen_times_is_one_pair_of_fifteen(
    repeated: Project, alice: User
) -> None:
    found = progress(repeated)
    assert facts(found) == (1, 15, 1, 16)
    assert found.share == pytest.approx(1 / 15)
    repeated.overlap = 3
    repeated.save()
    assert facts(progress(repeated)) == (3, 45, 1, 16)
    repeated.overlap = 20
    repeated.save()
    assert facts(progress(repeated)) == (16, 300, 0, 16)


def test_page_api_and_command_say_the_same(repeated: Project, alice: User) -> None:
    page = logged_in(alice).get(reverse("dashboard", args=[repeated.id])).content.decode()
    assert "<strong>1</strong> of 15 judged" in page
    client = APIClient()
    client.force_authenticate(alice)
    told = client.get(f"/api/v1/projects/{repeated.id}/progress/").json()
    assert (told["judged"], told["wanted"], told["complete_pairs"]) == (1, 15, 1)
    assert (told["comparisons"], told["share"]) == (16, pytest.approx(1 / 15))
    said = StringIO()
    call_command("watch", str(repeated.id), "--until=0.06", stdout=said, stderr=StringIO())
    assert said.getvalue() == "1 of 15 comparisons by 1 people\n"


def test_what_is_on_a_screen_is_not_judged_yet_and_what_is_undone_no_more(
    project: Project, images: list[Image], alice: User, bob: User
) -> None:
    (shown,) = open_assignments(membership(project, bob)).assignments
    assert facts(progress(project)) == (0, 6, 0, 0)
    made, _ = record_comparison(bob, shown.id, Outcome.TIE)
    assert facts(progress(project)) == (1, 6, 1, 1)
    retract_comparison(alice, made.id)
    assert facts(progress(project)) == (0, 6, 0, 0)


def test_a_pair_with_one_comparison_and_one_on_the_screen_has_one(
    project: Project, add_images: Callable[..., list[Image]], alice: User, bob: User
) -> None:
    project.overlap = 2
    project.save()
    left, right = add_images(2)
    vote(project, alice, left, right, Outcome.LEFT)
    (shown,) = open_assignments(membership(project, bob)).assignments
    assert facts(progress(project)) == (1, 2, 0, 1)
    record_comparison(bob, shown.id, Outcome.RIGHT)
    assert facts(progress(project)) == (2, 2, 1, 2)


def test_comparisons_of_excluded_images_are_not_progress(
    project: Project, images: list[Image], alice: User
) -> None:
    a, b, c, _ = images
    for left, right in ((a, b), (a, c), (b, c)):
        vote(project, alice, left, right, Outcome.LEFT)
    Image.objects.filter(id=a.id).update(excluded=True)
    assert facts(progress(project)) == (1, 3, 1, 3), (
        "of three images three pairs, of which b and c is one"
    )
