"""The web server: `python -m config.server`, the same in `make run` and in docker-compose.yml.

One process listens and watches WEB_WORKERS others, which answer in WEB_THREADS threads each (config/asgi.py).
One that dies is started again at once, and whoever connects meanwhile waits in the queue of the socket.
SIGHUP starts new workers, each before it ends an old one, so that no request fails. SIGTERM ends them all.

WEB_HOST and WEB_PORT say where to listen, WEB_STOP_SECONDS how long a worker that ends may finish what it has
begun. Every other option is here.
"""

import logging
import os
import resource
import socket
import sys

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess, Process

logger = logging.getLogger("uvicorn.error")

# How long a new worker may take to start at a reload; a machine may be busy.
START_SECONDS = 60
# A kernel that gets no sign of life of the other end for so long drops the connection.
DEAD_MILLISECONDS = 60_000
BACKLOG = 1024
OPEN_FILES = 2**16


def config() -> uvicorn.Config:
    return uvicorn.Config(
        "config.asgi:application",
        host=os.environ.get("WEB_HOST", "127.0.0.1"),
        port=int(os.environ.get("WEB_PORT", "8000")),
        workers=int(os.environ.get("WEB_WORKERS", "1")),
        http="config.protocol:Protocol",
        ws="none",
        loop="asyncio",
        lifespan="on",
        interface="asgi3",
        proxy_headers=False,  # Django reads them, and trusts as many proxies as it is told
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="warning",
        backlog=BACKLOG,
        timeout_keep_alive=75,  # longer than the proxy keeps a connection, so that it is the one to close
        timeout_graceful_shutdown=int(os.environ.get("WEB_STOP_SECONDS", "20")),
        timeout_worker_healthcheck=START_SECONDS,
    )


class Workers(Multiprocess):
    """Keep the workers alive; give up only if the very first cannot start."""

    proven = failed = False

    def keep_subprocess_alive(self) -> None:
        """Replace workers that died, without asking the living: a question to one that has just died would
        wait for its whole time limit."""
        self.proven = self.proven or any(worker.is_ready(timeout=0.2) for worker in self.processes)
        for place, worker in enumerate(self.processes):
            if worker.process.is_alive() or self.should_exit.is_set():
                continue
            worker.join()
            if not self.proven:
                self.failed = True
                self.should_exit.set()
                return
            if worker.exitcode and worker.exitcode > 0:  # it failed by itself, and may fail again
                self.should_exit.wait(1)
            logger.warning(
                "Worker %s died (exit code %s); starting another.", worker.pid, worker.exitcode
            )
            self.processes[place] = Process(self.config, self.sockets)
            self.processes[place].start()


def listen(options: uvicorn.Config) -> socket.socket:
    listener = options.bind_socket()
    # Connections inherit these. A head would otherwise wait 40 ms for what comes after it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_MILLISECONDS)
    listener.listen(BACKLOG)
    return listener


def allow_connections() -> None:
    """Raise the number of open files from what shells begin with, often 1024, to what this user may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(most, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def main() -> None:
    allow_connections()
    options = config()
    workers = Workers(options, sockets=[listen(options)])
    workers.run()
    if workers.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
