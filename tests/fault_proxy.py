"""A TCP proxy in front of a server's Unix socket, with the faults that a network has.

    with FaultProxy("/dir/.s.PGSQL.5432") as proxy:
        proxy.port
        proxy.swallow()     # what is connected now never hears of anything again; new connections work
        proxy.delay = 0.2   # seconds, of each answer
        proxy.drop_replies()  # requests arrive, their answers don't

A connection that is swallowed stays open on both sides, and what is sent to it is acknowledged and gone.
"""

import contextlib
import socket
import threading
from typing import Self


class _Link:
    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.drop_requests = self.drop_replies = False


class FaultProxy:
    def __init__(self, target: str) -> None:
        self.target = target
        self.delay = 0.0
        self.swallow_new = False
        self._links: list[_Link] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *what: object) -> None:
        self._listener.close()
        self.cut()

    def swallow(self) -> None:
        """Lose what the present connections say, both ways."""
        for link in self._links:
            link.drop_requests = link.drop_replies = True

    def drop_replies(self) -> None:
        for link in self._links:
            link.drop_replies = True

    def cut(self) -> None:
        """Close the present connections."""
        links, self._links = self._links, []
        for link in links:
            for end in (link.client, link.server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(self.target)
                except OSError:  # as a server that is away refuses
                    client.close()
                    continue
                link = _Link(client, server)
                link.drop_requests = link.drop_replies = self.swallow_new
                self._links.append(link)
                for pump in (self._requests, self._replies):
                    threading.Thread(target=pump, args=(link,), daemon=True).start()

    def _requests(self, link: _Link) -> None:
        with contextlib.suppress(OSError):
            while data := link.client.recv(2**16):
                if not link.drop_requests:
                    link.server.sendall(data)
        if not link.drop_requests:
            link.server.close()

    def _replies(self, link: _Link) -> None:
        with contextlib.suppress(OSError):
            while data := link.server.recv(2**16):
                if self.delay:
                    threading.Event().wait(self.delay)
                if not link.drop_replies:
                    link.client.sendall(data)
        if not link.drop_replies:
            with contextlib.suppress(OSError):
                link.client.shutdown(socket.SHUT_RDWR)
