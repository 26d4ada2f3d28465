"""The application behind an event loop: a request is given a thread once its whole body has arrived.

The event loop holds any number of slow connections without a thread. It reads a body with a deadline, and no
more of it than its sender may send (config/bodies.py); then Django answers in a thread, and the loop sends
what it answered. So neither half a request nor a reader who stalls can keep others waiting:

whole content     the thread is free as soon as Django has answered
a file            the same; the loop reads it block by block
a stream          needs its thread until its end, so at most half of the threads have one
"""

import asyncio
import contextlib
import io
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import unquote_to_bytes

# First, because it sets Django up.
from config.wsgi import application as django

# isort: split
from django.conf import settings
from django.db import close_old_connections
from django.http import FileResponse
from django.utils.translation import gettext as _

from config.bodies import BODY_ERROR, STRANGER_BYTES, BodyTooLarge, BodyTooSlow, most_bytes_for
from config.children import die_with
from config.errors import RETRY_AFTER

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# A body may take so many seconds, and one more for each so many bytes of it.
BODY_SECONDS = 20.0
BODY_BYTES_PER_SECOND = 10_000
# A reader who takes nothing for so many seconds is gone.
STALLED_SECONDS = 30.0
# How long the rest of a refused body is read and thrown away, so that its sender hears why.
DISCARD_SECONDS = 5.0
MEMORY_BYTES = 2**20  # a larger body waits on the disk
WHOLE_FILE_BYTES = 2**18  # a smaller file is read by the thread that has opened it
BLOCK = 2**16
HANG_SECONDS = 3.0  # how long threads may take to end


class Disconnected(Exception):
    """The client is gone; there is nobody to answer."""


@dataclass(frozen=True)
class Answer:
    """What is left to send when the thread is free again."""

    status: int
    headers: Headers
    content: bytes = b""
    file: FileResponse | None = None


