"""recompute: read the log, fit, store a whole run. Safe to repeat, in any order, by any number of workers."""

import hashlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, overload
from uuid import UUID

import numpy as np
from django.db import connection, transaction
from django.utils.translation import gettext

from annotation.alone import alone
from annotation.errors import Conflict, Gone
from annotation.webhooks import announce, milestones
from rating import posteriors
from rating.algorithms.methods import METHODS
from rating.algorithms.results import NO_LINEUPS, Integers, NotConverged, Ratings
from rating.models import AnnotatorReliability, Rating, RatingPlan, RatingRun
from rating.selectors import Group, Log, is_stale, latest_run, read_log
from rating.selectors.accuracy import is_judged
from rating.services.accuracy import close_if_reached, is_due, judge
from rating.services.accuracy import warm_up as warm_up_judging

logger = logging.getLogger(__name__)

# Runs whose ratings are kept, besides those that an export names; of older ones only the header stays.
KEPT_RUNS = 20
# What rates when the method that was asked for does not converge.
FALLBACK = "trueskill"
RATING_COLUMNS = (
    *("criterion_id", "image_id", "rank", "rank_low", "rank_high", "mu", "sigma", "score"),
    *("comparisons", "wins", "losses", "ties", "group"),
)


@overload
def recompute(project_id: UUID) -> RatingRun: ...
@overload
def recompute(project_id: UUID, *, wait: bool) -> RatingRun | None: ...
def recompute(project_id: UUID, *, wait: bool = True) -> RatingRun | None:
    """The run that is current for the project's log, made now unless it is there already.

    With wait=False: None at once if somebody else is computing this project.
    """
    with alone("recompute", project_id, wait=wait) as mine:
        if not mine:
            return None
        current = latest_run(project_id)
        if current is not None and not is_stale(current):
            return current
        started = time.monotonic()
        log = read_log(project_id)
        fitted = fit(log)
        fingerprint = _fingerprint(log, fitted.ratings)
        if current is not None and current.fingerprint == fingerprint:
            RatingRun.objects.filter(id=current.id, revision__lt=log.revision).update(
                revision=log.revision
            )
            current.refresh_from_db()
            _judge_if_due(current, log, fitted.ratings)
            return current
        rated = current.comparisons if current else 0
        run = _store(log, fitted, fingerprint, time.monotonic() - started, rated)
        posteriors.keep(run, log, fitted.ratings)
        logger.info(
            "rated project %s at revision %s in %.2f s", project_id, run.revision, run.seconds
        )
        _judge_if_due(run, log, fitted.ratings)
        return run


def _judge_if_due(run: RatingRun, log: Log, ratings: Ratings) -> None:
    """The run is there for all to see; what it is worth may take longer, and fail without costing it."""
    try:
        if is_due(run):
            judge(run, log, ratings)
        else:
            close_if_reached(run)
    except Exception:
        logger.exception("the accuracy of run %s was not judged", run.id)


def judge_latest(project_id: UUID) -> bool:
    """Judge the latest run if nobody has; not while it is behind, since the next one will be."""
    with alone("recompute", project_id, wait=False) as mine:
        run = latest_run(project_id)
        if not mine or run is None or is_judged(run) or is_stale(run):
            return False
        log = read_log(project_id)
        if log.revision != run.revision:
            return False
        judge(run, log, _rate(log))
        return True


def kept_posterior(run: RatingRun) -> posteriors.Kept:
    """What the run says of all its images together; made again from the log where its file is lost.

    Raises Conflict where the log has moved on since, and so the run cannot be had back.
    """
    try:
        return posteriors.kept(run)
    except Gone:
        log = read_log(run.project_id)
        ratings = fit(log).ratings
        if _fingerprint(log, ratings) != run.fingerprint:
            raise Conflict(
                gettext("The ratings have changed in the meantime. Ask again.")
            ) from None
        posteriors.keep(run, log, ratings)
        return posteriors.kept(run)


# --- Fitting -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fitted:
    """The ratings of all items, and for each item its ranks and its connected group, shape (n,)."""

    ratings: Ratings
    rank: Integers
    rank_low: Integers
    rank_high: Integers
    group: Integers


def fit(log: Log) -> Fitted:
    """A pure function of the log."""
    # Compiled numerics load slowly, and the web process, which imports this module, never fits.
    from rating.algorithms.graph import components
    from rating.algorithms.lineups import star
    from rating.algorithms.ranks import rank_groups

    ratings = _rate(log)
    ranks = rank_groups(ratings, [group.items for group in log.groups])
    low, high = np.minimum(log.first, log.second), np.maximum(log.first, log.second)
    more_low, more_high = star(log.lineups)
    connected = components(
        log.n, np.concatenate([low, more_low]), np.concatenate([high, more_high])
    )
    numbers = [_numbered(connected[group.items]) for group in log.groups]
    return Fitted(
        ratings=ratings,
        rank=_joined([rank.rank for rank in ranks]),
        rank_low=_joined([rank.rank_low for rank in ranks]),
        rank_high=_joined([rank.rank_high for rank in ranks]),
        group=_joined(numbers),
    )


def warm_up() -> None:
    """Compile the numerics before they are needed; the first time it takes a while."""
    one, other = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
    tiny = Log(
        project_id=UUID(int=0),
        revision=0,
        method=METHODS[RatingPlan.DEFAULT],
        groups=[Group(UUID(int=0), [UUID(int=0), UUID(int=1)], np.arange(2, dtype=np.int64))],
        first=one,
        second=other,
        label=other,
        annotator=one,
        lineups=NO_LINEUPS,
        people=[UUID(int=0)],
        digest="",
    )
    ratings = fit(tiny).ratings
    warm_up_judging(tiny, ratings)
    _warm_up_choice(ratings)


