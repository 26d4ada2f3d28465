"""A hundred clients at once, on Postgres: places, quotas and keys stay exact."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from itertools import count, islice
from threading import Barrier, Event
from typing import TypeVar
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.models.functions import Now

from annotation.errors import Conflict, Gone, Refused
from annotation.models import (
    Assignment,
    Comparison,
    Image,
    Invitation,
    Membership,
    Outcome,
    Project,
    Screen,
    User,
)
from annotation.services.assignments import open_assignments, release_expired
from annotation.services.comparisons import record_comparison
from annotation.services.members import accept_invitation, create_invitation
from annotation.services.projects import update_project
from annotation.services.queue import refill
from tests.conftest import membership
from tests.promises import assert_promises

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
CLIENTS = 100
T = TypeVar("T")
R = TypeVar("R")


def all_at_once(work: Callable[[T], R], items: list[T]) -> list[R]:
    """Each item in a thread of its own with a connection of its own, released at the same moment."""
    start = Barrier(len(items))

    def client(item: T) -> R:
        try:
            start.wait(timeout=30)
            return work(item)
        finally:
            connection.close()

    # They queue for few connections: on a busy machine for longer than a request should.
    patient = patch.object(connection.pool, "timeout", 120)  # type: ignore[attr-defined]  # of Postgres
    with patient, ThreadPoolExecutor(len(items)) as threads:
        return list(threads.map(client, items))


@pytest.fixture
def crowd(project: Project) -> list[Membership]:
    people = User.objects.bulk_create(User(username=f"person-{n}") for n in range(CLIENTS))
    Membership.objects.bulk_create(Membership(project=project, user=user) for user in people)
    return [membership(project, user) for user in people]


def judge_until_nothing_is_left(membership: Membership) -> Iterator[Comparison]:
    """As by requests: each gives its connection back to the pool, which has far fewer than clients."""
    while opened := open_assignments(membership).assignments:
        connection.close()
        yield record_comparison(membership.user, opened[0].id, Outcome.LEFT)[0]
        connection.close()


def test_overlap_is_exact_under_a_hundred_clients(
    project: Project, add_images, crowd: list[Membership]
) -> None:
    update_project(project.id, overlap=3)
    add_images(8)
    for member in crowd:
        member.project.refresh_from_db()
    made = all_at_once(lambda member: list(judge_until_nothing_is_left(member)), crowd)
    acknowledged = Counter(comparison.assignment_id for one in made for comparison in one)
    judged = Counter(Comparison.objects.values_list("assignment__pair", flat=True))
    assert len(judged) == 28
    assert set(judged.values()) == {3}
    assert_promises(project, acknowledged)


def test_a_hundred_clients_share_one_queue_while_it_is_filled_again_and_again(
    project: Project, add_images: Callable[..., list[Image]], crowd: list[Membership]
) -> None:
    """Nobody waits for the filling, nobody gets a pair twice, no pair is shown more often than wanted."""
    update_project(project.id, overlap=2, strategy="random")
    add_images(16)
    refill(project.id)
    for member in crowd:
        member.project.refresh_from_db()
    done = Event()

    def work(item: Membership | None) -> list[Comparison]:
        if item is not None:
            return list(islice(judge_until_nothing_is_left(item), 2))
        while not done.wait(0.05):
            refill(project.id)
            connection.close()
        return []

    def last(item: Membership | None) -> list[Comparison]:
        try:
            return work(item)
        finally:
            if item is not None and next(finished) == CLIENTS:
                done.set()

    finished = count(1)
    made = all_at_once(last, [*crowd, None])
    acknowledged = Counter(comparison.assignment_id for one in made for comparison in one)
    assert len(acknowledged) == 2 * CLIENTS
    assert_promises(project, acknowledged)


def test_a_hundred_clients_leave_nothing_of_the_lineups_undone(
    project: Project, add_images: Callable[..., list[Image]], crowd: list[Membership]
) -> None:
    update_project(project.id, overlap=3, screen=Screen.BEST, screen_size=4)
    add_images(6)
    refill(project.id)
    for member in crowd:
        member.project.refresh_from_db()

    def choose(member: Membership) -> None:
        while opened := open_assignments(member).assignments:
            connection.close()
            (shown,) = opened
            levels = [shown.shown[:1], shown.shown[1:]]
            record_comparison(member.user, shown.id, Outcome.ORDERED, levels=levels)
            connection.close()

    all_at_once(choose, crowd[:30])
    judged = Counter(Comparison.objects.values_list("assignment__lineup", flat=True))
    assert (len(judged), set(judged.values())) == (15, {3})
    assert_promises(project)


def test_questions_that_come_together_are_exact_under_many_clients(
    project: Project, add_images: Callable[..., list[Image]], crowd: list[Membership]
) -> None:
    """Whoever says that images are broken is asked no more of them, and others get their places."""
    criteria = [{"key": "better"}, {"key": "sharper"}, {"key": "calmer"}]
    update_project(project.id, overlap=3, criteria=criteria, criteria_together=True, gold_share=0.0)
    add_images(5)
    refill(project.id)
    for member in crowd:
        member.project.refresh_from_db()

    def judge(item: tuple[int, Membership]) -> None:
        number, member = item
        while opened := open_assignments(member, 2).assignments:
            connection.close()
            for shown in opened[:3]:
                amiss = number < 5 and shown.criterion.key == "sharper"
                said = (Outcome.SKIP, {"cause": "broken"}) if amiss else (Outcome.LEFT, {})
                with suppress(Gone):
                    record_comparison(member.user, shown.id, said[0], **said[1])
                connection.close()

    all_at_once(judge, list(enumerate(crowd[:20])))
    judged = Comparison.objects.exclude(outcome=Outcome.SKIP)
    counts = Counter(judged.values_list("assignment__pair", flat=True))
    assert (len(counts), set(counts.values())) == (30, {3})
    assert_promises(project)


def test_late_answers_and_new_assignments_share_the_last_places(
    project: Project, add_images: Callable[..., list[Image]], crowd: list[Membership]
) -> None:
    """Half of the people come back with an answer whose place is free again, while the others ask for it."""
    update_project(project.id, overlap=10, gold_share=0.0)
    add_images(2)
    for member in crowd:
        member.project.refresh_from_db()
    late = [(member, open_assignments(member).assignments[0]) for member in crowd[:10]]
    Assignment.objects.update(expires_at=Now() - timedelta(seconds=1))
    release_expired()

    def answer(item: tuple[Membership, Assignment | None]) -> int:
        member, shown = item
        waited = None if shown is None else 60_000
        if shown is None:
            shown = next(iter(open_assignments(member).assignments), None)
            connection.close()
        if shown is None:
            return 0
        try:
            record_comparison(member.user, shown.id, Outcome.LEFT, waited_ms=waited)
        except Gone:
            return 0
        return 1

    others = [(member, None) for member in crowd[10:20]]
    assert sum(all_at_once(answer, [*late, *late, *others])) >= 10
    assert Comparison.objects.count() == 10
    assert_promises(project)


def test_a_hundred_posts_of_one_answer_are_one_comparison(
    project: Project, images: list[Image], bob: User
) -> None:
    (opened,) = open_assignments(membership(project, bob)).assignments
    answers = all_at_once(
        lambda _: record_comparison(bob, opened.id, Outcome.LEFT), list(range(CLIENTS))
    )
    assert len({comparison.id for comparison, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1
    assert Comparison.objects.count() == 1


def test_two_different_answers_at_once_are_one_comparison_and_one_conflict(
    project: Project, images: list[Image], bob: User
) -> None:
    (opened,) = open_assignments(membership(project, bob)).assignments

    def answer(outcome: Outcome) -> str:
        try:
            return record_comparison(bob, opened.id, outcome)[0].outcome
        except Conflict:
            return "conflict"

    answers = all_at_once(answer, [Outcome.LEFT, Outcome.RIGHT])
    assert "conflict" in answers
    assert Comparison.objects.get().outcome in answers


def test_a_persons_twenty_tabs_stay_within_the_quota_and_share_the_same_pairs(
    project: Project, add_images, bob: User
) -> None:
    update_project(project.id, quota=3)
    add_images(8)
    project.refresh_from_db()
    tabs = [membership(project, bob) for _ in range(20)]
    shown = all_at_once(lambda tab: [a.id for a in open_assignments(tab, 5).assignments], tabs)
    assert len({id for ids in shown for id in ids}) == 3
    assert_promises(project)


def test_an_invitation_that_many_use_at_once_lets_one_in(project: Project, alice: User) -> None:
    _, token = create_invitation(project, alice, "annotator")  # type: ignore[arg-type]
    people = list(User.objects.bulk_create(User(username=f"guest-{n}") for n in range(20)))

    def join(user: User) -> bool:
        try:
            accept_invitation(token, user)
        except Refused:
            return False
        return True

    assert sum(all_at_once(join, people)) == 1
    assert project.memberships.filter(user__in=people).count() == 1
    assert Invitation.objects.get().accepted_by in people
