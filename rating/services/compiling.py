"""Compiling the numerics, once for each version of them, in a process that does nothing else.

Compiling takes a minute or two and holds the whole process that does it. Meanwhile the worker goes on with
whatever needs no numerics; the rest is put off, and found again by the sweeps.
"""

import fcntl
import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


def compile_if_needed() -> None:
    """Return once the numerics are compiled, be it by another worker that has the same folder."""
    marker = _folder() / f"compiled-{_fingerprint()}"
    if marker.exists():
        return
    with _locked():
        if marker.exists():
            return
        logger.info("The numerics are being compiled; ratings wait for it.")
        command = [sys.executable, "manage.py", "compile_numerics", "--end-with-stdin"]
        # The child ends when the pipe does, and so with us.
        with subprocess.Popen(command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE) as child:
            child.wait()
        if child.returncode:
            logger.warning("The numerics were not compiled ahead; the first task compiles them.")
        else:
            marker.touch()


def is_compiling() -> bool:
    """Return whether a worker on this machine has the numerics compiled just now."""
    try:
        with _lock_file().open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def _locked() -> Iterator[None]:
    """The lock ends with its holder, however that ends."""
    with _lock_file().open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def _lock_file() -> Path:
    return _folder() / "compiling.lock"


def _folder() -> Path:
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fingerprint() -> str:
    """Of all that decides what is compiled."""
    digest = hashlib.sha256(f"{sys.version} {version('numba')} {version('numpy')}".encode())
    for source in sorted((settings.BASE_DIR / "rating" / "algorithms").rglob("*.py")):
        # The place and the time are what numba itself looks at.
        digest.update(f"{source} {source.stat().st_mtime_ns} {source.stat().st_size}".encode())
    return digest.hexdigest()[:16]
