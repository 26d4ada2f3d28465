"""After a run: how far the ranking is from the truth, what is still needed, and whether it is enough."""

import logging
import math
from dataclasses import asdict
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Criterion, Project
from annotation.services.projects import locked_project, update_project
from rating.algorithms.methods import METHODS
from rating.algorithms.results import Integers, NotConverged, Ratings
from rating.models import Closing, RatingRun, RunAccuracy
from rating.selectors import Log
from rating.selectors.accuracy import (
    as_asked,
    comparisons_judged,
    is_judged,
    rows_at_random,
    seconds_a_vote,
)
from rating.selectors.lineups import comparisons_in

if TYPE_CHECKING:
    from rating.algorithms.random_share import Check
    from rating.algorithms.worlds import World

logger = logging.getLogger(__name__)

# While comparisons come in, the accuracy is judged anew when there are so many more of them.
GROWTH = 0.02
SEED = 20_06

# By a set of kinds of screen, the ratings had only these been shown; None where one cannot be rated.
Parts = dict[frozenset[str], Ratings] | None


def is_due(run: RatingRun) -> bool:
    """Whether the log has grown enough for another judgement, while it is still growing."""
    if is_judged(run):
        return False
    return run.comparisons > comparisons_judged(run.project_id) * (1 + GROWTH)


def judge(run: RatingRun, log: Log, ratings: Ratings) -> None:
    """Announce the run's accuracy, forecast what the target takes, and close the project if it is reached.

    log, ratings: what the run has read, and what it made of it. Repeated, it says the same.
    """
    if not log.answers:
        return
    project = Project.objects.get(id=run.project_id)
    rows = accuracies(project, run, log, ratings)
    with transaction.atomic():
        RunAccuracy.objects.filter(run=run).delete()
        RunAccuracy.objects.bulk_create(rows)
        close_if_reached(run)


def accuracies(project: Project, run: RatingRun, log: Log, ratings: Ratings) -> list[RunAccuracy]:
    """One a criterion, not stored: a function of the log and of what the project asks for."""
    # Compiled numerics load slowly, and the web process, which imports this module, never judges.
    from rating.algorithms.accuracy import accuracy, shifted

    likely, check = _worlds(log, ratings), _check(log, ratings)
    ratio = check.ratio if check else 1.0
    pace = seconds_a_vote(project.id)
    parts = _parts(log, ratings)
    rows = []
    for criterion in Criterion.objects.filter(project=project):
        groups = [group.items for group in log.groups if group.criterion_id == criterion.id]
        groups = [items for items in groups if len(items) > 1]
        if not groups:
            continue
        told = accuracy(ratings.mu, likely, groups, project.top, SEED)
        row = RunAccuracy(
            run=run,
            criterion=criterion,
            random_pairs=check and asdict(check) | {"disagrees": check.disagrees},
            seconds_a_vote=pace,
            gained=gained_by_screen(log.screens, parts, groups, told.tau.estimate),
            **as_asked(project),
        )
        for name in ("tau", "spearman", "top"):
            if (measure := getattr(told, name)) is not None:
                measure = shifted(measure, ratio)
                setattr(row, name, measure.estimate)
                setattr(row, f"{name}_low", measure.low)
                setattr(row, f"{name}_high", measure.high)
        if row.of_target is not None and not row.reached:
            row.forecast = _still_needed(project, row, likely, groups, log)
        rows.append(row)
    return rows


def gained_by_screen(
    counts: dict[str, int], parts: Parts, groups: list[Integers], tau: float
) -> dict[str, float]:
    """By kind of screen, how much one of them has raised the share of pairs in the right order, on average.

    What is announced of all kinds together is shared between them by what each adds to every set of others
    (Shapley 1953), since the first screens teach more than the last. Where a set cannot be rated: none.
    """
    from rating.algorithms.accuracy import accuracy
    from rating.algorithms.worlds import World

    if parts is None:
        return {}
    told = {frozenset(counts): tau, frozenset[str](): 0.0}
    for some, rated in parts.items():
        told[some] = accuracy(rated.mu, [World(1.0, rated)], groups, 1, SEED).tau.estimate
    return {
        screen: max(_shapley(screen, told), 0.0) / 2 / count for screen, count in counts.items()
    }


def _parts(log: Log, ratings: Ratings) -> Parts:
    """The ratings by each set of some kinds of screen, but not all."""
    counts, parts = log.screens, {}
    for size in range(1, len(counts)):
        for some in map(frozenset, combinations(counts, size)):
            part = log
            for screen in counts.keys() - some:
                part = part.without(screen)
            rows = (part.first, part.second, part.label, part.annotator, part.lineups)
            try:
                parts[some] = METHODS[ratings.method].rate(part.n, *rows)
            except NotConverged:
                return None
    return parts


