"""Child processes that are kept running, and the signals that end them.

Each child leads a session of its own, so Ctrl-C reaches its supervisor alone, and killing a child's group
takes its children along. On Linux a child also gets a signal when the supervisor dies, be it by kill -9.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

BASE_DIR = Path(__file__).resolve().parent.parent
YOUNG = 30.0  # a child that dies within so many seconds dies young
LONGEST_PAUSE = 10.0
PATIENCE = 8.0  # how long all children together may take to end
SAFE_LETTERS = select.PIPE_BUF // 4  # a pipe that can be written to takes PIPE_BUF bytes at once
PR_SET_PDEATHSIG = 1


class Stop(Exception):
    """A signal asks the supervisor to end."""


class Signals:
    """Turns signals into a wait that ends early: nothing is interrupted at a bad moment."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, lambda *_: None)

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as a child died; raise Stop when asked to end."""
        if select.select([self._read], [], [], seconds)[0]:
            came = os.read(self._read, 512)
            if any(number != signal.SIGCHLD for number in came):
                raise Stop


def die_with(parent: int, death: signal.Signals) -> None:
    """Ask Linux to send `death` to this process when `parent` dies; elsewhere do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death))
        if os.getppid() != parent:  # it died a moment before
            os.kill(os.getpid(), death)


@dataclass
class Child:
    """One program that is kept running."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    log: Path
    # A worker may be inside a long task, and is safe to kill: the task comes back.
    death: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    young_deaths: int = 0
    start_at: float = 0.0
    log_offset: int = 0

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.log_offset = output.tell()
            self.process = spawn(self.command, self.environ, output, output, self.death)
        self.started = time.monotonic()

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def terminate(self) -> None:
        if self.process and self.alive():
            self.process.terminate()

    def kill(self) -> None:
        """Kill the child and whatever it has started."""
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def last_words(self, lines: int = 8) -> str:
        with self.log.open(errors="replace") as file:
            file.seek(self.log_offset)
            tail = file.read().splitlines()[-lines:]
        return "".join(f"    {line}\n" for line in tail)


def spawn(
    command: Sequence[str],
    environ: Mapping[str, str],
    stdout: IO[bytes],
    stderr: IO[bytes] | None,
    death: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    # Always from the main thread: the signal of a parent's death follows the thread that forked.
    parent = os.getpid()
    return subprocess.Popen(
        command,
        cwd=BASE_DIR,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        preexec_fn=lambda: die_with(parent, death),
    )


def revive(children: Sequence[Child]) -> None:
    """Start again the children that died, each when its time has come."""
    now = time.monotonic()
    for child in children:
        if child.process and (code := child.process.poll()) is not None:
            bury(child, code, now)
        if child.process is None and child.start_at <= now:
            child.start()


def bury(child: Child, code: int, now: float) -> None:
    """Say that a child died and when it comes back."""
    words = child.last_words()
    child.kill()
    child.young_deaths = child.young_deaths + 1 if now - child.started < YOUNG else 0
    pause = min(2.0 ** (child.young_deaths - 2), LONGEST_PAUSE) if child.young_deaths > 1 else 0.0
    child.start_at = now + pause
    again = f"starting it again in {pause:g} s" if pause else "starting it again"
    say(f"{child.name} stopped unexpectedly ({ending(code)}); {again}.\n{words}", end="")


def ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def stop(children: Sequence[Child], signals: Signals) -> None:
    """Ask each child in turn to end, and kill what is left at the deadline or at a second signal."""
    end = time.monotonic() + PATIENCE
    try:
        for child in children:
            child.terminate()
            while child.alive() and time.monotonic() < end:
                signals.wait(0.1)
    except Stop:
        pass
    finally:
        for child in children:
            child.kill()


def say(text: str, end: str = "\n") -> None:
    """Print, unless nobody reads: a full pipe or a stopped terminal must not keep a child from restarting."""
    text += end
    with contextlib.suppress(OSError, ValueError):
        for start in range(0, len(text), SAFE_LETTERS):
            if not select.select([], [sys.stdout], [], 0.2)[1]:
                return
            print(text[start : start + SAFE_LETTERS], end="", flush=True)
