"""How people compared, from the log: what `rating.algorithms.attention` judges whether they look by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
from django.db.models import Q, QuerySet

from annotation.models import Comparison, Decision, Flag, Outcome, Project, Purpose
from rating.algorithms.attention import Haste, Share, Sides, haste_of, share_of, sides_of, typical

Signal = Flag.Signal
# A person is judged by their latest comparisons, and their latest checks: people change.
RECENT = 500
CHECKS = 200
SIDES = {Outcome.LEFT.value: 1, Outcome.RIGHT.value: -1}
JUDGED = (Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD, Outcome.ORDERED)


@dataclass(frozen=True)
class Answers:
    """What one person answered lately, the oldest first, each with its time.

    recent: (time, outcome, duration in milliseconds or None). gold: (time, how right: 1, 0, or a half for a
    tie). repeat: (time, whether the answer was the same; None where it was undecided this time).
    """

    recent: list[tuple[datetime, str, int | None]] = field(default_factory=list)
    gold: list[tuple[datetime, float]] = field(default_factory=list)
    repeat: list[tuple[datetime, bool | None]] = field(default_factory=list)


@dataclass(frozen=True)
class Signals:
    """What one person's answers show; None is what nothing is known of.

    gold: known answers that were right, a tie as half of one. repeat: repeated pairs that were decided both
    times, and the same way; undecided: those that were not decided again. ties, skips: of what was judged,
    and of what was shown; typical_…: the median of the others.
    """

    gold: Share | None = None
    repeat: Share | None = None
    typical_repeat: float | None = None
    undecided: int = 0
    sides: Sides | None = None
    haste: Haste | None = None
    ties: Share | None = None
    typical_ties: float | None = None
    skips: Share | None = None
    typical_skips: float | None = None


Since = Mapping[str, datetime]
Row = TypeVar("Row", bound=tuple[Any, ...])


def signals_of(
    project: Project, people: Iterable[UUID], forgiven: Mapping[UUID, Since] | None = None
) -> dict[UUID, Signals]:
    """Of each of these people, each measured by the others.

    forgiven: for a person and a signal the time up to which nothing counts. Cost: about 4 ms a person.
    """
    answers = answers_of(project, people)
    timed = {person: _durations(own, None) for person, own in answers.items()}
    ties = {person: _ties(own, None) for person, own in answers.items()}
    skips = {person: _skips(own, None) for person, own in answers.items()}
    repeats = {person: _repeat(own, None) for person, own in answers.items()}
    found = {}
    for person, own in answers.items():
        since = (forgiven or {}).get(person, {})
        others = [other for other in answers if other != person]
        right = [right for _, right in _after(own.gold, since.get(Signal.GOLD))]
        found[person] = Signals(
            gold=share_of(sum(right), len(right)),
            repeat=_repeat(own, since.get(Signal.REPEAT)),
            typical_repeat=typical([repeats[other] for other in others]),
            undecided=sum(same is None for _, same in own.repeat),
            sides=sides_of(_sides(own, since.get(Signal.SIDE))),
            haste=haste_of(
                _durations(own, since.get(Signal.SPEED)), [timed[other] for other in others]
            ),
            ties=_ties(own, since.get(Signal.TIES)),
            typical_ties=typical([ties[other] for other in others]),
            skips=_skips(own, since.get(Signal.SKIPS)),
            typical_skips=typical([skips[other] for other in others]),
        )
    return found


def forgiven_in(project_id: UUID) -> dict[UUID, dict[str, datetime]]:
    """Up to when which signal of whom does not count any more: what a manager has dismissed, or forgiven.

    So a dismissed flag comes back only if what comes after it is reason enough by itself.
    """
    until: dict[UUID, dict[str, datetime]] = {}
    resumed = Decision.objects.filter(project=project_id, kind=Decision.Kind.RESUMED)
    for person, time in resumed.order_by("created_at").values_list("annotator", "created_at"):
        until[person] = dict.fromkeys(Signal.values, time)
    dismissed = Flag.objects.filter(project=project_id, decision=Flag.Outcome.DISMISSED)
    for person, signal, when in dismissed.values_list("annotator", "signal", "decided_at"):
        own = until.setdefault(person, {})
        assert when is not None
        own[signal] = max(when, own.get(signal, when))
    return until


# --- Reading -----------------------------------------------------------------------------------------


def answers_of(project: Project, people: Iterable[UUID]) -> dict[UUID, Answers]:
    log = Comparison.objects.filter(project=project, retracted_at=None)
    # As the index of checks has it.
    checks = log.filter(~Q(purpose=Purpose.RANKING))
    checked = set(checks.order_by().values_list("annotator", flat=True).distinct())
    read = {}
    for person in people:
        latest = log.filter(annotator=person, screen=project.screen).order_by("-created_at", "-id")
        recent = list(latest.values_list("created_at", "outcome", "duration_ms")[:RECENT])[::-1]
        if person in checked:
            own = checks.filter(annotator=person).order_by("-created_at", "-id")
            read[person] = Answers(recent, _gold(own), _repeats(log, own, person))
        else:
            read[person] = Answers(recent)
    return read


def _gold(checks: QuerySet[Comparison]) -> list[tuple[datetime, float]]:
    """By the qualities that are known now. “Both bad” and skips say nothing of which is better."""
    rows = checks.filter(purpose=Purpose.GOLD).values_list(
        "created_at", "outcome", "left__gold", "right__gold"
    )
    found = []
    for time, outcome, left, right in rows[:CHECKS]:
        if left is None or right is None or left == right:
            continue
        if outcome == Outcome.TIE:
            found.append((time, 0.5))
        elif outcome in SIDES:
            found.append((time, float((SIDES[outcome] > 0) == (left > right))))
    return found[::-1]


def _repeats(
    log: QuerySet[Comparison], checks: QuerySet[Comparison], person: UUID
) -> list[tuple[datetime, bool | None]]:
    rows = checks.filter(purpose=Purpose.REPEAT).exclude(outcome=Outcome.SKIP)
    again = list(
        rows.values_list("created_at", "assignment__pair", "outcome", "left", "right")[:CHECKS]
    )
    if not again:
        return []
    before = log.filter(
        annotator=person,
        purpose=Purpose.RANKING,
        outcome__in=SIDES,
        assignment__pair__in=[pair for _, pair, _, _, _ in again],
    )
    winner = {
        pair: left if outcome == Outcome.LEFT else right
        for pair, outcome, left, right in before.order_by("created_at", "id").values_list(
            "assignment__pair", "outcome", "left", "right"
        )
    }
    found: list[tuple[datetime, bool | None]] = []
    for time, pair, outcome, left, right in again:
        # What was undone since tells nothing any more.
        if pair in winner:
            now = {Outcome.LEFT: left, Outcome.RIGHT: right}.get(Outcome(outcome))
            found.append((time, None if now is None else now == winner[pair]))
    return found[::-1]


# --- Counting ----------------------------------------------------------------------------------------


def _after(rows: list[Row], since: datetime | None) -> list[Row]:
    return rows if since is None else [row for row in rows if row[0] > since]


def _repeat(own: Answers, since: datetime | None) -> Share | None:
    same = [same for _, same in _after(own.repeat, since) if same is not None]
    return share_of(sum(same), len(same))


def _sides(own: Answers, since: datetime | None) -> list[int]:
    return [SIDES[outcome] for _, outcome, _ in _after(own.recent, since) if outcome in SIDES]


def _durations(own: Answers, since: datetime | None) -> np.ndarray:
    """Of judgements: to skip is quickly done."""
    rows = _after(own.recent, since)
    return np.array(
        [took for _, outcome, took in rows if took is not None and outcome in JUDGED], dtype=float
    )


def _ties(own: Answers, since: datetime | None) -> Share | None:
    outcomes = [outcome for _, outcome, _ in _after(own.recent, since) if outcome in JUDGED]
    return share_of(outcomes.count(Outcome.TIE), len(outcomes))


def _skips(own: Answers, since: datetime | None) -> Share | None:
    outcomes = [outcome for _, outcome, _ in _after(own.recent, since)]
    return share_of(outcomes.count(Outcome.SKIP), len(outcomes))
