"""A log with pairs and lineups: every page and list opens, and tells what people's time goes into."""

from typing import Any

import pytest
from django.urls import reverse

from annotation.models import Image, Outcome, Project, Purpose, Screen, User
from annotation.selectors import own_progress, screen_uses
from annotation.services.comparisons import record_comparison
from rating.models import RunAccuracy
from rating.selectors import screens_of
from rating.services import recompute
from tests.api import as_user, url
from tests.conftest import membership
from tests.exporting import vote
from tests.lineups import ids, lineup, ordered
from tests.pages import logged_in

pytestmark = pytest.mark.django_db

PAGES = (
    *("compare", "dashboard", "ranking", "project_images", "prompts", "duplicates", "imports"),
    *("members", "project_settings", "webhooks"),
)


@pytest.fixture
def mixed(project: Project, images: list[Image], bob: User, carol: User) -> Project:
    a, b, c, d = images
    for seconds in (1, 2, 60):
        vote(project, bob, a, b, Outcome.LEFT, duration_ms=seconds * 1000)
    vote(project, bob, c, d, Outcome.TIE)
    vote(project, carol, c, d, Outcome.SKIP, duration_ms=9000)
    ordered(project, carol, [a], [c, b], [d], screen=Screen.BEST_WORST, duration_ms=4000)
    ordered(project, carol, [a], [b], [c], [d], duration_ms=6000)
    check = lineup(project, bob, [a, b, c], Screen.ORDER, purpose=Purpose.GOLD)
    levels = [ids([a]), ids([c]), ids([b])]
    record_comparison(bob, check.id, Outcome.ORDERED, levels=levels, duration_ms=90_000)
    record_comparison(bob, lineup(project, bob, [b, c, d], Screen.BEST).id, Outcome.SKIP)
    return project


@pytest.mark.parametrize("screen", Screen.values)
def test_every_page_and_list_opens(mixed: Project, alice: User, bob: User, screen: str) -> None:
    Project.objects.update(screen=screen)
    recompute(mixed.id)
    User.objects.filter(id=alice.id).update(is_staff=True, is_superuser=True)
    pages = [reverse(name, args=[mixed.id]) for name in PAGES]
    pages += [reverse("projects")]
    pages += [
        reverse(f"admin:annotation_{kind}_changelist") for kind in ("comparison", "assignment")
    ]
    manager = logged_in(User.objects.get(id=alice.id))
    for page in pages:
        assert manager.get(page).status_code == 200, page
    client = as_user(alice)
    for name in ("log", "history", "progress", "annotators", "agreement", "ratings"):
        assert client.get(url(name, project_id=mixed.id)).status_code == 200, name
    assert as_user(bob).get(url("history", project_id=mixed.id)).status_code == 200


def test_screens_are_counted_and_timed_by_kind(mixed: Project) -> None:
    pair, best_worst, order = screen_uses(mixed)
    assert (pair.screen, pair.judged, pair.images, pair.pairs, pair.seconds) == ("pair", 4, 2, 1, 2)
    assert (best_worst.judged, best_worst.images, best_worst.pairs) == (1, 4, 5)
    assert (order.judged, order.pairs, order.seconds) == (1, 6, 6)


def test_the_worth_of_a_minute_is_what_the_announced_accuracy_has_gained_by_each_kind(
    mixed: Project, alice: User
) -> None:
    where = reverse("dashboard", args=[mixed.id])
    pair, best_worst, order = screens_of(mixed)
    assert (pair.pairs_a_minute, best_worst.pairs_a_minute, order.pairs_a_minute) == (30, 75, 60)
    assert pair.gained_a_minute is None
    shown = logged_in(alice).get(where).content.decode()
    assert "Several images: their order" in shown
    assert "Accuracy a minute" not in shown
    recompute(mixed.id)
    (told,) = RunAccuracy.objects.all()
    assert set(told.gained) == {"pair", "best_worst", "order"}
    counts = {"pair": 4, "best_worst": 1, "order": 1}
    shared = sum(gained * counts[screen] for screen, gained in told.gained.items())
    assert shared == pytest.approx(told.tau / 2, abs=0.02), "all of it is somebody's"
    pair, best_worst, order = screens_of(mixed)
    assert pair.gained_a_minute == pytest.approx(told.gained["pair"] * 60 / pair.use.seconds)
    assert order.gained_a_minute > pair.gained_a_minute, "an order says more than a comparison"
    assert "Accuracy a minute" in logged_in(alice).get(where).content.decode()


def test_the_progress_of_lineups_has_no_end_but_the_quota(
    mixed: Project, carol: User, alice: User
) -> None:
    Project.objects.update(screen=Screen.ORDER)
    mine = own_progress(membership(mixed, carol))
    assert (mine.judged, mine.skipped, mine.remaining) == (2, 1, None)
    page = logged_in(carol).get(reverse("projects")).content.decode()
    assert "2 judged" in page
    assert "left" not in page
    Project.objects.update(quota=10)
    assert own_progress(membership(mixed, carol)).remaining == 8
    found: Any = as_user(alice).get(url("progress", project_id=mixed.id)).json()
    assert [use["screen"] for use in found["screens"]] == ["pair", "best_worst", "order"]
    assert found["outcomes"]["ordered"] >= 2
