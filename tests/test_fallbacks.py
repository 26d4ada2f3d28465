"""Random pairs where the strategy should have chosen: told with number, time, reason and what to do."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db.models import F
from django.urls import reverse

from annotation.models import Assignment, Fallback, Outcome, Project, Proposal, User
from annotation.pairing.proposals import proposal_of
from annotation.selectors import RandomInstead, fallbacks, random_instead
from annotation.services import queue
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.projects import update_project
from annotation.services.queue import refill
from rating.services import recompute
from tests.api import as_user, url
from tests.conftest import membership
from tests.pages import logged_in

pytestmark = pytest.mark.django_db
PICKER = "tests.test_fallbacks.picked"
DAY = timedelta(days=1)


def picked(project: Project, criterion: Any, count: int) -> list[Proposal]:
    """The picker of these tests: it raises, or chooses neighbours by name, as `how` says."""
    if isinstance(how, BaseException):
        raise how
    images = list(project.images.order_by("name").values_list("id", flat=True))
    pairs = list(pairwise(images)) if how else []
    return [
        proposal_of(project, criterion, pair, strategy="adaptive", probability=1.0)
        for pair in pairs[:count]
    ]


how: BaseException | bool = True


@pytest.fixture(autouse=True)
def own_picker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    queue._picker.cache_clear()
    settings.PAIR_PICKER = PICKER

    def choose(then: Any) -> None:
        monkeypatch.setitem(globals(), "how", then)

    return choose


Picker = Callable[[Any], None]


@pytest.fixture
def going(project: Project, add_images: Any, bob: User, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Twenty images without a random share, and a first comparison: no time at all is the start."""
    monkeypatch.setattr(fallbacks, "START", timedelta(0))
    update_project(project.id, random_share=0.0, gold_share=0.0, repeat_share=0.0, overlap=3)
    add_images(20)
    project.refresh_from_db()
    refill(project.id)
    judge(project, bob, 1)
    return project


def judge(project: Project, user: User, count: int) -> None:
    for _ in range(count):
        (opened,) = open_assignments(membership(project, user)).assignments
        record_comparison(user, opened.id, Outcome.LEFT)


def shift(project: Project, by: timedelta) -> None:
    """All that was shown so far was shown so much later, or earlier."""
    Assignment.objects.filter(project=project).update(created_at=F("created_at") + by)


def told(project: Project, rita: User) -> str:
    return logged_in(rita).get(reverse("dashboard", args=[project.id])).content.decode()


def known(project: Project) -> RandomInstead:
    found = random_instead(project)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("failure", "reason", "sentence"),
    [
        (RuntimeError("out of luck"), Fallback.FAILED, "Choosing failed with an error."),
        (TimeoutError(), Fallback.TIMED_OUT, "Choosing took too long."),
        (False, Fallback.NOTHING, "There are no ratings yet to choose by."),
    ],
)
def test_a_strategy_that_fails_is_told_with_its_reason(
    going: Project,
    bob: User,
    rita: User,
    own_picker: Picker,
    failure: Any,
    reason: Fallback,
    sentence: str,
) -> None:
    assert random_instead(going) is None
    own_picker(failure)
    refill(going.id)
    judge(going, bob, 6)
    shown = list(Assignment.objects.order_by("created_at"))
    assert [one.fallback for one in shown] == ["", *[reason] * 6]
    assert [one.strategy for one in shown] == ["adaptive", *["random"] * 6]
    found = known(going)
    assert (found.pairs, found.shown, found.reason, found.over) == (6, 7, reason, False)
    assert (found.first_at, found.last_at) == (shown[1].created_at, shown[6].created_at)
    page = told(going, rita)
    assert "6 of the 7 pairs of the last 24 hours were drawn at random" in page
    assert sentence in page
    assert "chooses again" not in page
    answer = as_user(rita).get(url("progress", project_id=going.id)).json()["random_instead"]
    assert {key: answer[key] for key in ("pairs", "shown", "reason", "over")} == {
        "pairs": 6,
        "shown": 7,
        "reason": reason.value,
        "over": False,
    }


def test_an_empty_queue_that_no_worker_fills_is_told(going: Project, bob: User, rita: User) -> None:
    Proposal.objects.all().delete()
    judge(going, bob, 6)
    assert known(going).reason == Fallback.EMPTY
    assert "No worker had prepared pairs." in told(going, rita)


