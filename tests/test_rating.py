"""Ratings: a pure function of the log, stored as whole runs."""

import random
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import trueskill
from django.db import connection

from annotation.models import Image, Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.images import update_image
from annotation.services.projects import delete_project, update_project
from rating import wake_up as wake_up_module
from rating.algorithms.ranks import Ranks, rank_items
from rating.algorithms.results import Ratings
from rating.algorithms.trueskill_online import trueskill_online
from rating.models import Rating, RatingRun
from rating.selectors import Log, is_stale, latest_run, stale_projects
from rating.services import recompute
from rating.services import runs as runs_module
from rating.tasks import sweep
from tests.conftest import membership

pytestmark = pytest.mark.django_db

# --- The arithmetic --------------------------------------------------------------------------------


def integers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_one_win_is_the_packages_worked_example() -> None:
    """trueskill.org, "Rate 1:1": 25 ± 8.333 each; after a win 29.396 ± 7.171 and 20.604 ± 7.171."""
    rated = trueskill_online(2, integers(0), integers(1), integers(1))
    assert rated.mu == pytest.approx([29.396, 20.604], abs=5e-4)
    assert rated.sigma == pytest.approx([7.171, 7.171], abs=5e-4)


def test_a_tie_between_equals_moves_nobody_but_narrows_the_doubt() -> None:
    """trueskill.org, "Rate 1:1": a draw of equals leaves 25.000 ± 6.458 each."""
    rated = trueskill_online(2, integers(0), integers(1), integers(0))
    assert rated.mu == pytest.approx([25.0, 25.0])
    assert rated.sigma == pytest.approx([6.458, 6.458], abs=5e-4)


def test_a_log_gives_what_the_package_gives_when_called_by_hand() -> None:
    chance = random.Random(5)
    rows = [(*chance.sample(range(6), 2), chance.choice((-1, 0, 1))) for _ in range(200)]
    people = [trueskill.Rating() for _ in range(6)]
    for a, b, label in rows:
        if label < 0:
            people[b], people[a] = trueskill.rate_1vs1(people[b], people[a])
        else:
            people[a], people[b] = trueskill.rate_1vs1(people[a], people[b], drawn=label == 0)
    rated = trueskill_online(6, *np.array(rows, dtype=np.int64).T)
    assert rated.mu.tolist() == [person.mu for person in people]
    assert rated.sigma.tolist() == [person.sigma for person in people]


def test_swapping_the_sides_of_every_row_changes_nothing() -> None:
    first, second, label = integers(0, 1, 2), integers(1, 2, 0), integers(1, -1, 0)
    one = trueskill_online(3, first, second, label)
    other = trueskill_online(3, second, first, -label)
    assert one.mu == pytest.approx(other.mu)
    assert one.sigma == pytest.approx(other.sigma)


def test_nobody_and_nothing_can_be_rated_too() -> None:
    nothing = integers()
    assert trueskill_online(0, nothing, nothing, nothing).mu.shape == (0,)
    assert trueskill_online(2, nothing, nothing, nothing).mu.tolist() == [25.0, 25.0]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ((0, 2, 1), "row 1 has an item that is not among 0 … 1"),
        ((-1, 1, 1), "row 1 has an item that is not among"),
        ((1, 1, 1), "row 1 has an item compared with itself"),
        ((0, 1, 2), "row 1 has a label"),
    ],
)
def test_a_bad_row_is_refused_by_its_number(row: tuple[int, int, int], complaint: str) -> None:
    rows = np.array([(0, 1, 1), row], dtype=np.int64)
    with pytest.raises(ValueError, match=complaint):
        trueskill_online(2, *rows.T)


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        trueskill_online(2, integers(0), integers(1), integers(1, 1))


def ranks_of(mu: np.ndarray, sigma: np.ndarray) -> Ranks:
    return rank_items(Ratings(mu, sigma, "", {}))


def test_ranks_follow_mu_and_their_intervals_the_doubt() -> None:
    ranks = ranks_of(np.array([0.0, 10.0, 9.0, -20.0]), np.ones(4))
    assert ranks.rank.tolist() == [3, 1, 2, 4]
    assert ranks.rank_low.tolist() == [3, 1, 1, 4]
    assert ranks.rank_high.tolist() == [3, 2, 2, 4]


