"""What the worker makes of new pictures before people see them."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation import images as pictures
from annotation.models import Image, Project, User
from annotation.services import derivatives, queue
from annotation.services.assignments import open_assignments
from annotation.services.derivatives import make_derivatives
from annotation.services.images import update_image
from annotation.services.projects import update_project
from annotation.tasks import derive as derive_task
from tests.conftest import membership, picture
from tests.test_derivatives import _nothing_derived_before, files  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

AddImages = Callable[..., list[Image]]


def test_the_worker_makes_all_that_is_missing_and_is_then_cheap_to_ask(
    project: Project, images: list[Image], settings
) -> None:
    derive_task()
    assert set(project.images.values_list("derived", flat=True)) == {pictures.RECIPE}
    assert files(settings) == {"60.avif", "60.webp", "thumb.webp"}
    with CaptureQueriesContext(
        connection,
    ) as asked:
        derive_task()
    assert len(asked) <= 6


def test_those_that_are_shown_next_come_first(
    project: Project, add_images: AddImages, bob: User, monkeypatch: pytest.MonkeyPatch, settings
) -> None:
    add_images(9)
    settings.PAIR_PICKER = ""
    (given,) = open_assignments(membership(project, bob)).assignments
    monkeypatch.setattr(queue, "MOST_RANDOM", 1)
    assert queue.refill(project.id) == 1
    proposed = project.proposals.get()
    order = [image.id for image in derivatives._next()]
    assert set(order[:2]) == {given.left_id, given.right_id}
    assert set(order) == {given.left_id, given.right_id, proposed.low_id, proposed.high_id}
    assert make_derivatives(60) == 9


def test_a_picture_that_is_broken_or_gone_is_tried_no_more_and_blocks_no_other(
    project: Project, add_images: AddImages, settings
) -> None:
    gone, changed, *_ = add_images(5)
    (settings.UPLOAD_DIR / gone.path).unlink()
    (settings.UPLOAD_DIR / changed.path).write_bytes(picture(200))
    assert make_derivatives(60) == 3
    assert make_derivatives(60) == 0
    given_up = project.images.filter(derived=Image.GIVEN_UP)
    assert set(given_up) == {gone, changed}


def test_a_picture_that_ends_its_worker_is_given_up_after_some_tries(
    project: Project, add_images: AddImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly, *others = add_images(3)
    derive = pictures.derive

    def try_it(image: Image) -> None:
        if image.id == deadly.id:
            raise SystemExit("killed")
        derive(image)

    monkeypatch.setattr(pictures, "derive", try_it)
    for _ in range(10):
        try:
            make_derivatives(60)
        except SystemExit:
            continue
    assert project.images.get(id=deadly.id).derived == Image.GIVEN_UP
    assert set(project.images.exclude(id=deadly.id).values_list("derived", flat=True)) == {
        pictures.RECIPE
    }
    assert len(others) == 2


def test_a_full_disk_is_no_fault_of_the_picture(
    project: Project, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(image: Image) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "derive", full)
        assert make_derivatives(60) == 0
    assert set(project.images.values_list("derived", flat=True)) == {0}
    assert make_derivatives(60) == 4


@pytest.mark.django_db(transaction=True)
def test_one_worker_is_at_it_at_a_time_and_ends_in_time(
    project: Project, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert make_derivatives(-1) == 0
    begun, go_on = threading.Event(), threading.Event()
    derive = pictures.derive

    def slowly(image: Image) -> None:
        begun.set()
        assert go_on.wait(30)
        derive(image)

    def another_worker() -> int:
        try:
            return make_derivatives(60)
        finally:
            connection.close()

    monkeypatch.setattr(pictures, "derive", slowly)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(another_worker)
        assert begun.wait(30)
        assert make_derivatives(60) == 0
        go_on.set()
        assert other.result() == 4


def test_projects_that_nobody_can_see_cost_nothing(project: Project, images: list[Image]) -> None:
    update_image(images[0], excluded=True, reason="blurred")
    update_project(project.id, state=Project.State.CLOSED)
    assert make_derivatives(60) == 0
    update_project(project.id, state=Project.State.DRAFT)
    assert make_derivatives(60) == 3
