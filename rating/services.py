"""recompute: read the log, fit, store a whole run. Safe to repeat, in any order, by any number of workers."""

import hashlib
import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import overload
from uuid import UUID

import numpy as np
from django.db import connection, transaction

from annotation.models import Project
from annotation.services.revision import raise_revision
from rating.algorithms.ranks import rank_items
from rating.algorithms.results import Ratings
from rating.algorithms.trueskill_online import trueskill_online
from rating.models import Rating, RatingRun
from rating.selectors import Group, Log, is_stale, latest_run, read_log

logger = logging.getLogger(__name__)

# Runs whose ratings are kept, besides those that an export names; of older ones only the header stays.
KEPT_RUNS = 20

_locks: defaultdict[UUID, threading.Lock] = defaultdict(threading.Lock)


@overload
def recompute(project_id: UUID) -> RatingRun: ...
@overload
def recompute(project_id: UUID, *, wait: bool) -> RatingRun | None: ...
def recompute(project_id: UUID, *, wait: bool = True) -> RatingRun | None:
    """The run that is current for the project's log, made now unless it is there already.

    With wait=False: None at once if somebody else is computing this project.
    """
    with _alone(project_id, wait=wait) as alone:
        if not alone:
            return None
        current = latest_run(project_id)
        if current is not None and not is_stale(current):
            return current
        started = time.monotonic()
        log = read_log(project_id)
        fitted = [
            trueskill_online(len(group.images), group.first, group.second, group.label)
            for group in log.groups
        ]
        fingerprint = _fingerprint(log, fitted)
        if current is not None and current.fingerprint == fingerprint:
            RatingRun.objects.filter(id=current.id, revision__lt=log.revision).update(
                revision=log.revision
            )
            current.refresh_from_db()
            return current
        run = _store(log, fitted, fingerprint, time.monotonic() - started)
        logger.info(
            "rated project %s at revision %s in %.2f s", project_id, run.revision, run.seconds
        )
        return run


@transaction.atomic
def request_recompute(project_id: UUID) -> int:
    """Make the ratings stale, which has a worker compute them; the revision that they will have read."""
    raise_revision(project_id)
    return Project.objects.values_list("revision", flat=True).get(id=project_id)


@contextmanager
def _alone(project_id: UUID, *, wait: bool) -> Iterator[bool]:
    """One recompute a project at a time. The lock ends with its holder, however that ends."""
    if connection.vendor != "postgresql":
        # The embedded worker is one process.
        lock = _locks[project_id]
        if not lock.acquire(blocking=wait):
            yield False
            return
        try:
            yield True
        finally:
            lock.release()
        return
    key = int.from_bytes(project_id.bytes[:8], "big", signed=True)
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_lock(%s)", [key])
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
            if not cursor.fetchone()[0]:
                yield False
                return
        try:
            yield True
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def _fingerprint(log: Log, fitted: list[Ratings]) -> str:
    """Of all that the ratings are a function of: the rated log, the images, the method and its settings."""
    how = [[ratings.method, ratings.settings] for ratings in fitted[:1]]
    return hashlib.sha256((log.digest + json.dumps(how, sort_keys=True)).encode()).hexdigest()


@transaction.atomic
def _store(log: Log, fitted: list[Ratings], fingerprint: str, seconds: float) -> RatingRun:
    run = RatingRun.objects.create(
        project_id=log.project_id,
        method=fitted[0].method if fitted else "trueskill_online",
        settings=fitted[0].settings if fitted else {},
        revision=log.revision,
        comparisons=log.comparisons,
        fingerprint=fingerprint,
        seconds=seconds,
    )
    for group, ratings in zip(log.groups, fitted, strict=True):
        Rating.objects.bulk_create(_rating_rows(run, group, ratings), batch_size=2000)
    kept = RatingRun.objects.filter(project=log.project_id).order_by("-revision", "-finished_at")
    kept_ids = list(kept.values_list("id", flat=True)[:KEPT_RUNS])
    Rating.objects.filter(run__project=log.project_id, run__exports=None).exclude(
        run__in=kept_ids
    ).delete()
    run.refresh_from_db()
    return run


def _rating_rows(run: RatingRun, group: Group, ratings: Ratings) -> Iterator[Rating]:
    n = len(group.images)
    ranks = rank_items(ratings.mu, ratings.sigma)
    winner = np.where(group.label > 0, group.first, group.second)[group.label != 0]
    loser = np.where(group.label > 0, group.second, group.first)[group.label != 0]
    drawn = group.label == 0
    wins, losses = np.bincount(winner, minlength=n), np.bincount(loser, minlength=n)
    ties = np.bincount(group.first[drawn], minlength=n) + np.bincount(
        group.second[drawn], minlength=n
    )
    for at, image_id in enumerate(group.images):
        mu, sigma = float(ratings.mu[at]), float(ratings.sigma[at])
        yield Rating(
            run=run,
            criterion_id=group.criterion_id,
            image_id=image_id,
            rank=int(ranks.rank[at]),
            rank_low=int(ranks.rank_low[at]),
            rank_high=int(ranks.rank_high[at]),
            mu=mu,
            sigma=sigma,
            score=mu - 3 * sigma,
            comparisons=int(wins[at] + losses[at] + ties[at]),
            wins=int(wins[at]),
            losses=int(losses[at]),
            ties=int(ties[at]),
        )
