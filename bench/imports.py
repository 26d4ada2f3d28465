"""10,000 pictures brought in, once killed half-way: pictures a second, peak memory, each there once.

`imports_table()` gives the numbers as a dict. It runs the real command in processes of its own, on an
embedded installation in a temporary folder.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import PIL.Image

from bench.size import sized

ROOT = Path(__file__).resolve().parent.parent
SIZE = (256, 256)
DEADLINE = 600.0
MAKE = "from annotation.models import Project; print(Project.objects.create(name='Bench').id)"


def imports_table(pictures: int | None = None) -> dict[str, Any]:
    """For a folder in place: a whole import, and one that is killed and goes on."""
    if pictures is None:
        pictures = sized(10_000, 1_000, 120)
    with tempfile.TemporaryDirectory(prefix="bench-imports-") as name:
        place = Path(name)
        paint(place / "pictures", pictures)
        whole = Installation(place / "whole")
        killed = whole.copied_to(place / "killed")
        peak = whole.finish(place / "pictures")
        seconds = whole.seconds()
        whole.finish(place / "pictures")
        again = whole.seconds()
        before = killed.kill_at(place / "pictures", pictures // 3)
        killed.finish(place / "pictures")
        return {
            "pictures": pictures,
            "seconds": round(seconds, 2),
            "pictures_per_second": round(pictures / seconds, 1),
            "again_seconds": round(again, 2),
            "peak_memory_mb": round(peak / 2**20, 1),
            "images": whole.images(),
            "killed_after": before,
            "images_after_resume": killed.images(),
            "each_there_once": whole.images() == killed.images() == pictures
            and killed.distinct() == pictures,
        }


def paint(folder: Path, count: int) -> None:
    """Small pictures, no two alike; most as JPEG, some as PNG and WebP."""
    folder.mkdir(parents=True)
    chance = random.Random(1)  # noqa: S311 - the same pictures each time
    for n in range(count):
        coarse = PIL.Image.frombytes("RGB", (8, 8), chance.randbytes(192))
        suffix = ("jpg", "jpg", "png", "webp")[n % 4] if n % 40 < 4 else "jpg"
        coarse.resize(SIZE, PIL.Image.Resampling.BICUBIC).save(folder / f"{n:06}.{suffix}")


class Installation:
    """An embedded Pairwright of its own, with one project, and the command as a person gives it."""

    def __init__(self, data: Path, project: str = "") -> None:
        self.data, self.project = data, project
        if not project:
            data.mkdir()
            self.run(["migrate", "--verbosity", "0"])
            made = self.run(["shell", "--verbosity", "0", "-c", MAKE])
            self.project = made.strip()

    def copied_to(self, data: Path) -> "Installation":
        """While nothing runs on it."""
        shutil.copytree(self.data, data)
        return Installation(data, self.project)

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**kept, "DATA_DIR": str(self.data), "LOG_LEVEL": "WARNING"}

    def start(self, arguments: list[str], stdout: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment(),
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, arguments: list[str]) -> str:
        process = self.start(arguments, subprocess.PIPE)
        out, _ = process.communicate(timeout=DEADLINE)
        if process.returncode:
            raise RuntimeError(f"{arguments} ended with {process.returncode}")
        return out

    def finish(self, folder: Path) -> int:
        """Import the folder; the peak memory of that in bytes."""
        process = self.start(["import", "folder", self.project, str(folder)], subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"the import ended with {process.returncode}")
        return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    def kill_at(self, folder: Path, count: int) -> int:
        """Start the import, kill it when so many pictures are in, and say how many there were then."""
        process = self.start(["import", "folder", self.project, str(folder)], subprocess.DEVNULL)
        end = time.monotonic() + DEADLINE
        try:
            while self.images() < count:
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("the import was over before it could be killed")
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        return self.images()

    def seconds(self) -> float:
        """How long the last import took, without the start of the command."""
        took = "(julianday(finished_at) - julianday(started_at)) * 86400"
        return float(self.ask(f"SELECT {took} FROM annotation_import ORDER BY created_at DESC"))  # noqa: S608

    def images(self) -> int:
        return int(self.ask("SELECT count(*) FROM annotation_image"))

    def distinct(self) -> int:
        return int(self.ask("SELECT count(DISTINCT sha256) FROM annotation_image"))

    def ask(self, query: str) -> Any:
        with closing(sqlite3.connect(self.data / "pairwright.sqlite3", timeout=20)) as database:
            return database.execute(query).fetchone()[0]


if __name__ == "__main__":
    print(json.dumps(imports_table(), indent=2))
