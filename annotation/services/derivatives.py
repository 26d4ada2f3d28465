"""Making what is shown of the pictures: for a request, or before people see them, in a worker."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import images
from annotation.alone import alone
from annotation.errors import Busy, Invalid, Refused
from annotation.imports.entries import NO_ROOM
from annotation.models import Assignment, Image, Project, Proposal
from annotation.wake_up import post

logger = logging.getLogger(__name__)

# As many pictures at a time as there are children to decode them.
THREADS = images.AHEAD.children
# So many are listed at a time. Those that are soon to be shown are looked for again with each list.
LISTED = 200
# The index of what is to be done has the same words.
TO_DERIVE = Q(derived__gt=Image.GIVEN_UP, derived__lte=0, excluded=False)
EVERYWHERE = UUID(int=0)


def rendition(image: Image, size: str, formats: tuple[str, ...]) -> Path:
    """A file of what is shown, for a request; Busy if it is to be asked for again, Invalid if in vain.

    What takes more than a request may take is noted for the worker, which makes it first.
    """
    try:
        return images.derivative(image, size, formats)
    except images.ForWorker:
        pass
    if image.wanted == Image.NEVER:
        raise Invalid(_("This size of the picture cannot be made. Ask for a smaller one."), "size")
    wanted = images.wanted_name(size, formats)
    if image.wanted != wanted:
        Image.objects.filter(id=image.id).update(wanted=wanted, wanted_at=Now())
    post("annotation.tasks.derive", image.project_id)
    raise Busy(_("This size of the picture is being made. Ask for it again in a few seconds."))


def make_derivatives(seconds: float) -> int:
    """Make what is missing, the pictures that are shown next first; of how many it was made.

    For so many seconds, and by one worker at a time; where it ends, however that is, the next goes on. Each
    try is counted before it begins, so that a picture that kills its worker is given up.
    """
    end = time.monotonic() + seconds
    done = 0
    pool = ThreadPoolExecutor(THREADS, "derive")
    with alone("derive", EVERYWHERE, wait=False) as mine, pool:
        if mine:
            _make_wanted(end)
        while mine and (listed := _next()):
            for some in _portions(listed):
                _make_wanted(end)
                if time.monotonic() > end:
                    return done
                tries = Image.objects.filter(TO_DERIVE, id__in=[image.id for image in some])
                tries.update(derived=F("derived") - 1)
                for image, error in zip(some, pool.map(_try, some), strict=True):
                    if isinstance(error, OSError) and error.errno in NO_ROOM:
                        logger.warning("There is no room left on the disk for derived pictures.")
                        Image.objects.filter(id__in=[one.id for one in some]).update(derived=0)
                        return done
                    done += _record(image, error)
    return done


def _make_wanted(end: float) -> None:
    """Make what people wait for, those that wait longest first. A wish that changes meanwhile stays."""
    waiting = Image.objects.filter(wanted_at__isnull=False).select_related("folder")
    for image in waiting.order_by("wanted_at")[:LISTED]:
        if time.monotonic() > end:
            return
        mine = Image.objects.filter(id=image.id, wanted=image.wanted)
        try:
            images.make_wanted(image)
        except OSError as error:
            logger.warning("A picture that is waited for could not be made: %s", error)
            if error.errno in NO_ROOM:
                return
            mine.update(wanted="", wanted_at=None)
        except Busy as error:
            logger.warning("A picture that is waited for could not be made yet: %s", error)
        except Refused as error:
            logger.warning("What is wanted of image %s cannot be made: %s", image.id, error)
            mine.update(wanted=Image.NEVER, wanted_at=None)
        else:
            mine.update(wanted="", wanted_at=None)


def _try(image: Image) -> Exception | None:
    try:
        images.derive(image)
    except Exception as error:
        return error
    return None


def _record(image: Image, error: Exception | None) -> bool:
    """Whether it went well. What is gone or damaged stays so; anything else may be tried again."""
    mine = Image.objects.filter(id=image.id)
    if error is None:
        return bool(mine.update(derived=images.RECIPE))
    logger.warning("What is shown of image %s could not be made: %s", image.id, error)
    if isinstance(error, Refused) and not isinstance(error, Busy):
        mine.update(derived=Image.GIVEN_UP)
    return False


def _portions(listed: list[Image]) -> Iterator[list[Image]]:
    """As many as there are threads, but alone what was tried before: it may be what ended that worker."""
    fresh = [image for image in listed if image.derived == 0]
    for start in range(0, len(fresh), THREADS):
        yield fresh[start : start + THREADS]
    for image in listed:
        if image.derived != 0:
            yield [image]


# --- Which ones --------------------------------------------------------------------------------------


def _next() -> list[Image]:
    """Of open projects first what is on somebody's screen or soon will be, then the rest; then of others."""
    alive = Project.objects.filter(deleted_at=None)
    for states in ([Project.State.OPEN], [Project.State.DRAFT, Project.State.PAUSED]):
        projects = list(alive.filter(state__in=states).values_list("id", flat=True))
        missing = (
            Image.objects.filter(TO_DERIVE, project__in=projects)
            .select_related("folder")
            .order_by("shuffle")
        )
        if listed := list(missing[:LISTED]):
            return _soon_shown(missing, projects) or listed
    return []


def _soon_shown(missing: QuerySet[Image], projects: list[UUID]) -> list[Image]:
    shown = Assignment.objects.filter(project__in=projects, state=Assignment.State.OPEN)
    proposed = Proposal.objects.filter(project__in=projects).order_by("position")
    rows = chain(
        shown.values_list("left", "right", "shown")[:LISTED],
        proposed.values_list("low", "high", "images")[: 2 * LISTED],
    )
    places: dict[UUID, int] = {}
    for low, high, several in rows:
        for id in (UUID(str(id)) for id in (low, high, *(several or ())) if id):
            places.setdefault(id, len(places))
    found = list(missing.filter(id__in=places))
    return sorted(found, key=lambda image: places[image.id])[:LISTED]