def test_equal_images_share_all_ranks_within_their_doubt() -> None:
    ranks = ranks_of(np.full(3, 25.0), np.full(3, 8.0))
    assert ranks.rank.tolist() == [1, 2, 3]
    assert ranks.rank_low.tolist() == [1, 1, 1]
    assert ranks.rank_high.tolist() == [3, 3, 3]


# --- Runs ------------------------------------------------------------------------------------------

AddImages = Callable[..., list[Image]]


def judge(
    project: Project, user: User, prefer: Callable[[Image, Image], Outcome], count: int = 100
) -> list[UUID]:
    made = []
    for _ in range(count):
        opened = open_assignments(membership(project, user)).assignments
        if not opened:
            break
        outcome = prefer(opened[0].left, opened[0].right)
        made.append(record_comparison(user, opened[0].id, outcome)[0].id)
    return made


def by_name(left: Image, right: Image) -> Outcome:
    return Outcome.LEFT if left.name < right.name else Outcome.RIGHT


def test_the_ranking_follows_what_people_prefer(
    project: Project, images: list[Image], bob: User
) -> None:
    judge(project, bob, by_name)
    run = recompute(project.id)
    ranked = list(Rating.objects.filter(run=run).order_by("rank"))
    assert [rating.image.name for rating in ranked] == ["0.png", "1.png", "2.png", "3.png"]
    assert [(r.wins, r.losses, r.ties, r.comparisons) for r in ranked] == [
        (3, 0, 0, 3),
        (2, 1, 0, 3),
        (1, 2, 0, 3),
        (0, 3, 0, 3),
    ]
    assert all(r.score == pytest.approx(r.mu - 3 * r.sigma) for r in ranked)
    assert all(r.rank_low <= r.rank <= r.rank_high for r in ranked)


def test_a_project_without_comparisons_has_a_ranking_of_equals(
    project: Project, images: list[Image]
) -> None:
    run = recompute(project.id)
    assert {rating.mu for rating in run.ratings.all()} == {25.0}


def test_a_recompute_of_the_same_log_is_the_same_run(
    project: Project, images: list[Image], bob: User
) -> None:
    judge(project, bob, by_name, 3)
    first, again = recompute(project.id), recompute(project.id)
    assert first == again
    assert RatingRun.objects.count() == 1


def test_ratings_can_be_rebuilt_bit_for_bit(
    project: Project, images: list[Image], bob: User
) -> None:
    judge(project, bob, by_name)

    def rated() -> list[Any]:
        run = recompute(project.id)
        return [run.fingerprint, *run.ratings.order_by("image").values_list("image", "mu", "sigma")]

    before = rated()
    RatingRun.objects.all().delete()
    assert rated() == before


def test_an_undone_comparison_counts_no_more(
    project: Project, images: list[Image], bob: User
) -> None:
    before = recompute(project.id)
    (only,) = judge(project, bob, by_name, 1)
    between = recompute(project.id)
    retract_comparison(bob, only)
    after = recompute(project.id)
    assert (before.comparisons, between.comparisons, after.comparisons) == (0, 1, 0)
    assert before.fingerprint == after.fingerprint != between.fingerprint


def test_ties_count_and_skips_and_both_bad_do_not(
    project: Project, images: list[Image], bob: User
) -> None:
    answers = iter([Outcome.TIE, Outcome.SKIP, Outcome.BOTH_BAD])
    judge(project, bob, lambda left, right: next(answers), 3)
    run = recompute(project.id)
    assert run.comparisons == 1
    assert sum(rating.ties for rating in run.ratings.all()) == 2


def test_an_excluded_image_and_its_comparisons_leave_the_ranking(
    project: Project, images: list[Image], bob: User
) -> None:
    judge(project, bob, by_name)
    update_image(images[0], excluded=True)
    run = recompute(project.id)
    assert run.comparisons == 3
    best = run.ratings.get(rank=1)
    assert (best.image.name, best.wins) == ("1.png", 2)


def test_each_prompt_has_a_ranking_of_its_own(
    project: Project, add_images: AddImages, bob: User
) -> None:
    add_images(2, prompt="a cat")
    add_images(2, prompt="a dog")
    judge(project, bob, by_name)
    run = recompute(project.id)
    assert sorted(run.ratings.values_list("image__prompt__text", "rank")) == [
        ("a cat", 1),
        ("a cat", 2),
        ("a dog", 1),
        ("a dog", 2),
    ]


