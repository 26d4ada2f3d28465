"""A real web server under hostile pictures: what they cost it in memory, and that it goes on answering."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.pixels import encoded, huge_png, many_scans, motif, tiny_webp
from tests.servers import ROOT
from tests.test_supervisor import free_port
from tests.waiting import eventually

pytestmark = [
    pytest.mark.own_servers,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]
MEGABYTE = 2**20
MOST_MEGABYTES = 600
SET_UP = """
import json, sys
from pathlib import Path
from knox.models import AuthToken
from annotation.imports.folder import import_folder
from annotation.models import Project, User
from annotation.services.projects import create_project
alice = User.objects.create(username="alice")
project = create_project(alice, name="P", state=Project.State.OPEN)
import_folder(project, Path({folder!r}))
pictures = {{image.name: str(image.id) for image in project.images.all()}}
print(json.dumps([str(project.id), AuthToken.objects.create(user=alice)[1], pictures]))
"""


def tree_of(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(status.parent.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def memory_of(root: int) -> int:
    """Of a process and all below it; what they share is counted once."""
    total = 0
    for pid in tree_of(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


@contextmanager
def watched(root: int) -> Iterator[list[int]]:
    """The memory again and again, until we leave."""
    seen, stop = [memory_of(root)], threading.Event()

    def watch() -> None:
        while not stop.wait(0.03):
            seen.append(memory_of(root))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def hostile() -> dict[str, bytes]:
    return {
        "bomb.webp": tiny_webp(16_383, 6_103),
        "padded.webp": tiny_webp(16_383, 6_103) + bytes(100_000),
        "scans.jpg": many_scans(200),
        "large.png": huge_png(10_000, 9_900),
        "clear.png": huge_png(5_000, 4_800, channels=4),
        "grey.png": huge_png(9_900, 9_900, channels=1),
        "progressive.jpg": encoded(motif((6_000, 5_000)), "JPEG", progressive=True, quality=50),
    }


@contextmanager
def server(environ: dict[str, str], port: int, log: Path) -> Iterator[int]:
    command, environ = [sys.executable, "-m", "config.server"], environ | {"WEB_PORT": str(port)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=output, stderr=output, start_new_session=True
        )
    try:
        eventually(lambda: answers(port), 120)
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_hostile_pictures_cost_the_web_server_a_bounded_memory(
    hostile: dict[str, bytes], tmp_path: Path
) -> None:
    port, folder = free_port(), tmp_path / "pictures"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environ = kept | {"DATA_DIR": str(tmp_path / "data"), "LOG_LEVEL": "WARNING"}
    environ["PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    folder.mkdir()
    for name in ("large.png", "grey.png", "progressive.jpg"):
        (folder / name).write_bytes(hostile[name])

    def manage(*words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "data").mkdir()
    manage("migrate", "--verbosity=0")
    manage("createcachetable", "--verbosity=0")
    manage("collectstatic", "--noinput", "--verbosity=0")
    set_up = SET_UP.format(folder=str(folder))
    made = manage("shell", "--verbosity=0", "--command", set_up).splitlines()[-1]
    project, token, pictures = json.loads(made)
    # What is larger than a request may decode comes in by the import, which may take more.
    assert set(pictures) == {"large.png", "grey.png", "progressive.jpg"}
    site = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Token {token}"}

    def upload(name: str) -> int:
        where = f"{site}/api/v1/projects/{project}/images/"
        files = {"file": (name, hostile[name])}
        return httpx.post(where, files=files, headers=headers, timeout=300).status_code

    def show(wanted: tuple[str, str]) -> int:
        where = f"{site}/images/{pictures[wanted[0]]}/?size={wanted[1]}"
        return httpx.get(where, headers=headers, timeout=300).status_code

    with server(environ, port, tmp_path / "web.log") as pid:
        base = memory_of(pid)
        with watched(pid) as seen, ThreadPoolExecutor(6) as threads:
            uploads = [threads.submit(upload, name) for name in list(hostile) * 2]
            sizes = ("thumb", "small", "medium", "large", "full")
            shows = [
                threads.submit(show, (name, size))
                for size in sizes * 2
                for name in pictures
                for _ in range(2)
            ]
            waits = []
            while not all(one.done() for one in [*uploads, *shows]):
                began = time.monotonic()
                assert answers(port)
                waits.append(time.monotonic() - began)
            statuses = {one.result() for one in uploads}, {one.result() for one in shows}
        assert statuses[0] <= {200, 201, 400, 503}
        assert statuses[1] <= {200, 503}
        assert (max(seen) - base) / MEGABYTE <= MOST_MEGABYTES
        assert upload("bomb.webp") == upload("scans.jpg") == 400
        print(f"base {base / MEGABYTE:.0f} MB, at most {(max(seen) - base) / MEGABYTE:.0f} more")