class Application:
    """Runs Django's WSGI application in a fixed number of threads."""

    def __init__(self, threads: int) -> None:
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self.streams = threading.Semaphore(max(1, threads // 2))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
            return
        environ = environ_of(scope)
        try:
            await self.read_body(environ, receive)
            loop = asyncio.get_running_loop()
            answer = await self.in_thread(self.answer, environ, loop, receive, send)
            if answer:
                await send_answer(answer, receive, send, unread=BODY_ERROR in environ)
        except Disconnected:
            pass
        finally:
            environ["wsgi.input"].close()

    async def live(self, receive: Receive, send: Send) -> None:
        """Start and end with the server; threads that hang do not keep the process alive."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if parent := multiprocessing.parent_process():
                    die_with(parent.pid or 0, signal.SIGTERM)
            else:
                self.threads.shutdown(wait=False)
                end = threading.Timer(HANG_SECONDS, os._exit, [0])
                end.daemon = True
                end.start()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)

    # --- The body, in the event loop

    async def read_body(self, environ: dict[str, Any], receive: Receive) -> None:
        """Put the body into the environ; if it is refused, put in why, and leave it unread.

        Strangers may send little, and it stays in memory. Who sends more is asked first who they are.
        """
        declared = environ.get("CONTENT_LENGTH")
        if declared is None and "HTTP_TRANSFER_ENCODING" not in environ:
            return
        try:
            limit = STRANGER_BYTES
            if declared is not None and int(declared) > limit:
                limit = await self.in_thread(allowed_bytes, environ)
                if int(declared) > limit:
                    raise BodyTooLarge(limit)
            environ["wsgi.input"], length = await self.received(environ, receive, limit)
        except Disconnected:
            raise
        except Exception as error:
            environ[BODY_ERROR], length = error, 0
        environ["CONTENT_LENGTH"] = str(length)
        environ.pop("HTTP_TRANSFER_ENCODING", None)

    async def received(
        self, environ: dict[str, Any], receive: Receive, limit: int
    ) -> tuple[IO[bytes], int]:
        loop = asyncio.get_running_loop()
        started, length, more, asked = loop.time(), 0, True, limit > STRANGER_BYTES
        # Closed with the request.
        body = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            MEMORY_BYTES, dir=str(settings.FILE_UPLOAD_TEMP_DIR)
        )
        try:
            while more:
                deadline = started + BODY_SECONDS + length / BODY_BYTES_PER_SECOND
                try:
                    async with asyncio.timeout_at(deadline):
                        message = await receive()
                except TimeoutError:
                    raise BodyTooSlow from None
                if message["type"] == "http.disconnect":
                    raise Disconnected
                length += len(message["body"])
                more = message["more_body"]
                if length > limit and not asked:  # in chunks, whose sum nobody declares
                    limit, asked = await self.in_thread(allowed_bytes, environ), True
                if length > limit:
                    raise BodyTooLarge(limit)
                body.write(message["body"])
        except BaseException:
            body.close()
            raise
        body.seek(0)
        return body, length

    # --- The answer, in a thread

    def answer(
        self,
        environ: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
        receive: Receive,
        send: Send,
    ) -> Answer | None:
        """Have Django answer; return None if the answer was a stream, which is sent by then."""
        status, headers = 500, Headers()

        def start_response(line: str, fields: list[tuple[str, str]], *_: Any) -> Any:
            nonlocal status, headers
            status = int(line[:3])
            headers = [
                (k.lower().encode("latin-1"), v.strip().encode("latin-1")) for k, v in fields
            ]

        # Django's own handler returns its response, which knows more than a WSGI iterable.
        response: Any = django(environ, start_response)
        if not response.streaming:
            response.close()
            return Answer(status, headers, response.content)
        if environ["REQUEST_METHOD"] == "HEAD":
            response.close()
            return Answer(status, headers)
        if getattr(response, "file_to_stream", None):
            # The thread's connection goes back now; the loop closes the response when all is sent.
            close_old_connections()
            if 0 <= int(response.get("Content-Length", -1)) <= WHOLE_FILE_BYTES:
                content = b"".join(response)
                response.close()
                return Answer(status, headers, content)
            return Answer(status, headers, file=response)
        try:
            if not self.streams.acquire(blocking=False):
                return too_many_streams()
            try:
                stream(status, headers, response, loop, receive, send)
            finally:
                self.streams.release()
        finally:
            response.close()
        return None


def allowed_bytes(environ: dict[str, Any]) -> int:
    """Ask how large the body may be; the thread's connection goes back, as after any request."""
    try:
        return most_bytes_for(environ)
    finally:
        close_old_connections()


def stream(
    status: int,
    headers: Headers,
    chunks: Iterable[bytes],
    loop: asyncio.AbstractEventLoop,
    receive: Receive,
    send: Send,
) -> None:
    """Send the chunks as they are made, from a thread; stop making them when nobody reads any more."""

    def do(step: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, loop).result()

    async def begin() -> asyncio.Future[Any]:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        return asyncio.ensure_future(disconnected(receive))

    gone = asyncio.run_coroutine_threadsafe(begin(), loop).result()
    try:
        for chunk in chunks:
            do(send_block(chunk, send, gone))
        do(send_block(b"", send, gone, more=False))
    finally:
        loop.call_soon_threadsafe(gone.cancel)


async def send_answer(answer: Answer, receive: Receive, send: Send, *, unread: bool) -> None:
    headers = [*answer.headers, (b"connection", b"close")] if unread else answer.headers
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.file is None:
        await send({"type": "http.response.body", "body": answer.content, "more_body": unread})
    else:
        await send_file(answer.file, receive, send)
    if unread:
        await discard(receive)
        await send({"type": "http.response.body", "body": b""})


async def send_file(response: FileResponse, receive: Receive, send: Send) -> None:
    file = response.file_to_stream
    assert file is not None
    gone = asyncio.ensure_future(disconnected(receive))
    try:
        while block := await asyncio.to_thread(file.read, BLOCK):
            await send_block(block, send, gone)
        await send_block(b"", send, gone, more=False)
    finally:
        gone.cancel()
        await asyncio.to_thread(response.close)


async def send_block(
    block: bytes, send: Send, gone: asyncio.Future[Any], *, more: bool = True
) -> None:
    """Send a block as soon as its reader has taken those before; raise Disconnected if they do not."""
    if gone.done():
        raise Disconnected
    try:
        async with asyncio.timeout(STALLED_SECONDS):
            await send({"type": "http.response.body", "body": block, "more_body": more})
    except TimeoutError:
        raise Disconnected from None


async def disconnected(receive: Receive) -> None:
    """Return when the client is gone; what still comes of a request that has no body does not count."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def discard(receive: Receive) -> None:
    """Read what still comes of a refused body: an answer before its end may get lost on the way."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while (await receive()).get("more_body"):
                pass


def too_many_streams() -> Answer:
    sentence = _("Too many downloads run at once. Send the request again in a few seconds.")
    headers = [(b"content-type", b"application/json"), (b"retry-after", RETRY_AFTER.encode())]
    return Answer(503, headers, json.dumps({"detail": sentence}).encode())


def environ_of(scope: Scope) -> dict[str, Any]:
    """Return the WSGI environ of an ASGI scope (PEP 3333)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw, content in scope["headers"]:
        name, value = raw.decode("latin-1"), content.decode("latin-1")
        if "_" in name:  # X_Forwarded_For would pass for X-Forwarded-For
            continue
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        joint = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    return environ


application = Application(threads=int(os.environ.get("WEB_THREADS", "8")))
