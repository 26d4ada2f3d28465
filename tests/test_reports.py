"""What annotators report as broken or unsafe reaches the manager, who excludes the image that is."""

from typing import Any

import pytest
from django.urls import reverse

from annotation.models import Cause, Image, Outcome, Project, Screen, User
from annotation.selectors import images_of, report_counts
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.images import update_image
from tests.api import as_user, url
from tests.conftest import membership
from tests.pages import logged_in

pytestmark = pytest.mark.django_db


def skips(project: Project, user: User, cause: Cause) -> Any:
    opened = open_assignments(membership(project, user)).assignments[0]
    return record_comparison(user, opened.id, Outcome.SKIP, cause=cause)[0]


def reported(project: Project) -> set[Image]:
    return set(images_of(project, reported=True))


def test_the_images_of_a_reported_pair_are_listed_until_one_is_excluded(
    project: Project, images: list[Image], bob: User
) -> None:
    skips(project, bob, Cause.UNKNOWN)
    assert reported(project) == set()
    said = skips(project, bob, Cause.BROKEN)
    assert reported(project) == {said.left, said.right}
    assert report_counts(project, images) == {
        said.left_id: {"broken": 1},
        said.right_id: {"broken": 1},
    }
    update_image(said.left, excluded=True)
    assert reported(project) == set()
    update_image(said.left, excluded=False)
    retract_comparison(bob, said.id)
    assert reported(project) == set()


def test_reports_are_counted_by_cause_over_people_and_screens(
    project: Project, images: list[Image], bob: User, carol: User
) -> None:
    pair = skips(project, bob, Cause.UNSAFE)
    Project.objects.filter(id=project.id).update(screen=Screen.BEST, screen_size=4)
    skips(project, carol, Cause.BROKEN)
    counts = report_counts(project, images)
    assert counts[pair.left_id] == {"unsafe": 1, "broken": 1}
    assert sorted(sum(count.values()) for count in counts.values()) == [1, 1, 2, 2]
    assert report_counts(project, images[:1]).keys() == {images[0].id}
    update_image(images[0], excluded=True)
    assert len(reported(project)) == (0 if images[0].id in (pair.left_id, pair.right_id) else 2)


def test_a_manager_finds_the_reported_images_and_excludes_them_by_one_form(
    project: Project, images: list[Image], alice: User, bob: User
) -> None:
    said = skips(project, bob, Cause.UNSAFE)
    client, gallery = logged_in(alice), reverse("project_images", args=[project.id])
    page = client.get(gallery, {"show": "reported"})
    assert set(page.context["images"]) == {said.left, said.right}
    assert page.content.decode().count("An image is unsafe: 1") == 2
    found = as_user(alice).get(url("images", project_id=project.id), {"reported": "true"}).json()
    assert {row["id"] for row in found["results"]} == {str(said.left_id), str(said.right_id)}
    client.post(
        reverse("change_images", args=[project.id]),
        {"show": "reported", "everything": "on", "action": "exclude", "reason": "unsafe"},
    )
    assert set(project.images.filter(excluded=True)) == {said.left, said.right}
    assert reported(project) == set()
