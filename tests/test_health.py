"""Health is what the program can do just now, not what it could do when it started."""

import resource
from typing import Any

import psycopg
import pytest
import redis
from django.db import InternalError
from django.test import Client, RequestFactory

from config import clocks, health
from config.errors import server_error
from tests.servers import valkey

pytestmark = pytest.mark.django_db


def test_a_disk_that_takes_nothing_is_not_ready() -> None:
    """For a moment nothing may be written to any file, as far as this process is concerned."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        found = health._storage()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written to: File too large" in found


def test_a_disk_with_room_is_ready_and_nothing_is_left_on_it(settings: Any) -> None:
    before = set(settings.DATA_DIR.iterdir())
    assert health._storage() == ""
    assert set(settings.DATA_DIR.iterdir()) == before


def test_a_broker_that_is_full_is_not_ready(settings: Any, client: Client) -> None:
    with valkey("--maxmemory-policy", "noeviction") as server:
        settings.REDIS_URL = server.url
        assert client.get("/readyz").json()["broker"]
        redis.Redis.from_url(server.url).config_set("maxmemory", "1")
        answer = client.get("/readyz")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json() | {"clocks": True} == {
        "ready": False,
        "database": True,
        "broker": False,
        "storage": True,
        "clocks": True,
    }


def test_a_clock_that_differs_is_named_to_operators_and_not_to_strangers(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/readyz").json()["clocks"] is True
    told = {"web": 0.4, "worker@one": 600.0, "beat@two": -30.0}
    monkeypatch.setattr(clocks, "offsets", lambda: told)
    assert health.clocks_problem() == (
        "the clock of beat@two is 30 s behind the database's; "
        "the clock of worker@one is 600 s ahead of the database's"
    )
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["clocks"] is False
    assert b"600" not in answer.content


def test_each_process_tells_how_far_its_clock_is_ahead(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with valkey() as server:
        settings.REDIS_URL = server.url
        true_time = clocks.time.time
        monkeypatch.setattr(clocks.time, "time", lambda: true_time() + 600)
        clocks.tell("worker@one")
        monkeypatch.undo()
        assert 590 < clocks.offsets()["worker@one"] < 610
        assert list(clocks.differing()) == ["worker@one"]


def test_a_session_that_the_database_ended_is_a_503(client: Client) -> None:
    """Postgres ends a transaction in which nothing is asked for too long."""
    try:
        raise InternalError("ended") from psycopg.errors.IdleInTransactionSessionTimeout("ended")
    except InternalError:
        answer = server_error(RequestFactory().get("/api/v1/projects/"))
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
