"""The embedded database under a power loss and a lock: nothing acknowledged is lost, nobody hangs."""

import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.syncs import Syncs
from tests.test_faults import set_up, web
from tests.test_supervisor import free_port

pytestmark = [
    pytest.mark.own_servers,
    pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for each sync"),
]
VOTES = 8


@dataclass
class Embedded:
    """An embedded web server, its voter, and what the disk has of its files."""

    url: str
    data: Path
    project: str
    token: str
    syncs: Syncs

    @property
    def database(self) -> Path:
        return self.data / "pairwright.sqlite3"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    data, port = tmp_path_factory.mktemp("data"), free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environ |= {
        "DATA_DIR": str(data),
        "STATIC_ROOT": str(data / "static"),
        "PUBLIC_URL": url,
        "SECRET_KEY": "",
    }
    made = set_up(environ)
    # As the worker, which has it open, too; when the last one closes it, everything is synced.
    with closing(sqlite3.connect(data / "pairwright.sqlite3")) as worker, Syncs() as syncs:
        worker.execute("SELECT COUNT(*) FROM annotation_comparison").fetchone()
        with web(environ, port, data / "web.log", workers=1, preexec=syncs.report):
            yield Embedded(url, data, made["project"], made["tokens"][0], syncs)


def test_a_lock_that_is_not_given_is_said_within_seconds(embedded: Embedded) -> None:
    """The page waits 20 s; the time is compared with a vote's, which the machine slows down alike."""
    started = time.monotonic()
    vote(embedded, 1)
    usual = time.monotonic() - started
    with (
        closing(sqlite3.connect(embedded.database, isolation_level=None)) as other,
        client_of(embedded) as client,
    ):
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        refused = client.post(f"projects/{embedded.project}/assignments/", json={"count": 1})
        took = time.monotonic() - started
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert took < 3 + 10 * usual
    assert took < 15
    vote(embedded, 1)


def test_no_acknowledged_vote_is_lost_with_what_was_not_yet_synced(
    embedded: Embedded, tmp_path: Path
) -> None:
    """The write-ahead log is cut to what it was at its last sync, as the disk has it after a power loss."""
    acknowledged = vote(embedded, VOTES)
    log = embedded.data / "pairwright.sqlite3-wal"
    shutil.copy(embedded.database, tmp_path)
    shutil.copy(log, tmp_path)
    os.truncate(tmp_path / log.name, embedded.syncs.length(log))
    with closing(sqlite3.connect(tmp_path / embedded.database.name)) as connection:
        rows = connection.execute("SELECT assignment_id FROM annotation_comparison").fetchall()
    assert {row[0] for row in rows} >= set(acknowledged)


def client_of(embedded: Embedded) -> httpx.Client:
    headers = {"Authorization": f"Token {embedded.token}"}
    return httpx.Client(base_url=f"{embedded.url}/api/v1/", headers=headers, timeout=60)


def vote(embedded: Embedded, count: int) -> list[str]:
    """The assignments whose comparisons were acknowledged, the last one just now."""
    acknowledged = []
    with client_of(embedded) as client:
        for _ in range(count):
            opened = client.post(f"projects/{embedded.project}/assignments/", json={"count": 1})
            vote = {"assignment": opened.json()["results"][0]["id"], "outcome": "left"}
            assert client.post("comparisons/", json=vote).status_code == 201
            acknowledged.append(vote["assignment"].replace("-", ""))
    return acknowledged
