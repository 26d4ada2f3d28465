"""A worker that was away, has a wrong clock or a full broker: ratings catch up by themselves (V4)."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from celery import Celery

from rating.services.compiling import compile_if_needed
from tests.servers import ROOT, postgres, valkey
from tests.test_faults import Site, get, running_site
from tests.test_faults_database import first_vote
from tests.waiting import eventually

pytestmark = pytest.mark.own_servers
PATIENCE = 120.0  # a worker starts slowly on a busy machine


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    compile_if_needed()  # there is no beat here, to find what was put off meanwhile
    with (
        postgres() as database,
        valkey() as broker,
        running_site(tmp_path_factory.mktemp("data"), database, broker) as site,
    ):
        yield site


@contextmanager
def worker(site: Site, log: Path, ahead: float = 0.0) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        sys.executable,
        "-m",
        "tests.ahead",
        str(ahead),
        "celery",
        "--app",
        "config",
        "worker",
    ]
    command += ["--pool", "threads", "--concurrency", "2", "--without-gossip", "--without-mingle"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--loglevel", "WARNING"],
            cwd=ROOT,
            env=site.environ,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def rated(site: Site) -> int:
    """How many comparisons the latest ratings know."""
    with psycopg.connect(site.database.url) as connection:
        found = connection.execute("SELECT max(comparisons) FROM rating_ratingrun").fetchone()
    return (found and found[0]) or 0


def test_a_worker_with_a_wrong_clock_rates_and_its_clock_is_told(
    site: Site, tmp_path: Path
) -> None:
    """F30. Strangers learn that clocks differ, and not which."""
    first_vote(site)
    with worker(site, tmp_path / "log", ahead=600):
        eventually(lambda: rated(site) == len(site.acknowledged), PATIENCE)
        eventually(lambda: not get(site, "readyz").json()["clocks"], PATIENCE)
        assert get(site, "readyz").json()["ready"]
        health = subprocess.run(
            [sys.executable, "manage.py", "health"],
            cwd=ROOT,
            env=site.environ,
            capture_output=True,
            text=True,
        )
    assert health.returncode == 1
    assert "s ahead of the database's" in health.stdout
    assert "database: ok\nbroker: ok\nstorage: ok\n" in health.stdout


def test_an_hour_without_a_worker_is_made_up_for_in_seconds(site: Site, tmp_path: Path) -> None:
    """F22: what piled up is dropped, not done 720 times."""
    sender = Celery(broker=site.broker.url.replace("unix://", "redis+socket://"))
    with sender.producer_pool.acquire(block=True) as producer:
        for _ in range(720):
            for task in (
                "rating.tasks.sweep",
                "annotation.tasks.derive",
                "annotation.tasks.deliver",
            ):
                sender.send_task(task, producer=producer)
    first_vote(site)
    broker = redis.Redis.from_url(site.broker.url)
    assert broker.llen("celery") >= 3 * 720
    with worker(site, tmp_path / "log"):
        eventually(lambda: broker.llen("celery") == 0, PATIENCE)
        eventually(lambda: rated(site) == len(site.acknowledged), PATIENCE)


def test_a_worker_outlives_a_full_broker(site: Site, tmp_path: Path) -> None:
    broker = redis.Redis.from_url(site.broker.url)
    log = tmp_path / "log"
    with worker(site, log) as process:
        first_vote(site)
        eventually(lambda: rated(site) == len(site.acknowledged), PATIENCE)
        broker.config_set("maxmemory", "1")
        try:
            assert get(site, "readyz").json() | {"clocks": True} == {
                "ready": False,
                "database": True,
                "broker": False,
                "storage": True,
                "clocks": True,
            }
            eventually(
                lambda: process.poll() is not None or "maxmemory" in log.read_text(), PATIENCE
            )
            first_vote(site)
        finally:
            broker.config_set("maxmemory", "0")
        assert process.poll() is None, log.read_text()
        first_vote(site)
        eventually(lambda: rated(site) == len(site.acknowledged), PATIENCE)
    assert get(site, "readyz").status_code == 200
