"""Periodic tasks: no message expires, and what piles up does no harm."""

from datetime import timedelta
from typing import Any

import pytest
import redis
from celery import current_app

from annotation import periodic
from annotation.periodic import periodic_task
from config import beat, broker
from config.beat import Scheduler


class Clock:
    seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(periodic, "time", clock)
    return clock


def test_of_many_messages_of_a_kind_one_is_done(clock: Clock) -> None:
    done = []

    def do() -> None:
        done.append(1)

    task = periodic_task("tests.of_many")(do)
    for _ in range(720):
        task.apply()
    assert len(done) == 1
    clock.seconds += 5
    task.apply()
    assert len(done) == 2


def test_what_failed_is_done_again_by_the_next_message(clock: Clock) -> None:
    tries: list[int] = []

    def fail_once() -> None:
        tries.append(1)
        assert len(tries) > 1

    task = periodic_task("tests.fails_once")(fail_once)
    assert task.apply().failed()
    assert task.apply().successful()
    task.apply()
    assert len(tries) == 2


def test_no_message_of_the_schedule_expires(scheduler: Scheduler) -> None:
    current_app.loader.import_default_modules()
    assert set(scheduler.schedule) == set(current_app.conf.beat_schedule)
    for entry in scheduler.schedule.values():
        assert "expires" not in entry.options
        assert entry.task in current_app.tasks


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(
        beat.PersistentScheduler, "apply_async", lambda self, entry, **kw: sent.append(entry.task)
    )
    return sent


@pytest.fixture
def scheduler(tmp_path: Any) -> Scheduler:
    return Scheduler(current_app, schedule_filename=str(tmp_path / "schedule"))


def test_beat_adds_nothing_to_a_queue_that_nobody_takes_from(
    scheduler: Scheduler, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = scheduler.schedule["sweep"]
    monkeypatch.setattr(broker, "waiting", lambda: beat.QUEUE_MAX - 1)
    scheduler.apply_async(entry)
    monkeypatch.setattr(broker, "waiting", lambda: beat.QUEUE_MAX)
    scheduler.apply_async(entry)
    assert sent == ["rating.tasks.sweep"]


def test_beat_outlives_a_broker_that_is_away(
    scheduler: Scheduler, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> int:
        raise redis.ConnectionError("refused")

    monkeypatch.setattr(broker, "waiting", away)
    scheduler.apply_async(scheduler.schedule["sweep"])
    assert sent == []


def test_beat_goes_on_at_once_when_its_clock_was_set_back(
    scheduler: Scheduler, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "waiting", lambda: 0)
    for entry in scheduler.schedule.values():
        entry.last_run_at = entry.default_now() + timedelta(minutes=10)
    assert scheduler.tick() <= 5
    for entry in scheduler.schedule.values():
        assert entry.last_run_at <= entry.default_now()
