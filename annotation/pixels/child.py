"""The program of a child process that decodes: jobs come in by a socket, answers go out by it.

    python -m annotation.pixels.child DESCRIPTOR NICENESS

The child is at the mercy of the pictures that it decodes, so it is given nothing to lose: no secret, no file
to write, and for each job so much memory and CPU time. It ends when its parent does, and after many jobs.
"""

import contextlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from annotation.pixels import renditions
from annotation.pixels.exif import user_comment_of
from annotation.pixels.looks import LOOK_SQUARE, look_of, small_square
from annotation.pixels.messages import receive, send
from annotation.pixels.opening import Picture, opened, plain
from annotation.pixels.unfit import Unfit

JOBS = 1000
# What may stay in memory between two jobs; beyond it the child ends, and another takes its place.
KEPT_BYTES = 64 * 2**20

Answer = tuple[dict[str, Any], Sequence[bytes]]


def main(descriptor: int, niceness: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the parent, which ends us
    os.nice(niceness)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    space, resident = _memory()
    with socket.socket(fileno=descriptor) as parent:
        for done in range(1, JOBS + 1):
            message = receive(parent)
            if message is None:
                return
            job, (content,) = message
            _limit(resource.RLIMIT_CPU, int(sum(os.times()[:2]) + job["seconds"]) + 1)
            if space:
                _limit(resource.RLIMIT_AS, space + len(content) + job["memory"])
            answer, blobs = _answered(job, content)
            _limit(resource.RLIMIT_AS, resource.RLIM_INFINITY)
            del content, message
            answer["last"] = done == JOBS or _memory()[1] - resident > KEPT_BYTES
            send(parent, answer, blobs)
            del blobs
            if answer["last"]:
                return


def _answered(job: dict[str, Any], content: bytes) -> Answer:
    try:
        with opened(content, job["pixels"], job["memory"]) as picture:
            return DOES[job["does"]](picture, job)
    except Unfit as unfit:
        return {"unfit": unfit.code, "details": unfit.details}, ()


def _inspect(picture: Picture, job: dict[str, Any]) -> Answer:
    """Decode all of it, since only that finds a truncated file."""
    # A JPEG is read to its end without being decoded at full size.
    small = small_square(plain(picture.load(max(LOOK_SQUARE))))
    width, height = picture.upright_size
    texts = dict(picture.unpacked.texts)
    if comment := user_comment_of(picture.exif):
        texts["UserComment"] = comment
    facts = {"format": picture.format, "width": width, "height": height, "texts": texts}
    return facts | {"look": look_of(picture.upright(small))}, ()


def _quickest(picture: Picture, job: dict[str, Any]) -> Answer:
    suffix, encoded = renditions.quickest(picture, job["size"], job["formats"])
    return {"suffix": suffix}, [encoded]


def _ahead(picture: Picture, job: dict[str, Any]) -> Answer:
    made = renditions.ahead(picture, [(size, format) for size, format in job["made"]])
    return {"there": [one is not None for one in made]}, [one for one in made if one is not None]


DOES = {"inspect": _inspect, "quickest": _quickest, "ahead": _ahead}


# --- The process ---------------------------------------------------------------------------------------


def _limit(what: int, value: int) -> None:
    """The soft limit alone, since this one only rises and falls with the jobs."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (value, resource.getrlimit(what)[1]))


def _memory() -> tuple[int, int]:
    """The bytes of address space and of real memory now; zeros where the system does not say."""
    try:
        with open("/proc/self/statm") as file:
            space, resident, *_ = file.read().split()
    except OSError:
        return 0, 0
    page = resource.getpagesize()
    return int(space) * page, int(resident) * page


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
