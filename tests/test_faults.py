"""Faults under load, on servers of our own: no acknowledged vote is lost, none is doubled, and the only
error of the service is 503 with Retry-After (the promises V1, V4 and V5)."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.servers import ROOT, Server, postgres, valkey
from tests.test_supervisor import free_port, processes_with
from tests.waiting import eventually

pytestmark = pytest.mark.own_servers
VOTERS = 6

SET_UP = f"""
import json
from knox.models import AuthToken
from annotation.models import Image, Membership, Project, User
from annotation.services.projects import create_project
people = [User.objects.create(username=f"voter-{{n}}") for n in range({VOTERS})]
project = create_project(people[0], name="P", state=Project.State.OPEN, overlap=30)
Membership.objects.bulk_create(Membership(project=project, user=user) for user in people[1:])
Image.objects.bulk_create(
    Image(project=project, name=str(n), path=str(n), bytes=1, width=1, height=1) for n in range(40)
)
tokens = [AuthToken.objects.create(user=user)[1] for user in people]
print(json.dumps({{"project": str(project.id), "tokens": tokens}}))
"""


@dataclass
class Site:
    """A web server with its database and broker, and what its voters have sent and heard."""

    url: str
    environ: dict[str, str]
    database: Server
    broker: Server
    project: str
    tokens: list[str]
    sent: set[str] = field(default_factory=set)
    acknowledged: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)

    def logged(self) -> list[str]:
        with psycopg.connect(self.database.url) as connection:
            rows = connection.execute("SELECT assignment_id FROM annotation_comparison").fetchall()
        return [str(row[0]) for row in rows]

    def wait_for_votes(self, more: int, deadline: float = 60) -> None:
        wanted = len(self.acknowledged) + more
        eventually(lambda: len(self.acknowledged) >= wanted, deadline)

    def assert_promises(self) -> None:
        assert self.surprises == []
        logged = self.logged()
        assert len(logged) == len(set(logged))
        assert set(self.acknowledged) <= set(logged), "an acknowledged vote is lost"
        assert set(logged) <= self.sent, "there is a vote that nobody sent"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with (
        postgres(durable=True) as database,
        valkey() as broker,
        running_site(tmp_path_factory.mktemp("data"), database, broker) as site,
    ):
        yield site


@contextmanager
def running_site(
    data: Path, database: Server, broker: Server, database_url: str = ""
) -> Iterator[Site]:
    """A site of these servers; `database_url`: another way to the database, for the web server alone."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = os.environ | {
        "DATABASE_URL": database.url,
        "REDIS_URL": broker.url,
        "DATA_DIR": str(data),
        "STATIC_ROOT": str(data / "static"),
        "PUBLIC_URL": url,
    }
    made = set_up(environ)
    environ["DATABASE_URL"] = database_url or database.url
    with web(environ, port, data / "web.log"):
        yield Site(url, environ, database, broker, **made)


def set_up(environ: dict[str, str]) -> dict[str, Any]:
    """The project, and the tokens of the voters, of an installation that is new."""

    def manage(*words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    manage("migrate", "--verbosity=0")
    manage("createcachetable", "--verbosity=0")
    manage("collectstatic", "--noinput", "--verbosity=0")
    made: dict[str, Any] = json.loads(
        manage("shell", "--verbosity=0", "--command", SET_UP).splitlines()[-1]
    )
    return made


@contextmanager
def web(
    environ: dict[str, str],
    port: int,
    log: Path,
    workers: int = 2,
    preexec: Callable[[], None] | None = None,
) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.server"],
            cwd=ROOT,
            env=environ | {"WEB_PORT": str(port), "WEB_WORKERS": str(workers)},
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=preexec,
        )
    try:
        eventually(lambda: alive(port), 60)
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def alive(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def voting(site: Site) -> Iterator[None]:
    """Everybody votes, as fast as they can, until we leave; each then has heard of the last vote sent."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=vote_until, args=(site, token, stop)) for token in site.tokens
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(90)
            assert not thread.is_alive()


def vote_until(site: Site, token: str, stop: threading.Event) -> None:
    headers = {"Authorization": f"Token {token}"}
    with httpx.Client(base_url=f"{site.url}/api/v1/", headers=headers, timeout=20) as client:
        while not stop.is_set():
            opened = answer_of(site, client, f"projects/{site.project}/assignments/", {"count": 1})
            for assignment in opened.get("results", []):
                site.sent.add(assignment["id"])
                vote = {"assignment": assignment["id"], "outcome": "left"}
                made = answer_of(site, client, "comparisons/", vote)
                if made:
                    site.acknowledged.append(made["assignment"])


def answer_of(site: Site, client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send the same again until it is answered, as the page does; every other answer is a surprise."""
    for _ in range(600):
        try:
            response = client.post(path, json=body)
        except httpx.HTTPError:
            threading.Event().wait(0.1)
            continue
        if response.status_code in (200, 201):
            answer: dict[str, Any] = response.json()
            return answer
        if response.status_code == 503 and response.headers.get("Retry-After"):
            threading.Event().wait(0.1)
            continue
        site.surprises.append(f"{path}: {response.status_code} {response.text[:200]}")
        break
    return {}


def web_workers(environ: dict[str, str]) -> list[int]:
    """The processes that answer, not the one that watches them."""
    processes = processes_with(f"DATA_DIR={environ['DATA_DIR']}")
    return [pid for pid, command in processes if "spawn_main" in command]


def test_a_web_worker_killed_under_load_loses_and_doubles_nothing(site: Site) -> None:
    """F1, F9: answers are cut off between commit and reply, and sent again."""
    with voting(site):
        site.wait_for_votes(40)
        os.kill(web_workers(site.environ)[0], signal.SIGKILL)
        site.wait_for_votes(40)
    site.assert_promises()


def test_a_database_that_crashes_and_comes_back_loses_and_doubles_nothing(site: Site) -> None:
    """F5: acknowledged means on disk; meanwhile the service says 503 and when to ask again."""
    with voting(site):
        site.wait_for_votes(40)
        site.database.stop(signal.SIGKILL)
        try:
            meanwhile = {
                path: get(site, path).status_code for path in ("healthz", "readyz", "login/")
            }
            image = get(site, f"images/{uuid4()}/", cookies={"sessionid": "somebody"})
        finally:
            site.database.start(60)
        assert meanwhile == {"healthz": 200, "readyz": 503, "login/": 200}
        assert (image.status_code, image.headers["Retry-After"]) == (503, "5")
        site.wait_for_votes(40)
    site.assert_promises()
    assert get(site, "readyz").status_code == 200


def get(site: Site, path: str, **more: Any) -> httpx.Response:
    return httpx.get(f"{site.url}/{path}", timeout=30, **more)


def test_a_broker_that_hangs_costs_no_vote_and_no_time(site: Site) -> None:
    """F16: nothing that a vote waits for goes through the broker."""
    process = site.broker.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        with voting(site):
            site.wait_for_votes(100, deadline=30)
    finally:
        process.send_signal(signal.SIGCONT)
    site.assert_promises()
