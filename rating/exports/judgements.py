"""The log, pair by pair: what everybody said of the same two images."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

from django.db.models import CharField, F, UUIDField, Value
from django.db.models.functions import Cast, Greatest, Least

from annotation.models import Comparison, Criterion, Outcome, Purpose, Screen
from rating.exports.format import Facts, Source
from rating.exports.implied import implied_rows, lineups_of, prompt_place, skip

FETCH = 5000
AS_A_CHECK = "asked as a check"
OTHER_CRITERION = "another criterion"
# What a vote says of the first image of its pair.
SAYS = {Outcome.LEFT.value: 1, Outcome.RIGHT.value: -1, Outcome.TIE.value: 0}


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person said: 1 that the pair's first image is better, −1 that the second is, 0 a tie.

    lineup: whether it is implied by what they said of more images; `id` is then that of several votes.
    """

    id: str
    annotator: str
    says: int
    weight: float
    created_at: datetime
    lineup: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair under a criterion, its images in the order of their ids, with the votes that count."""

    criterion: Criterion
    one: Facts
    two: Facts
    votes: list[Vote]
    both_bad: int

    def count(self, says: int) -> int:
        return sum(vote.says == says for vote in self.votes)

    @property
    def from_lineups(self) -> int:
        return sum(vote.lineup for vote in self.votes)

    @property
    def agreement(self) -> float:
        """The share of the answer that was given most often."""
        return round(max(map(self.count, (1, 0, -1))) / len(self.votes), 6)


def judged_pairs(source: Source) -> Iterator[Judged]:
    """By criterion, prompt and pair, with the votes of a pair in the log's order.

    What does not count is left out, and counted by its reason. Pairs without a vote that counts do not come.
    """
    wanted = source.options["criterion"]
    for (criterion, low, high), rows in groupby(_rows(source), key=lambda row: row[:3]):
        one, two = source.images[low], source.images[high]
        votes: list[Vote] = []
        both_bad = 0
        other = bool(wanted) and source.criteria[criterion].key != wanted
        for (
            _,
            _,
            _,
            id,
            annotator,
            left,
            outcome,
            created_at,
            retracted_at,
            purpose,
            lineup,
            cause,
        ) in rows:
            source.read += not lineup
            reason = (
                OTHER_CRITERION
                if other
                else _why_left_out(
                    source, one, two, annotator, outcome, cause, retracted_at, purpose
                )
            )
            both_bad += outcome == Outcome.BOTH_BAD and reason in ("", "both_bad")
            if reason:
                source.left_out[reason] += 1
                continue
            says = SAYS.get(outcome, 0) * (1 if left == low else -1)
            weight = _weight(source, annotator)
            votes.append(Vote(id, annotator, says, weight, created_at, lineup))
        if not votes:
            continue
        if len(votes) < source.options["minimum_votes"]:
            source.left_out["too few votes of its pair"] += len(votes)
            continue
        yield Judged(source.criteria[criterion], one, two, votes, both_bad)


def _rows(source: Source) -> Iterator[tuple[Any, ...]]:
    """Criterion, both images, id, annotator, left image, outcome, times, purpose, if of a lineup, cause."""
    if not lineups_of(source.project).exists():
        return _pair_rows(source)
    return heapq.merge(_pair_rows(source), implied_rows(source), key=partial(_place, source))


def _place(source: Source, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Where a row stands among all, by whichever way it came."""
    criterion, low, high, id = row[:4]
    return criterion, prompt_place(source, low), low, high, row[7], id


def _pair_rows(source: Source) -> Iterator[tuple[Any, ...]]:
    text = partial(Cast, output_field=CharField())
    lower = Least("left_id", "right_id", output_field=UUIDField())
    higher = Greatest("left_id", "right_id", output_field=UUIDField())
    rows = (
        Comparison.objects.filter(project=source.project, screen=Screen.PAIR)
        .order_by(
            "criterion_id",
            F("left__prompt_id").asc(nulls_last=True),
            *(lower, higher, "created_at", "id"),
        )
        .values_list(
            text("criterion_id"),
            text(lower),
            text(higher),
            text("id"),
            text("annotator_id"),
            text("left_id"),
            "outcome",
            "created_at",
            "retracted_at",
            "purpose",
            Value(False),
            "cause",
        )
    )
    return rows.iterator(chunk_size=FETCH)


def _why_left_out(
    source: Source,
    one: Facts,
    two: Facts,
    annotator: str,
    outcome: str,
    cause: str,
    retracted_at: datetime | None,
    purpose: str,
) -> str:
    if retracted_at is not None:
        return "retracted"
    if purpose != Purpose.RANKING:
        return AS_A_CHECK
    if one.excluded or two.excluded:
        return "image excluded"
    if annotator in source.set_aside:
        return "annotator set aside"
    if outcome == Outcome.SKIP:
        return skip(cause)
    if outcome == Outcome.BOTH_BAD and source.options["both_bad"] == "drop":
        return "both_bad"
    if not _weight(source, annotator):
        return "annotator does not see reliably"
    return ""


def _weight(source: Source, annotator: str) -> float:
    """One, or how reliable the run found the annotator; whom it does not know counts as most people do."""
    if source.options["weights"] == "none":
        return 1.0
    return source.weights.get(annotator, 1.0)