def test_each_criterion_has_ratings_of_its_own(
    project: Project, add_images: AddImages, bob: User
) -> None:
    update_project(project.id, criteria=[{"key": "better"}, {"key": "darker"}])
    add_images(3)
    judge(project, bob, by_name)
    run = recompute(project.id)
    assert run.ratings.filter(criterion__key="darker").count() == 3
    assert run.ratings.count() == 6


def test_ratings_of_old_runs_are_dropped_and_their_headers_kept(
    project: Project, images: list[Image], bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rating.services.runs.KEPT_RUNS", 2)
    for _ in range(4):
        judge(project, bob, by_name, 1)
        recompute(project.id)
    assert RatingRun.objects.count() == 4
    assert Rating.objects.values("run").distinct().count() == 2


def test_a_run_says_how_it_was_made(project: Project, images: list[Image], bob: User) -> None:
    judge(project, bob, by_name, 2)
    run = recompute(project.id)
    assert (run.method, run.comparisons) == ("trueskill_annotators", 2)
    assert run.settings["prior_variance"] > 0
    assert len(run.fingerprint) == 64
    assert run.seconds > 0


# --- Staying up to date ------------------------------------------------------------------------------


def test_a_project_is_stale_until_its_log_is_rated(
    project: Project, images: list[Image], bob: User
) -> None:
    assert stale_projects() == [project.id]
    run = recompute(project.id)
    assert (stale_projects(), is_stale(run)) == ([], False)
    judge(project, bob, by_name, 1)
    assert (stale_projects(), is_stale(run)) == ([project.id], True)
    delete_project(project.id)
    assert stale_projects() == []


def test_a_change_that_ratings_do_not_depend_on_needs_no_new_run(
    project: Project, images: list[Image], bob: User
) -> None:
    first = recompute(project.id)
    update_project(project.id, name="Sundowns")
    assert stale_projects() == [project.id]
    assert recompute(project.id) == first
    assert stale_projects() == []


def test_the_sweep_finds_what_a_lost_message_missed(
    project: Project, images: list[Image], bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(project, bob, by_name, 1)
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda task, args, **_: task.run(*args))
    sweep()
    run = latest_run(project.id)
    assert run is not None
    assert run.comparisons == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_one_run_and_the_second_does_not_wait(
    project: Project, images: list[Image], bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(project, bob, by_name, 1)
    reading, go_on = threading.Event(), threading.Event()
    fit = runs_module.fit

    def slow_fit(log: Log) -> Any:
        reading.set()
        assert go_on.wait(30)
        return fit(log)

    monkeypatch.setattr(runs_module, "fit", slow_fit)

    def first_worker() -> None:
        try:
            recompute(project.id)
        finally:
            connection.close()

    worker = threading.Thread(target=first_worker)
    worker.start()
    assert reading.wait(30)
    assert recompute(project.id, wait=False) is None
    go_on.set()
    worker.join(30)
    assert RatingRun.objects.count() == 1
    recompute(project.id)
    assert RatingRun.objects.count() == 1


def test_a_burst_of_comparisons_is_one_message(monkeypatch: pytest.MonkeyPatch, settings) -> None:
    settings.REDIS_URL = "redis://nowhere"
    settings.WAKE_UP_SECONDS = 0.05
    sent: list[str] = []
    arrived = threading.Event()

    def record(app: Any, task: str, args: list[str], **options: Any) -> None:
        # People who found an empty queue a moment ago have asked for one.
        if task == "rating.tasks.recompute_project":
            sent.extend(args)
            arrived.set()

    monkeypatch.setattr("celery.Celery.send_task", record)
    project_id = UUID(int=7)
    for _ in range(50):
        wake_up_module.wake_up(project_id)
    assert arrived.wait(10)
    assert sent == [str(project_id)]


def test_a_broker_that_hangs_or_refuses_costs_the_vote_nothing(
    project: Project,
    images: list[Image],
    bob: User,
    settings,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks,
) -> None:
    settings.WAKE_UP_SECONDS = 0
    asked, release = threading.Event(), threading.Event()

    def hang(*args: Any, **options: Any) -> None:
        asked.set()
        release.wait(30)
        raise OSError("the broker is gone")

    monkeypatch.setattr("celery.Celery.send_task", hang)
    with django_capture_on_commit_callbacks(execute=True):
        first = judge(project, bob, by_name, 1)
    assert asked.wait(10), "the message is being sent, by another thread"
    with django_capture_on_commit_callbacks(execute=True):
        second = judge(project, bob, by_name, 1)
    assert len(first + second) == 2, "and the votes went on meanwhile"
    release.set()
