"""What the announced accuracy is made from beside the log, and what was announced."""

from collections.abc import Sequence
from statistics import median
from uuid import UUID

import numpy as np
from django.db.models import Exists, F, OuterRef, Subquery
from numpy.typing import NDArray

from annotation.models import Comparison, Criterion, Outcome, Project, Purpose, Screen
from rating.algorithms.results import Integers
from rating.models import Closing, RatingRun, RunAccuracy
from rating.selectors.log import LABELS, Log
from rating.selectors.runs import latest_run

# Random pairs that are looked up: more than are held back.
MOST_RANDOM = 4000
# Comparisons whose durations say how long one takes, the latest.
TIMED = 1000
RANDOM = Project.Strategy.RANDOM


def rows_at_random(log: Log) -> NDArray[np.bool_]:
    """Shape (m,): which rows of the log were of pairs drawn at random; of many, some of them."""
    found = (
        Comparison.objects.filter(
            project=log.project_id,
            retracted_at=None,
            screen=Screen.PAIR,
            purpose=Purpose.RANKING,
            outcome__in=(Outcome.LEFT, Outcome.RIGHT),
            assignment__strategy=RANDOM,
        )
        # Ids are random, so that these are a sample, and the same one each time.
        .order_by("id")
        .values_list("criterion_id", "left_id", "right_id", "annotator_id", "outcome")
    )
    wanted = found[:MOST_RANDOM]
    item = {
        (group.criterion_id, image): at
        for group in log.groups
        for image, at in zip(group.images, group.items.tolist(), strict=True)
    }
    person = {id_: number for number, id_ in enumerate(log.people)}
    rows = [
        (item[criterion, left], item[criterion, right], LABELS[outcome], person[annotator])
        for criterion, left, right, annotator, outcome in wanted
        if (criterion, left) in item and (criterion, right) in item and annotator in person
    ]
    if not rows:
        return np.zeros(len(log.label), dtype=bool)

    def code(first: Integers, second: Integers, label: Integers, annotator: Integers) -> Integers:
        return ((first * log.n + second) * 3 + label + 1) * len(log.people) + annotator

    sought, times = np.unique(code(*np.array(rows, dtype=np.int64).T), return_counts=True)
    codes = code(log.first, log.second, log.label, log.annotator)
    # Of rows that are alike in everything, as imports may have them, as many as were at random.
    order = np.argsort(codes, kind="stable")
    nth = np.arange(len(codes)) - np.searchsorted(codes[order], codes[order])
    at = np.minimum(np.searchsorted(sought, codes[order]), len(sought) - 1)
    flags = np.zeros(len(codes), dtype=bool)
    flags[order] = (sought[at] == codes[order]) & (nth < times[at])
    return flags


def seconds_a_vote(project_id: UUID) -> float | None:
    """The median of the latest durations, of the kind of screen that is shown now; None without any."""
    durations = (
        Comparison.objects.filter(project=project_id, retracted_at=None)
        .filter(screen=F("project__screen"))
        .exclude(duration_ms=None)
        .order_by("-created_at", "-id")
        .values_list("duration_ms", flat=True)
    )
    latest = [duration for duration in durations[:TIMED] if duration is not None]
    return median(latest) / 1000 if latest else None


def as_asked(project: Project) -> dict[str, object]:
    """What accuracies have to be about, to be those that the project asks for now."""
    return {"k": project.top, "target": project.target, "target_value": project.target_value}


def is_judged(run: RatingRun) -> bool:
    project = Project.objects.get(id=run.project_id)
    return RunAccuracy.objects.filter(run=run, **as_asked(project)).exists()


def comparisons_judged(project_id: UUID) -> int:
    """How many comparisons the last accuracies were of; 0 if none are as they are asked for now."""
    project = Project.objects.get(id=project_id)
    judged = RunAccuracy.objects.filter(run__project=project_id, **as_asked(project))
    found = judged.order_by("-run__revision", "-run__finished_at")
    return found.values_list("run__comparisons", flat=True).first() or 0


def unjudged_projects() -> list[UUID]:
    """The projects whose ratings are current, and whose accuracy is not."""
    latest = RatingRun.objects.filter(project=OuterRef("id")).order_by("-revision", "-finished_at")
    judged = RunAccuracy.objects.filter(
        run=OuterRef("latest"),
        k=OuterRef("top"),
        target=OuterRef("target"),
        target_value=OuterRef("target_value"),
    )
    behind = (
        Project.objects.filter(deleted_at=None)
        .annotate(
            latest=Subquery(latest.values("id")[:1]),
            read=Subquery(latest.values("revision")[:1]),
            rated=Subquery(latest.values("comparisons")[:1]),
        )
        .filter(read__gte=F("revision"), rated__gt=0)
        .exclude(Exists(judged))
    )
    return list(behind.order_by("id").values_list("id", flat=True))


def announced(project: Project) -> list[RunAccuracy]:
    """What was announced last, a criterion each, in the order of the questions; empty before."""
    current = latest_run(project.id)
    found = RunAccuracy.objects.filter(run__project=project).select_related("run", "criterion")
    last = found.filter(run=current).first() if current else None
    if last is None:
        last = found.order_by("-run__revision", "-run__finished_at").first()
    if last is None:
        return []
    return list(found.filter(run=last.run).order_by("criterion__position", "criterion_id"))


def curve(project: Project, criterion: Criterion, most: int = 60) -> Sequence[RunAccuracy]:
    """The accuracies of the project's runs by their comparisons; of many runs, some, and the last."""
    found = RunAccuracy.objects.filter(run__project=project, criterion=criterion)
    rows = list(found.select_related("run").order_by("run__revision", "run__finished_at"))
    if len(rows) <= most:
        return rows
    # By comparisons, of which each doubling tells about as much.
    size = np.log([max(row.run.comparisons, 1) for row in rows])
    step = np.floor((size - size.min()) / max(float(np.ptp(size)), 1e-9) * (most - 1))
    kept = [k for k in range(len(rows)) if k + 1 == len(rows) or step[k] != step[k + 1]]
    return [rows[k] for k in kept]


def closed_by_itself(project: Project) -> Closing | None:
    """The last closing at a target, if the project is closed."""
    if project.state != Project.State.CLOSED:
        return None
    return Closing.objects.filter(project=project).first()
