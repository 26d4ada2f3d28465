"""The real program, embedded, as `make run` starts it: on a free port, with a folder that goes in the end.

with running() as program:
    program.url                              # where it answers
    program.way_in                           # logs admin in once
    program.manage("login_link", "admin")    # another way in; any command, on the same data
    program.run("bench.world", "120")        # any module, on the same data
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY = "Ctrl-C stops it"
DEADLINE = 180.0  # the first start of all compiles and paints
# What a shell may hold and a program of its own needs; nothing that would lead it to other data.
KEPT = ("PATH", "HOME", "LANG", "NUMBA_CACHE_DIR", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Program:
    url: str
    way_in: str
    environment: dict[str, str]

    def manage(self, *arguments: str) -> str:
        """What the command prints, without the space around it."""
        return self._call([sys.executable, "manage.py", *arguments])

    def run(self, module: str, *arguments: str) -> str:
        return self._call([sys.executable, "-m", module, *arguments])

    def _call(self, command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout.strip()


@contextmanager
def running(images: Path | None = None, **environment: str) -> Iterator[Program]:
    """The program with a project of the folder's pictures, else with the demo that it paints itself."""
    with tempfile.TemporaryDirectory(prefix="pairwright-program-") as name:
        folder = Path(name)
        given = {name: os.environ[name] for name in KEPT if name in os.environ}
        given |= {"DATA_DIR": str(folder / "data"), "PORT": str(free_port()), **environment}
        given |= {"IMAGES": str(images.resolve())} if images else {}
        output = folder / "output"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "config.supervisor"],
                cwd=ROOT,
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        try:
            said = _when_ready(process, output)
            url = f"http://127.0.0.1:{given['PORT']}"
            way_in = re.search(rf"{re.escape(url)}/enter/\S+", said)
            yield Program(url, way_in.group() if way_in else "", given | {"PUBLIC_URL": url})
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _when_ready(process: subprocess.Popen[bytes], output: Path) -> str:
    end = time.monotonic() + DEADLINE
    while READY not in (said := output.read_text()):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the program does not come up:\n{said[-2000:]}")
        time.sleep(0.05)
    return said


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
