"""A database that hangs: the service says so within seconds, and is back by itself (V1, V4, V5)."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest

from config.database import Connection
from tests.fault_proxy import FaultProxy
from tests.servers import postgres, valkey
from tests.test_faults import Site, answer_of, get, running_site, voting
from tests.waiting import eventually

pytestmark = pytest.mark.own_servers

PROMISED = 3.0


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, FaultProxy]]:
    """A site whose web server reaches its database through the proxy."""
    with (
        postgres(durable=True) as database,
        valkey() as broker,
        FaultProxy(f"{database.directory}/.s.PGSQL.5432") as proxy,
    ):
        url = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres"
        data = tmp_path_factory.mktemp("data")
        with running_site(data, database, broker, database_url=url) as site:
            yield site, proxy


@contextmanager
def client_of(site: Site) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Token {site.tokens[0]}"}
    with httpx.Client(base_url=f"{site.url}/api/v1/", headers=headers, timeout=60) as client:
        yield client


def refusals(site: Site, count: int) -> list[float]:
    """How long each of so many requests took to be told that the service is busy.

    Ten health checks are taken off, which is the part of a machine that is busy with other things.
    """
    took = []
    with client_of(site) as client:
        for _ in range(count):
            started = time.monotonic()
            response = client.post(f"projects/{site.project}/assignments/", json={"count": 1})
            seconds = time.monotonic() - started
            assert response.status_code == 503, response.text
            assert response.headers["Retry-After"]
            started = time.monotonic()
            client.get(f"{site.url}/healthz")
            took.append(seconds - 10 * (time.monotonic() - started))
    return took


def first_vote(site: Site) -> float:
    """After how many seconds, from now, the next vote is taken."""
    started = time.monotonic()
    with client_of(site) as client:
        opened = answer_of(site, client, f"projects/{site.project}/assignments/", {"count": 1})
        assignment = opened["results"][0]["id"]
        site.sent.add(assignment)
        vote = {"assignment": assignment, "outcome": "left"}
        site.acknowledged.append(answer_of(site, client, "comparisons/", vote)["assignment"])
    return time.monotonic() - started


@pytest.mark.parametrize("fault", ["swallow", "drop_replies", "cut"])
def test_connections_that_die_without_a_word_cost_seconds(
    proxied: tuple[Site, FaultProxy], fault: str
) -> None:
    """F7, F10: everybody votes on, with nobody acting; nothing is lost or doubled."""
    site, proxy = proxied
    with voting(site):
        site.wait_for_votes(20)
        getattr(proxy, fault)()
        started = time.monotonic()
        site.wait_for_votes(40, deadline=60)
        assert time.monotonic() - started < 60
    site.assert_promises()


def test_a_database_that_swallows_everything_is_said_within_seconds_and_left_at_once(
    proxied: tuple[Site, FaultProxy],
) -> None:
    """F10: also new connections hang."""
    site, proxy = proxied
    first_vote(site)
    proxy.swallow_new = True
    proxy.swallow()
    try:
        took = refusals(site, 4)
        assert get(site, "readyz").status_code == 503
        assert get(site, "healthz").status_code == 200
    finally:
        proxy.swallow_new = False
        proxy.swallow()  # what was begun meanwhile stays silent
    assert max(took) < PROMISED
    eventually(lambda: get(site, "readyz").status_code == 200, 60)
    first_vote(site)
    site.assert_promises()


def test_a_lock_that_is_not_given_is_said_within_seconds(
    proxied: tuple[Site, FaultProxy],
) -> None:
    site, _ = proxied
    with psycopg.connect(site.database.url) as connection:
        connection.execute("LOCK TABLE annotation_assignment IN ACCESS EXCLUSIVE MODE")
        took = refusals(site, 2)
    assert max(took) < PROMISED
    first_vote(site)
    site.assert_promises()


def test_a_slow_statement_is_not_taken_for_a_dead_connection(
    proxied: tuple[Site, FaultProxy],
) -> None:
    """F11: a lock is held for a second, more than a connection may be silent unasked."""
    site, _ = proxied
    with psycopg.connect(site.database.url) as connection:
        connection.execute("LOCK TABLE annotation_assignment IN ACCESS EXCLUSIVE MODE")
        with voting(site):
            seen = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            with psycopg.connect(site.database.url, autocommit=True) as watcher:
                eventually(lambda: watcher.execute(seen).fetchone(), 60)
            time.sleep(1)  # no condition to wait for: that nothing happens is the test
            connection.rollback()
            site.wait_for_votes(20)
    site.assert_promises()


def test_a_statement_that_is_taken_in_slowly_goes_on() -> None:
    """The server takes nothing for longer than a connection may be silent, before and after it is asked."""
    with postgres() as server, Connection.connect(server.url, autocommit=True) as connection:
        server_pid = connection.info.backend_pid
        for length in (1_000, 60_000_000):  # within what the sockets hold, and far beyond
            assert connection.execute("SELECT pg_sleep(1.2)").fetchone() == ("",)
            os.kill(server_pid, signal.SIGSTOP)
            seconds = 1.2 if length > 1_000 else 0.8
            go_on = threading.Timer(seconds, os.kill, (server_pid, signal.SIGCONT))
            go_on.start()
            row = connection.execute("SELECT length(%s)", ["x" * length]).fetchone()
            assert row == (length,)
            go_on.join()


def test_the_first_vote_after_a_long_outage_does_not_wait_for_a_back_off(
    proxied: tuple[Site, FaultProxy],
) -> None:
    """Requests come all the while, so each would lengthen the pause of a pool that backs off."""
    site, _ = proxied
    first_vote(site)
    site.database.stop(signal.SIGKILL)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            assert max(refusals(site, 3)) < PROMISED
    finally:
        site.database.start(60)
    started = time.monotonic()
    first_vote(site)
    with_it = time.monotonic() - started
    started = time.monotonic()
    first_vote(site)
    assert with_it - 10 * (time.monotonic() - started) < PROMISED
    site.assert_promises()
