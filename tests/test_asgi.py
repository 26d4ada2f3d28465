"""What the event loop does with what Django answers, driven without a server."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from config import asgi
from tests.waiting import eventually

SCOPE = {
    "type": "http",
    "method": "GET",
    "raw_path": b"/",
    "query_string": b"",
    "server": ("127.0.0.1", 80),
    "client": ("127.0.0.1", 5),
    "http_version": "1.1",
    "scheme": "http",
    "headers": [],
}


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`answering(view)`: Django answers with what the function returns for a path."""

    def answer(view: Callable[[str], HttpResponseBase]) -> None:
        def django(environ: dict[str, Any], start_response: Any) -> HttpResponseBase:
            response = view(environ["PATH_INFO"])
            start_response(f"{response.status_code} OK", list(response.items()))
            return response

        monkeypatch.setattr(asgi, "django", django)

    return answer


class Client:
    """Takes so many blocks of an answer, then stalls; -1 takes all."""

    def __init__(self, path: str, takes: int = -1) -> None:
        self.scope = {**SCOPE, "raw_path": path.encode()}
        self.takes = takes
        self.status = 0
        self.content = b""
        self.headers: dict[bytes, bytes] = {}
        self.gone = asyncio.Event()
        self.asked = False

    async def receive(self) -> dict[str, Any]:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        if self.takes == 0:
            await asyncio.Event().wait()
        self.takes -= 1
        self.content += message["body"]

    async def ask(self, application: asgi.Application) -> "Client":
        await application(self.scope, self.receive, self.send)
        return self


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run in a thread of its own: Playwright leaves a running loop in the main thread."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(scenario())).result()


def endless(ended: list[str]) -> Iterator[bytes]:
    try:
        while True:
            yield b"more"
    finally:
        ended.append("ended")


def test_streams_nobody_reads_leave_half_of_the_threads_and_come_to_an_end(
    answering: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    answering(
        lambda path: (
            StreamingHttpResponse(endless(ended)) if path == "/stream" else HttpResponse("page")
        )
    )
    monkeypatch.setattr(asgi, "STALLED_SECONDS", 4.0)

    async def scenario() -> None:
        application = asgi.Application(threads=4)
        stalled = [Client("/stream", takes=1) for _ in range(2)]
        running = [asyncio.create_task(client.ask(application)) for client in stalled]
        while not all(client.content for client in stalled):
            await asyncio.sleep(0)
        refused = await Client("/stream").ask(application)
        assert (refused.status, refused.headers[b"retry-after"]) == (503, b"5")
        page = await Client("/page").ask(application)
        assert (page.status, page.content) == (200, b"page")
        await asyncio.gather(*running)
        application.threads.shutdown()

    run(scenario)
    assert len(ended) == 2


def test_a_large_file_comes_whole_and_holds_no_thread(
    answering: Callable[..., None], tmp_path: Path
) -> None:
    file = tmp_path / "large"
    file.write_bytes(os.urandom(2**20))
    answering(
        lambda path: FileResponse(file.open("rb")) if path == "/file" else HttpResponse("page")
    )

    async def scenario() -> None:
        application = asgi.Application(threads=1)
        stalled = [Client("/file", takes=1) for _ in range(5)]
        running = [asyncio.create_task(client.ask(application)) for client in stalled]
        while not all(client.content for client in stalled):
            await asyncio.sleep(0)
        assert (await Client("/page").ask(application)).content == b"page"
        assert (await Client("/file").ask(application)).content == file.read_bytes()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        application.threads.shutdown()

    run(scenario)


def test_a_stream_ends_when_its_reader_leaves(answering: Callable[..., None]) -> None:
    ended: list[str] = []
    answering(lambda path: StreamingHttpResponse(endless(ended)))

    async def scenario() -> None:
        application = asgi.Application(threads=1)
        client = Client("/stream")
        running = asyncio.create_task(client.ask(application))
        while not client.content:
            await asyncio.sleep(0)
        client.gone.set()
        await running
        application.threads.shutdown()

    run(scenario)
    eventually(lambda: ended)


def test_a_stream_is_sent_as_it_is_made_and_not_kept(answering: Callable[..., None]) -> None:
    made: list[int] = []

    def chunks() -> Iterator[bytes]:
        for n in range(50):
            made.append(n)
            yield b"%d," % n

    answering(lambda path: StreamingHttpResponse(chunks()))

    async def scenario() -> None:
        application = asgi.Application(threads=1)
        behind: list[int] = []
        client = Client("/stream")
        send = client.send

        async def watched(message: Any) -> None:
            await send(message)
            behind.append(len(made) - client.content.count(b","))

        client.send = watched  # type: ignore[method-assign]
        await client.ask(application)
        assert client.content == b"".join(b"%d," % n for n in range(50))
        assert max(behind) <= 1
        application.threads.shutdown()

    run(scenario)
