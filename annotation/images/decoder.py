"""Decoding in child processes, each picture within limits of memory and time, few at a time.

A pool keeps its children, since starting one takes as long as decoding many pictures. Whatever a picture does
to its child, this process lives on: the picture is refused, and the next one gets a new child. Works in any
process, also in a worker's daemonic ones, and in any thread.
"""

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from annotation.errors import Busy
from annotation.pixels.messages import receive, send
from annotation.pixels.unfit import Unfit

ROOT = Path(__file__).resolve().parent.parent.parent
# What a child needs of our environment; none of our secrets is among it.
ENVIRONMENT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
# A picture ends its child by one of these; any other death is no fault of the picture.
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
# Of the time that a job may take: a busy machine gives it less than a whole core.
WALL_SECONDS_PER_CPU_SECOND = 4


# How many threads decode or wait for it, at most, where a visitor waits.
PLACES_PER_CHILD = 3


class Died(Exception):
    """The child ended without an answer, by something other than the picture."""


class Child:
    def __init__(self, nice: int) -> None:
        self.socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "annotation.pixels.child"]
            kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(nice)],
                cwd=ROOT,
                # One arena: each further one would count as memory that the picture takes.
                env=kept | {"MALLOC_ARENA_MAX": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def do(self, job: dict[str, Any], content: bytes) -> tuple[dict[str, Any], list[bytes]]:
        """The answer to one job; Died if there is none, Unfit if that is the picture's fault."""
        self.socket.settimeout(job["seconds"] * WALL_SECONDS_PER_CPU_SECOND)
        try:
            send(self.socket, job, [content])
            answer = receive(self.socket)
        except TimeoutError:
            raise Busy(
                _("The picture could not be decoded just now. Try again in a few seconds.")
            ) from None
        except OSError:
            answer = None
        if answer is None:
            raise self._cause()
        return answer

    def _cause(self) -> Exception:
        self.socket.close()
        code = self.process.wait()
        if code == -signal.SIGXCPU:
            return Unfit("time")
        # A decoder that does not look whether it got its memory.
        if code > 0 or -code in CRASHES:
            return Unfit("damaged", error=f"exit code {code}")
        return Died()

    def end(self) -> None:
        self.socket.close()
        self.process.kill()
        self.process.wait()


class Pool:
    """Children for one kind of work in this process: so many, so much memory together, so much time each."""

    def __init__(
        self, children: int, *, megabytes: int, seconds: int, wait: float | None, nice: int = 0
    ) -> None:
        """`wait`: how many seconds a picture waits for its turn before it is refused as Busy."""
        self.children, self.memory = children, megabytes * 2**20
        self.seconds, self.wait, self.nice = seconds, wait, nice
        self._reset()

    def _reset(self) -> None:
        self.places = threading.BoundedSemaphore(PLACES_PER_CHILD * self.children)
        self.changed = threading.Condition()
        self.idle: list[Child] = []
        self.all: set[Child] = set()
        self.busy = 0

    def do(
        self, does: str, read: Callable[[], bytes], **details: Any
    ) -> tuple[dict[str, Any], Sequence[bytes]]:
        """The child's answer; that of a picture that cannot be used says why, as `unfit` and `details`.

        A picture that needs more than its share of the memory is decoded alone, with all of it. It is read
        when its turn has come, so that those that wait hold no memory.
        """
        job = {"does": does, "pixels": settings.MAX_IMAGE_PIXELS, "seconds": self.seconds} | details
        end = None if self.wait is None else time.monotonic() + self.wait
        for taken in sorted({1, self.children}):
            job["memory"] = self.memory * taken // self.children
            with self._turn(taken, end):
                answer, blobs = self._try(job, read())
            if answer.get("unfit") != "memory":
                break
        return answer, blobs

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place to wait at. Busy at once if all are taken: votes need threads, too."""
        if self.wait is None:
            yield
            return
        if not self.places.acquire(blocking=False):
            raise Busy(_("Too many pictures are being decoded. Try again in a few seconds."))
        try:
            yield
        finally:
            self.places.release()

    @contextmanager
    def _turn(self, taken: int, end: float | None) -> Iterator[None]:
        with self.changed:
            left = None if end is None else max(0.0, end - time.monotonic())
            if not self.changed.wait_for(lambda: self.busy + taken <= self.children, left):
                raise Busy(_("Too many pictures are being decoded. Try again in a few seconds."))
            self.busy += taken
        try:
            yield
        finally:
            with self.changed:
                self.busy -= taken
                self.changed.notify_all()

    def _try(self, job: dict[str, Any], content: bytes) -> tuple[dict[str, Any], Sequence[bytes]]:
        """Twice, since a child may have ended while nobody looked."""
        for _n in range(2):
            child = self._child()
            try:
                answer, blobs = child.do(job, content)
            except Unfit as unfit:
                self._forget(child)
                return {"unfit": unfit.code, "details": unfit.details}, ()
            except Died:
                self._forget(child)
                continue
            except BaseException:
                child.end()
                self._forget(child)
                raise
            if answer["last"]:
                self._forget(child)
                child.socket.close()
                child.process.wait()
            else:
                with self.changed:
                    self.idle.append(child)
            return answer, blobs
        raise Busy(_("The picture could not be decoded just now. Try again in a few seconds."))

    def _child(self) -> Child:
        with self.changed:
            if self.idle:
                return self.idle.pop()
        child = Child(self.nice)
        with self.changed:
            self.all.add(child)
        return child

    def _forget(self, child: Child) -> None:
        with self.changed:
            self.all.discard(child)

    def close(self) -> None:
        """End the children, as they would when this process ends."""
        for child in self.all:
            child.end()
        self.all.clear()
        self.idle.clear()

    def abandon(self) -> None:
        """After a fork: the children are the parent's. Our copies of their sockets would keep them alive."""
        for child in self.all:
            child.socket.close()
            child.process.returncode = 0  # not ours to wait for
        self._reset()


CORES = os.cpu_count() or 2
# Requests: a visitor waits, and the web server's memory is small. What needs more is for the worker.
REQUESTS = Pool(2, megabytes=400, seconds=20, wait=3.0)
# An import, and what a worker makes ahead: with half of the cores, after all others that want them.
IMPORTS = Pool(min(8, CORES), megabytes=1500, seconds=60, wait=None)
AHEAD = Pool(min(8, max(1, CORES // 2)), megabytes=1500, seconds=120, wait=None, nice=10)
POOLS = (REQUESTS, IMPORTS, AHEAD)


def _abandon() -> None:
    for pool in POOLS:
        pool.abandon()


def _close() -> None:
    for pool in POOLS:
        with contextlib.suppress(Exception):
            pool.close()


os.register_at_fork(after_in_child=_abandon)
atexit.register(_close)
