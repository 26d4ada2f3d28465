"""A small process that outlives its parent for as long as it takes to clear up after it.

`python -m tests.guard DIRECTORY` reads process ids from its standard input, one a line, an empty line for
none. At the end of the input - the parent is done, or was killed, be it with kill -9 - it stops the
process last named and removes the directory. It imports nothing of the project, so it starts at once.
"""

import contextlib
import os
import shutil
import signal
import sys
import time


def stop(pid: int, patience: float = 5.0) -> None:
    """Ask with SIGINT, which PostgreSQL takes as `disconnect everybody and stop`, then insist."""
    end = time.monotonic() + patience
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
        while time.monotonic() < end:
            os.kill(pid, 0)
            time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)


def main(directory: str) -> None:
    pid = 0
    for line in sys.stdin:
        pid = int(line.strip() or 0)
    if pid:
        stop(pid)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
