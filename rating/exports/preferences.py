"""From judged pairs to preferences: each vote, what most said, or what the ratings say."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from annotation.errors import Gone
from annotation.selectors import duplicate_clusters
from rating.exports.format import Facts, Placed, Row, Source, key_of
from rating.exports.judgements import Judged, Vote, judged_pairs
from rating.exports.orders import Orders, log_odds
from rating.exports.pictures import FILE_GONE
from rating.exports.splits import Splits


@dataclass(frozen=True, slots=True)
class Preference:
    """Of two images, how much the first is preferred: `label` from 0 to 1.

    p: the probability that the first is better, by the run. vote: the one vote that it is, if it is one.
    votes: how many comparisons it stands for; none, if the same ones stand in another direction already.
    """

    judged: Judged
    label: float
    weight: float
    p: float | None
    split: str
    votes: int
    vote: Vote | None = None

    @property
    def chosen(self) -> Facts:
        return self.judged.one if self.label >= 0.5 else self.judged.two

    @property
    def rejected(self) -> Facts:
        return self.judged.two if self.label >= 0.5 else self.judged.one

    @property
    def margin(self) -> float | None:
        """By how much the chosen one is better, in log-odds; below 0 where the ratings disagree."""
        if self.p is None:
            return None
        return log_odds(self.p if self.label >= 0.5 else round(1 - self.p, 6))

    @property
    def name(self) -> str:
        """What is told from all others by it."""
        pair = f"{self.judged.one.key}:{self.judged.two.key}"
        if self.vote is None:
            return f"{self.judged.criterion.key}:{pair}"
        return f"{self.vote.id}:{pair}" if self.vote.lineup else self.vote.id

    @property
    def from_lineups(self) -> int:
        """How many of its votes are implied by what was said of more images."""
        return int(self.vote.lineup) if self.vote else self.judged.from_lineups


def preferences(source: Source) -> Iterator[Preference]:
    """In the order of `judged_pairs`; what comes to no preference is left out and counted by its reason."""
    orders = Orders(source.run)
    options = source.options
    splits = Splits(
        options["split"],
        options["seed"],
        source.images.values(),
        duplicate_clusters(source.project) if options["split"] else {},
    )
    merge = {"each": _each, "majority": _majority, "posterior": _posterior}[options["votes"]]
    for judged in judged_pairs(source):
        split = splits.of(judged.one)
        if split != splits.of(judged.two):
            source.left_out["its images are in two splits"] += len(judged.votes)
            continue
        p = orders.better(key_of(judged.criterion.id), judged.one, judged.two)
        yield from merge(source, judged, p, split)


Record = Callable[[Source, Preference], Iterable[Row]]


def placed_by(record: Record) -> Callable[[Source], Iterator[Placed]]:
    """The rows of all preferences, by a function that makes those of one."""

    def placed(source: Source) -> Iterator[Placed]:
        for preference in preferences(source):
            try:
                rows = list(record(source, preference))
            except Gone:
                source.left_out[FILE_GONE] += preference.votes
                continue
            used(source, preference)
            for row in rows:
                yield preference.split, row

    return placed


def used(source: Source, preference: Preference) -> None:
    """It is in the rows: its votes, and which of them come from lineups."""
    source.used += preference.votes
    if preference.votes and preference.from_lineups:
        source.from_lineups += preference.from_lineups
        source.rows_from_lineups += 1


def first_shown(source: Source, preference: Preference) -> bool:
    """Whether the pair's first image is shown first: by a hash, so that neither side wins more often."""
    return coin(source, preference.name)


def coin(source: Source, name: str) -> bool:
    digest = hashlib.sha256(f"{source.options.get('seed', 0)}:side:{name}".encode()).digest()
    return digest[0] % 2 == 0


# --- Ways to merge -----------------------------------------------------------------------------------


def _each(source: Source, judged: Judged, p: float | None, split: str) -> Iterator[Preference]:
    for vote in judged.votes:
        labels = (float(vote.says > 0),) if vote.says else _tied(source, "tie", 1)
        for at, label in enumerate(labels):
            counts = 1 if at == 0 else 0
            yield Preference(judged, label, vote.weight / len(labels), p, split, counts, vote)


def _majority(source: Source, judged: Judged, p: float | None, split: str) -> Iterator[Preference]:
    """By the weight of the votes; ties are half a vote for each, unless they are dropped."""
    ties = source.options["ties"]
    votes = [vote for vote in judged.votes if vote.says or ties != "drop"]
    source.left_out["tie"] += len(judged.votes) - len(votes)
    total = sum(vote.weight for vote in votes)
    if not total:
        return
    share = sum(vote.weight * (vote.says + 1) / 2 for vote in votes) / total
    yield from _merged(source, judged, votes, share, p, split, "no majority")


def _posterior(source: Source, judged: Judged, p: float | None, split: str) -> Iterator[Preference]:
    if p is None:
        source.left_out["image without a rating"] += len(judged.votes)
        return
    yield from _merged(source, judged, judged.votes, p, p, split, "no majority")


def _merged(
    source: Source,
    judged: Judged,
    votes: list[Vote],
    share: float,
    p: float | None,
    split: str,
    undecided: str,
) -> Iterator[Preference]:
    weight = round(sum(vote.weight for vote in votes) / len(votes), 6)
    if abs(share - 0.5) < 1e-9:
        labels = _tied(source, undecided, len(votes))
    elif source.options.get("labels") == "soft":
        labels = (round(share, 6),)
    else:
        labels = (float(share > 0.5),)
    for at, label in enumerate(labels):
        counts = len(votes) if at == 0 else 0
        yield Preference(judged, label, weight / len(labels), p, split, counts)


def _tied(source: Source, reason: str, votes: int) -> tuple[float, ...]:
    """What a tie becomes: nothing, a half, or both directions."""
    ties = source.options["ties"]
    if ties == "drop":
        source.left_out[reason] += votes
        return ()
    return (0.5,) if ties == "half" else (1.0, 0.0)
