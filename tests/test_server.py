"""The web server itself, as `make run` and as the compose file start it: nobody can hang or fill it, and it
outlives its workers."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.asgi import environ_of
from tests.servers import ROOT, postgres
from tests.test_faults import Site, alive, site, voting, web, web_workers
from tests.test_supervisor import SUPERVISOR, free_port, processes_with, started
from tests.waiting import eventually

__all__ = ["site"]
pytestmark = [
    pytest.mark.own_servers,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

# A hung server answers never; a busy machine may take a while.
IN_TIME = 10.0
SLOW_CLIENTS = 200


@dataclass
class Running:
    """A web server, the folders where its temporary files may be, and what finds its processes."""

    port: int
    mark: str
    temporary: tuple[Path, ...]

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return httpx.request(method, f"http://127.0.0.1:{self.port}{path}", timeout=IN_TIME, **more)

    def connected(self, *sent: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=IN_TIME)
        for part in sent:
            client.sendall(part)
        return client

    def temporary_bytes(self) -> int:
        """Bytes of its temporary files, also of those that have no name."""
        found = sum(
            file.stat().st_size
            for folder in self.temporary
            for file in folder.rglob("*")
            if file.is_file()
        )
        for pid, _ in processes_with(self.mark):
            for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
                try:
                    if str(descriptor.readlink()).startswith(tuple(map(str, self.temporary))):
                        found += descriptor.stat().st_size
                except OSError:
                    continue  # it has just been closed
        return found


@pytest.fixture(scope="module", params=["embedded", "deployed"])
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("server")
    temporary = folder / "temporary"
    temporary.mkdir()
    start = embedded if request.param == "embedded" else deployed
    with start(folder, temporary) as running:
        yield running


@contextmanager
def embedded(folder: Path, temporary: Path) -> Iterator[Running]:
    with started(folder, *SUPERVISOR, TMPDIR=str(temporary)) as run:
        folders = temporary, run.data_dir / "incoming"
        yield Running(run.port, f"DATA_DIR={run.data_dir}", folders)


@contextmanager
def deployed(folder: Path, temporary: Path) -> Iterator[Running]:
    with ExitStack() as stack:
        port, data = free_port(), folder / "data"
        data.mkdir()
        environ = os.environ | {
            "DATABASE_URL": stack.enter_context(postgres()).url,
            "REDIS_URL": "unix:///nowhere",
            "DATA_DIR": str(data),
            "STATIC_ROOT": str(data / "static"),
            "SECRET_KEY": os.urandom(32).hex(),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "TMPDIR": str(temporary),
        }
        for words in ("migrate", "createcachetable", "collectstatic --noinput"):
            command = [sys.executable, "manage.py", *words.split(), "--verbosity=0"]
            subprocess.run(command, cwd=ROOT, env=environ, check=True)
        stack.enter_context(web(environ, port, data / "web.log"))
        yield Running(port, f"DATA_DIR={data}", (temporary, data / "incoming"))


HALF_BODY = (
    b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\nlogin=a"
)
HALF_HEADERS = b"GET /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-More: "


def test_half_requests_hold_nobody_up(server: Running) -> None:
    """Two hundred half bodies and as many half headers; eight were enough to hang the server."""
    with ExitStack() as stack:
        for half in (HALF_BODY, HALF_HEADERS):
            for _ in range(SLOW_CLIENTS):
                stack.enter_context(server.connected(half))
        assert server.ask("GET", "/healthz").status_code == 200
        assert server.ask("GET", "/login/").status_code == 200


def test_half_headers_and_half_bodies_come_to_an_end(server: Running) -> None:
    with server.connected(HALF_HEADERS) as headers, server.connected(HALF_BODY) as body:
        headers.settimeout(90)
        body.settimeout(90)
        assert headers.recv(100) == b""
        assert body.recv(100).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("path", ["/", "/login/", "/api/v1/token/", "/no/such/page/"])
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_what_strangers_send_never_reaches_the_disk(
    server: Running, path: str, chunked: bool
) -> None:
    """200 MB of a form with a file; every parser, and every server, has a temporary file for it."""
    length = 200 * 2**20
    head = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}"
    request = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{how}\r\nCookie: sessionid=forged\r\n"
        "Authorization: Token forged\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    block = bytes(2**20)
    most = 0
    with server.connected(request.encode()) as client:

        def send(content: bytes) -> None:
            client.sendall(b"%x\r\n%s\r\n" % (len(content), content) if chunked else content)

        try:
            send(head)
            for _ in range(length // len(block)):
                send(block)
                most = max(most, server.temporary_bytes())
        except OSError:
            pass  # it has closed the connection
    assert most == 0
    with server.connected(request.encode()) as client:
        client.sendall(b"%x\r\n%s\r\n" % (len(block), block) if chunked else head)
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_no_header_passes_for_another() -> None:
    headers = [
        (b"host", b"a.example"),
        (b"x_forwarded_for", b"203.0.113.7"),
        (b"x-forwarded-for", b"198.51.100.1"),
        (b"x-forwarded-for", b"198.51.100.2"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
    ]
    environ = environ_of(
        {
            "method": "GET",
            "raw_path": b"/caf%C3%A9/%2F",
            "query_string": b"q=%00",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 5),
            "http_version": "1.1",
            "scheme": "http",
            "headers": headers,
        }
    )
    assert environ["HTTP_X_FORWARDED_FOR"] == "198.51.100.1,198.51.100.2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/café//"


def test_a_small_form_may_come_in_chunks_and_slowly(server: Running) -> None:
    with server.connected(
        b"POST /api/v1/token/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/json\r\n\r\n"
    ) as client:
        for part in (b'{"username": "a", ', b'"password": "b"}'):
            client.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        client.sendall(b"0\r\n\r\n")
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert answer.status == 400
        assert set(json.loads(answer.read())) == {"detail"}  # both fields came; they are wrong


def test_a_head_has_the_headers_of_a_page_and_no_body(server: Running) -> None:
    page, head = server.ask("GET", "/login/"), server.ask("HEAD", "/login/")
    assert (head.status_code, head.content) == (200, b"")
    assert abs(int(head.headers["Content-Length"]) - len(page.content)) < 100
    style = static_path(page, r"style\.[0-9a-f]{12}\.css")
    assert server.ask("HEAD", style).content == b""
    assert server.ask("GET", style, headers={"Range": "bytes=0-3"}).status_code == 206


def static_path(page: httpx.Response, name: str) -> str:
    return re.search(rf"/static/annotation/{name}", page.text).group()


def largest_static_file(server: Running) -> tuple[str, int]:
    root = Path(server.mark.partition("=")[2]) / "static"
    file = max(root.rglob("*.js"), key=lambda file: file.stat().st_size)
    return f"/static/{file.relative_to(root)}", file.stat().st_size


def test_readers_that_stall_hold_nobody_up(server: Running) -> None:
    """Fifty downloads, whole and in parts, of which nobody reads more than the beginning."""
    path, size = largest_static_file(server)
    assert size > 2**20  # more than the buffers on the way take
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with ExitStack() as stack:
        for n in range(50):
            client = socket.socket()
            stack.callback(client.close)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            part = f"Range: bytes=1-{size - 1}\r\n" if n % 2 else ""
            client.sendall(f"{request}{part}\r\n".encode())
            assert client.recv(20).startswith(b"HTTP/1.1 20")
        assert server.ask("GET", "/healthz").status_code == 200
        whole = server.ask("GET", path, headers={"Accept-Encoding": "identity"})
        assert len(whole.content) == size


# --- Workers that die, and reloads ----------------------------------------------------------------------


def test_eight_workers_killed_within_a_minute_cost_no_vote(site: Site) -> None:
    """F1, V1, V5: two deaths at once ended the whole server."""
    with voting(site):
        for _ in range(4):
            site.wait_for_votes(5)
            for pid in eventually(lambda: two(web_workers(site.environ)), 60):
                os.kill(pid, signal.SIGKILL)
        site.wait_for_votes(20)
    site.assert_promises()


def two(pids: list[int]) -> list[int]:
    return pids if len(pids) >= 2 else []


def test_a_reload_fails_no_request(site: Site) -> None:
    """F3: every worker is another one afterwards, and each connection is answered."""
    before = set(web_workers(site.environ))
    failures: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                status = httpx.get(f"{site.url}/healthz", timeout=60).status_code
                failures.extend([str(status)] if status != 200 else [])
            except httpx.HTTPError as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        os.kill(master(site), signal.SIGHUP)
        eventually(lambda: not before & set(web_workers(site.environ)), 120)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


def master(site: Site) -> int:
    """The process that listens."""
    (pid,) = [
        pid
        for pid, command in processes_with(f"DATA_DIR={site.environ['DATA_DIR']}")
        if "config.server" in command
    ]
    return pid


def test_no_worker_outlives_the_process_that_watches_it(tmp_path: Path) -> None:
    """F2: else they would hold the port against the next start."""
    with ExitStack() as stack:
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        running = stack.enter_context(deployed(tmp_path, temporary))
        (pid,) = [
            pid for pid, command in processes_with(running.mark) if "config.server" in command
        ]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not dict(processes_with(running.mark)), 60)
        assert not alive(running.port)