def test_where_the_strategy_chooses_again_it_is_told_that_it_is_over(
    going: Project, bob: User, rita: User, own_picker: Picker
) -> None:
    own_picker(RuntimeError("out of luck"))
    refill(going.id)
    judge(going, bob, 1)
    own_picker(True)
    refill(going.id)
    assert not known(going).over
    judge(going, bob, 1)
    assert known(going).over
    assert "1 of the 3 pairs of the last 24 hours were drawn at random" in told(going, rita)
    assert "The strategy chooses again." in told(going, rita)
    shift(going, -DAY)
    assert random_instead(going) is None, "of yesterday nothing is told"
    assert "drawn at random" not in told(going, rita)


def test_a_queue_that_is_empty_now_and_then_is_no_alarm(going: Project, bob: User) -> None:
    Proposal.objects.all().delete()
    judge(going, bob, 4)
    assert random_instead(going) is None, "too few"
    refill(going.id)
    judge(going, bob, 15)
    Proposal.objects.all().delete()
    judge(going, bob, 1)
    assert (known(going).pairs, known(going).shown) == (5, 21)
    more = Assignment.objects.filter(strategy="adaptive").first()
    for _ in range(30):
        more.pk = None
        more._state.adding = True
        more.save()
    assert random_instead(going) is None, "5 of 51"


def test_random_pairs_that_are_wanted_are_no_alarm(
    going: Project, bob: User, own_picker: Picker, settings: Any
) -> None:
    update_project(going.id, random_share=1.0)
    going.refresh_from_db()
    refill(going.id)
    judge(going, bob, 6)
    assert Assignment.objects.filter(strategy="random").count() == 6
    assert random_instead(going) is None, "all of it is the random share"
    own_picker(RuntimeError("out of luck"))
    update_project(going.id, strategy="random", random_share=0.0)
    going.refresh_from_db()
    refill(going.id)
    judge(going, bob, 2)
    Proposal.objects.all().delete()
    judge(going, bob, 6)
    assert not Assignment.objects.exclude(fallback="").exists()
    assert random_instead(going) is None, "the strategy is random"
    update_project(going.id, strategy="adaptive")
    going.refresh_from_db()
    settings.PAIR_PICKER = ""
    refill(going.id)
    judge(going, bob, 6)
    assert random_instead(going) is None, "the operator has no picker"


def test_the_start_of_a_project_is_no_alarm(
    project: Project, add_images: Any, bob: User, own_picker: Picker
) -> None:
    update_project(project.id, random_share=0.0, gold_share=0.0, repeat_share=0.0)
    add_images(20)
    project.refresh_from_db()
    judge(project, bob, 6)
    own_picker(False)
    refill(project.id)
    judge(project, bob, 6)
    assert Assignment.objects.exclude(fallback="").count() == 12
    assert random_instead(project) is None
    shift(project, timedelta(minutes=6))
    assert known(project).pairs == 12, "by then there should be ratings"
    shift(project, -timedelta(minutes=6))
    Assignment.objects.update(fallback=Fallback.FAILED)
    assert known(project).pairs == 12, "a failure is none of the start"


def test_a_cull_that_is_over_is_told_as_such(
    going: Project, bob: User, rita: User, own_picker: Picker
) -> None:
    update_project(going.id, strategy="sequential_elimination")
    going.refresh_from_db()
    own_picker(False)
    refill(going.id)
    judge(going, bob, 6)
    recompute(going.id)
    page = told(going, rita)
    assert "The elimination is over: nothing is left to choose." in page


def test_progress_is_new_when_pairs_fall_back(
    going: Project, bob: User, rita: User, own_picker: Picker
) -> None:
    client = as_user(rita)
    tag = client.get(url("progress", project_id=going.id)).headers["ETag"]
    own_picker(RuntimeError("out of luck"))
    refill(going.id)
    (opened,) = open_assignments(membership(going, bob)).assignments
    open_now = client.get(url("progress", project_id=going.id))
    assert open_now.headers["ETag"] != tag
    Assignment.objects.filter(id=opened.id).update(created_at=F("created_at") - DAY)
    assert (
        client.get(url("progress", project_id=going.id)).headers["ETag"] != open_now.headers["ETag"]
    )
