"""HTTP on one connection, with a deadline for its headers, which uvicorn itself does not have."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 15.0


class Protocol(H11Protocol):
    """Closes a connection whose headers take too long, be it the first request or a later one."""

    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.watch_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.watch_headers()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.trailing_data[0]:
            self.watch_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.deadline:
            self.deadline.cancel()

    def watch_headers(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            if self.deadline:
                self.deadline.cancel()
                self.deadline = None
        elif self.deadline is None:
            self.deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)
