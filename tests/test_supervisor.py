"""What `make run` starts, heals and ends, tried with the real programs."""

import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ROOT
from tests.waiting import eventually

pytestmark = [
    pytest.mark.own_servers,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

START = 120.0  # a machine may be busy, and the first start collects the static files
DEADLINE = 15.0
SUPERVISOR = (sys.executable, "-m", "config.supervisor")
MAKE = ("make", "run")


@dataclass
class Run:
    """One `make run`, or the supervisor alone, with its own DATA_DIR and port."""

    process: subprocess.Popen[bytes]
    port: int
    data_dir: Path
    output_file: Path

    @property
    def output(self) -> str:
        return self.output_file.read_text()

    def opened(self, path: str) -> Any:
        url, headers = f"http://127.0.0.1:{self.port}{path}", {"Accept-Encoding": "gzip"}
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5)

    def status(self, path: str) -> int:
        try:
            with self.opened(path) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def processes(self, *words: str) -> set[int]:
        """Ids of the living processes of this run whose command has all the words."""
        return {
            pid
            for pid, command in processes_with(f"DATA_DIR={self.data_dir}")
            if all(word in command for word in words)
        }

    def lock(self) -> dict[str, str]:
        """What a supervisor that was killed leaves for its successor."""
        return dict(json.loads((self.data_dir / "supervisor.lock").read_text() or "{}"))

    def gone(self) -> bool:
        return not self.processes()


def processes_with(variable: str) -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if variable.encode() in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name), (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # it has just ended, or is not ours


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data_dir: Path, port: int, **more: str) -> dict[str, str]:
    """As a person's shell has it: nothing of the suite's own servers."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"DATA_DIR": str(data_dir), "PORT": str(port)} | more


@contextmanager
def started(folder: Path, *command: str, **more: str) -> Iterator[Run]:
    data_dir, output, port = folder / "data", folder / "output", free_port()
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(data_dir, port, **more),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    run = Run(process, port, data_dir, output)
    try:
        eventually(lambda: "Ctrl-C stops it" in run.output or process.poll() is not None, START)
        assert process.poll() is None, run.output
        yield run
    finally:
        for pid in run.processes():
            os.kill(pid, signal.SIGKILL)
        process.wait()
        if left := run.lock():  # the next start would remove it
            shutil.rmtree(left["directory"])


def refused(folder: Path, *arguments: str, **environ: str) -> str:
    """The sentence with which the supervisor declines to start."""
    process = subprocess.run(
        [*SUPERVISOR, *arguments],
        cwd=ROOT,
        env=environment(folder / "data", free_port()) | environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START,
    )
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    return process.stderr.strip()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with started(tmp_path_factory.mktemp("run"), *SUPERVISOR) as run:
        yield run


def test_it_says_where_it_is_and_how_to_get_in_once_it_answers(run: Run):
    assert run.status("/healthz") == 200
    assert run.status("/readyz") == 200
    assert f"Pairwright is ready: http://127.0.0.1:{run.port}" in run.output
    link = next(
        word for word in run.output.split() if word.startswith(f"http://127.0.0.1:{run.port}/")
    )
    assert run.status(link.removeprefix(f"http://127.0.0.1:{run.port}")) == 200


def test_static_files_come_compressed_under_names_that_tell_their_content(run: Run):
    with run.opened("/login/") as page:
        (style,) = re.findall(r"/static/annotation/style\.[0-9a-f]{12}\.css", page.read().decode())
    with run.opened(style) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "immutable" in answer.headers["Cache-Control"]
        assert b"body" in gzip.decompress(answer.read())


def test_a_second_start_with_the_same_data_says_where_the_first_one_is(run: Run, tmp_path: Path):
    sentence = refused(tmp_path, DATA_DIR=str(run.data_dir))
    assert (
        f"already runs with this DATA_DIR, {run.data_dir} at http://127.0.0.1:{run.port}"
        in sentence
    )


def test_a_port_in_use_is_named_with_another_one_to_try(run: Run, tmp_path: Path):
    sentence = refused(tmp_path, PORT=str(run.port))
    assert f"Port {run.port} of 127.0.0.1 cannot be used" in sentence
    assert f"PORT={run.port + 1}" in sentence


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"PORT": "http"}, "PORT is 'http', but it must be a number"),
        ({"HOST": "no.such.host.invalid"}, "HOST is 'no.such.host.invalid', but"),
        ({"IMAGES": "no/such/folder"}, "IMAGES is 'no/such/folder', but there is no such folder"),
        ({"DATA_DIR": "/dev/null/data"}, "DATA_DIR cannot be used"),
        ({"DATABASE_URL": "mysql://nowhere/x"}, "Pairwright cannot start: "),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_value_is_refused_in_one_sentence(
    tmp_path: Path, environ: dict[str, str], sentence: str
):
    output = refused(tmp_path, **environ)
    assert sentence in output
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize("name", ["worker", "web", "broker"])
def test_a_child_that_is_killed_comes_back(run: Run, name: str):
    word = {
        "worker": "celery --quiet --app config worker",
        "web": "config.server",
        "broker": "valkey-server",
    }[name]
    before = eventually(lambda: run.processes(word))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: run.processes(word) - before, DEADLINE)
    eventually(lambda: run.status("/readyz") == 200, START)
    assert f"{name} stopped unexpectedly (SIGKILL); starting it again." in run.output


def test_a_web_server_that_lost_its_process_comes_back(run: Run):
    workers = run.processes("spawn_main")
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: run.processes("spawn_main") - workers, START)
    eventually(lambda: run.status("/healthz") == 200, START)


def test_a_supervisor_goes_on_though_nobody_reads_what_it_says():
    """A full pipe, such as a pager that waits, once kept a dead web server from coming back."""
    code = "from config.children import say\nfor n in range(40): say(500 * 'word')"
    read, write = os.pipe()
    try:
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, stdout=write, check=True, timeout=START
        )
    finally:
        os.close(read)
        os.close(write)


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path):
    with started(tmp_path, *SUPERVISOR) as run:
        eventually(lambda: run.processes("beat"))
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.wait()
        eventually(run.gone, DEADLINE)
        assert run.status("/healthz") == 0


def test_ctrl_c_ends_everything_and_the_next_start_has_the_same_data(tmp_path: Path):
    with started(tmp_path, *MAKE, ADMIN_PASSWORD="correct horse") as run:
        assert "with your ADMIN_PASSWORD" in run.output
        eventually(lambda: run.processes("beat"))
        os.killpg(run.process.pid, signal.SIGINT)
        eventually(run.gone, DEADLINE)
        assert "Error" not in run.output
    secret = (run.data_dir / "secret_key").read_bytes()
    with started(tmp_path, *MAKE) as run:
        assert "Made the demo" not in run.output
        assert (run.data_dir / "secret_key").read_bytes() == secret
        # Killing make itself, as a crashed terminal does, ends everything too.
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.wait()
        eventually(run.gone, DEADLINE)


def test_the_supervisor_ends_well_on_ctrl_c(run: Run):
    os.kill(run.process.pid, signal.SIGINT)
    assert run.process.wait(DEADLINE) == 0
    assert run.gone()
    assert "Stopping" in run.output