def _shapley(one: str, told: dict[frozenset[str], float]) -> float:
    most = max(map(len, told))
    return sum(
        (told[others | {one}] - value) / (most * math.comb(most - 1, len(others)))
        for others, value in told.items()
        if one not in others
    )


def _worlds(log: Log, ratings: Ratings) -> "list[World]":
    from rating.algorithms.worlds import World, likely_worlds

    try:
        rows = (log.first, log.second, log.label, log.annotator)
        return likely_worlds(ratings, *rows, SEED, log.lineups)
    except NotConverged as error:
        logger.error(
            "the accuracy of project %s is that of one posterior: %s", log.project_id, error
        )
        return [World(1.0, ratings)]


def _check(log: Log, ratings: Ratings) -> "Check | None":
    from rating.algorithms.random_share import check_random_share

    method = METHODS["trueskill" if ratings.annotators is None else ratings.method]
    return check_random_share(
        log.n,
        log.first,
        log.second,
        log.label,
        log.annotator,
        rows_at_random(log),
        partial(method.rate, log.n, lineups=log.lineups),
        SEED,
    )


def _still_needed(
    project: Project, row: RunAccuracy, likely: "list[World]", groups: list[Integers], log: Log
) -> dict[str, int | None]:
    from rating.algorithms.accuracy import Measure
    from rating.algorithms.forecast import Goal, at_random, beside, forecast

    assert row.of_target is not None
    found = forecast(
        likely,
        groups,
        Measure(*row.of_target),
        made=round(log.comparisons_worth) * sum(map(len, groups)) // log.n,
        goal=Goal(row.target, row.target_value, row.k, project.goal == Project.Goal.TOP),
        random_share=project.random_share,
        choose=at_random if project.strategy == Project.Strategy.RANDOM else beside,
        seed=SEED,
    )
    a_screen = comparisons_in(project.screen, project.screen_size)
    return {
        name: None if votes is None else math.ceil(votes / a_screen)
        for name, votes in asdict(found).items()
    }


def warm_up(log: Log, ratings: Ratings) -> None:
    """Compile what judging needs, on a tiny log."""
    from rating.algorithms.accuracy import accuracy
    from rating.algorithms.forecast import Goal, forecast

    likely, groups = _worlds(log, ratings), [group.items for group in log.groups]
    told = accuracy(ratings.mu, likely, groups)
    forecast(likely, groups, told.tau, len(log.label), Goal("tau", 0.05))


# --- Enough ------------------------------------------------------------------------------------------


@transaction.atomic
def close_if_reached(run: RatingRun) -> bool:
    """Close the project if it is to close itself, and the run's accuracy says that it is time.

    Every criterion has to have reached the target with the lower end of its interval. A project closes
    itself once for a target: whoever opens it again wants more than that. The project's row is locked.
    """
    if not RunAccuracy.objects.filter(run=run).exclude(target="").exists():
        return False
    project = locked_project(run.project_id)
    if not project.close_at_target or project.state != Project.State.OPEN:
        return False
    rows = list(RunAccuracy.objects.filter(run=run, **as_asked(project)))
    if not rows or not all(row.reached for row in rows):
        return False
    why = in_words(rows)
    closing, made = Closing.objects.get_or_create(
        project=project,
        target=project.target,
        target_value=project.target_value,
        k=project.top if project.target == Project.Target.TOP else 0,
        defaults={"run": run, "why": why},
    )
    if not made:
        return False
    update_project(project.id, state=Project.State.CLOSED, why={"by": "target", "why": closing.why})
    logger.info("project %s closed itself: %s", project.id, why)
    return True


def in_words(rows: list[RunAccuracy]) -> str:
    """Why it is enough, of the criterion that was the last to get there."""
    row = min(rows, key=lambda row: row.of_target[1] if row.of_target else 0.0)
    low, high = (row.of_target or (0.0, 0.0, 0.0))[1:]
    if row.target == Project.Target.TOP:
        return _(
            "%(low)s to %(high)s of the top %(k)s belong there with 95 %% certainty; "
            "%(wanted)s were wanted."
        ) % {
            "low": f"{low:.0%}",
            "high": f"{high:.0%}",
            "k": row.k,
            "wanted": f"{row.target_value:.0%}",
        }
    return _(
        "Kendall’s tau of the ranking is %(low)s to %(high)s with 95 %% certainty; "
        "%(wanted)s was wanted."
    ) % {"low": f"{low:.2f}", "high": f"{high:.2f}", "wanted": f"{row.target_value:g}"}