def _warm_up_choice(ratings: Ratings) -> None:
    from rating.algorithms.choosing import choose_adaptive
    from rating.algorithms.groups import NOTHING_ASKED

    choose_adaptive(ratings, np.arange(len(ratings.mu)), 1, NOTHING_ASKED)


def _rate(log: Log) -> Ratings:
    arguments = (log.n, log.first, log.second, log.label, log.annotator, log.lineups)
    try:
        return log.method.rate(*arguments)
    except NotConverged as error:
        if log.method.key == FALLBACK:
            raise
        logger.error(
            "%s of project %s: %s; %s is used", log.method.key, log.project_id, error, FALLBACK
        )
        return METHODS[FALLBACK].rate(*arguments)


def _numbered(connected: Integers) -> Integers:
    """Group numbers 1, 2, … by falling size, equal ones in the order of their first items."""
    _, first, number, size = np.unique(
        connected, return_index=True, return_inverse=True, return_counts=True
    )
    place = np.empty(len(size), dtype=np.int64)
    place[np.lexsort((first, -size))] = np.arange(1, len(size) + 1)
    return place[number]


def _joined(columns: list[Integers]) -> Integers:
    return np.concatenate([np.empty(0, dtype=np.int64), *columns])


def _fingerprint(log: Log, ratings: Ratings) -> str:
    """Of what the ratings were made from, how, and of the ratings themselves, to the last bit."""
    digest = hashlib.sha256(f"{log.digest} {ratings.method}".encode())
    digest.update(ratings.mu.tobytes() + ratings.sigma.tobytes())
    return digest.hexdigest()


# --- Storing -----------------------------------------------------------------------------------------


@transaction.atomic
def _store(
    log: Log, fitted: Fitted, fingerprint: str, seconds: float, rated_before: int
) -> RatingRun:
    run = RatingRun.objects.create(
        project_id=log.project_id,
        method=fitted.ratings.method,
        settings=fitted.ratings.settings,
        revision=log.revision,
        comparisons=len(log.label) + len(log.lineups),
        fingerprint=fingerprint,
        seconds=seconds,
    )
    _write_ratings(run, _rating_rows(log, fitted))
    AnnotatorReliability.objects.bulk_create(_reliability_rows(run, log, fitted.ratings))
    kept = RatingRun.objects.filter(project=log.project_id).order_by("-revision", "-finished_at")
    kept_ids = list(kept.values_list("id", flat=True)[:KEPT_RUNS])
    Rating.objects.filter(run__project=log.project_id, run__exports=None).exclude(
        run__in=kept_ids
    ).delete()
    run.refresh_from_db()
    _announce(run, rated_before)
    return run


def _announce(run: RatingRun, rated_before: int) -> None:
    for reached in milestones(rated_before, run.comparisons):
        # Undone and reached again, it is the same milestone.
        announce(
            run.project_id, "comparisons.milestone", {"comparisons": reached}, key=str(reached)
        )
    told = {"run": run.id, "method": run.method, "comparisons": run.comparisons}
    told |= {"fingerprint": run.fingerprint, "revision": run.revision}
    announce(run.project_id, "run.finished", told, key=str(run.id))


def _write_ratings(run: RatingRun, rows: Iterator[tuple[Any, ...]]) -> None:
    if connection.vendor != "postgresql":
        Rating.objects.bulk_create(
            (Rating(run=run, **dict(zip(RATING_COLUMNS, row, strict=True))) for row in rows),
            batch_size=2000,
        )
        return
    columns = ", ".join(f'"{name}"' for name in ("run_id", *RATING_COLUMNS))
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY rating_rating ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row((run.id, *row))


def _rating_rows(log: Log, fitted: Fitted) -> Iterator[tuple[Any, ...]]:
    """In the order of RATING_COLUMNS. An image of a lineup wins over each that was put below it."""
    from rating.algorithms.lineups import tallies

    n = log.n
    winner = np.where(log.label > 0, log.first, log.second)[log.label != 0]
    loser = np.where(log.label > 0, log.second, log.first)[log.label != 0]
    drawn = log.label == 0
    wins, losses = np.bincount(winner, minlength=n), np.bincount(loser, minlength=n)
    ties = np.bincount(log.first[drawn], minlength=n) + np.bincount(log.second[drawn], minlength=n)
    over, under = tallies(n, log.lineups)
    wins, losses = wins + over, losses + under
    mu, sigma = fitted.ratings.mu, fitted.ratings.sigma
    columns = (fitted.rank, fitted.rank_low, fitted.rank_high, mu, sigma, mu - 3 * sigma)
    counts = (wins + losses + ties, wins, losses, ties, fitted.group)
    numbers = zip(*(column.tolist() for column in (*columns, *counts)), strict=True)
    for (criterion_id, image_id), row in zip(_items(log.groups), numbers, strict=True):
        yield (criterion_id, image_id, *row)


def _items(groups: list[Group]) -> Iterator[tuple[UUID, UUID]]:
    for group in groups:
        for image_id in group.images:
            yield group.criterion_id, image_id


def _reliability_rows(run: RatingRun, log: Log, ratings: Ratings) -> list[AnnotatorReliability]:
    known = ratings.annotators
    if known is None:
        return []
    return [
        AnnotatorReliability(
            run=run,
            annotator_id=log.people[person],
            comparisons=int(known.comparisons[at]),
            sharpness=float(known.sharpness[at]),
            sharpness_low=float(known.sharpness_low[at]),
            sharpness_high=float(known.sharpness_high[at]),
            side_bias=float(known.side_bias[at]),
            side_bias_low=float(known.side_bias_low[at]),
            side_bias_high=float(known.side_bias_high[at]),
            spammer=float(known.spammer[at]),
        )
        for at, person in enumerate(known.annotator)
    ]
