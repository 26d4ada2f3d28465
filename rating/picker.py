"""The picker behind annotation's port: what a project's strategy would show next, from its latest ratings."""

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from annotation.errors import Conflict
from annotation.models import Criterion, Project, Proposal
from annotation.pairing.proposals import proposal_of, shows_lineups
from rating.algorithms.results import Integers, Ratings
from rating.models import RatingRun
from rating.selectors import latest_run
from rating.selectors.asked import asked_of, on_screens
from rating.services.compiling import is_compiling
from rating.services.runs import kept_posterior

if TYPE_CHECKING:
    from rating.algorithms.groups import Asked


def pick(project: Project, criterion: Criterion, count: int) -> list[Proposal]:
    """The port's `Picker`. Nothing where there are no ratings yet, or where they have just moved on, or
    where the numerics are being compiled."""
    run = latest_run(project.id)
    if run is None or count == 0 or is_compiling():
        return []
    try:
        kept = kept_posterior(run)
    except Conflict:
        return []
    table = Table(criterion, kept.ratings, _lost(run, criterion), seed=run.revision % 2**31)
    for group in kept.groups:
        if group.criterion_id == criterion.id:
            table.add(group.images, group.items)
    if len(table.images) < 2:
        return []
    several = shows_lineups(project)
    chosen = table.lineups(count) if several else table.pairs(count)
    # The ancestor's strategies know pairs only.
    strategy = Project.Strategy.ADAPTIVE if several else project.strategy
    return [
        proposal_of(project, criterion, images, strategy=strategy, probability=1.0)
        for images in chosen
    ]


def _lost(run: RatingRun, criterion: Criterion) -> set[UUID]:
    """The images that have lost, which only the cull asks for."""
    if run.project.strategy != Project.Strategy.SEQUENTIAL_ELIMINATION:
        return set()
    losers = run.ratings.filter(criterion=criterion, losses__gt=0)
    return set(losers.values_list("image", flat=True))


class Table:
    """What a strategy chooses from: a criterion's images with their ratings, prompt by prompt."""

    def __init__(self, criterion: Criterion, ratings: Ratings, lost: set[UUID], seed: int) -> None:
        """lost: the images that lost a comparison."""
        self.criterion, self.project = criterion, criterion.project
        self.ratings, self.lost, self.seed = ratings, lost, seed
        self.images: list[UUID] = []
        self.items: list[Integers] = []
        self.ends: list[int] = []

    def add(self, images: list[UUID], items: Integers) -> None:
        """The images of one prompt."""
        self.images += images
        self.items.append(items)
        self.ends.append(len(self.images))

    @property
    def _ends(self) -> Integers:
        return np.array(self.ends, dtype=np.int64)

    @cached_property
    def members(self) -> Integers:
        return np.concatenate(self.items)

    @cached_property
    def _shown(self) -> tuple[Integers, Integers]:
        """The pairs that are on somebody's screen now, as places among the images."""
        return on_screens(self.criterion, self.images)

    @property
    def _how(self) -> dict[str, Any]:
        """What to choose for, and what not to ask once more, as adaptive choices take it."""
        low, high = self._shown
        return {
            "goal": self.project.goal,
            "top": self.project.top,
            "ends": self._ends,
            "pending": (self.members[low], self.members[high]),
            "seed": self.seed,
        }

    def pairs(self, count: int) -> list[list[UUID]]:
        """By the strategy; pairs without a place left are not chosen."""
        if self.project.strategy == Project.Strategy.SEQUENTIAL_ELIMINATION:
            first, second = self._cull(count)
        elif self.project.strategy == Project.Strategy.SMART_SHUFFLE:
            from rating.algorithms.ancestor import smart_shuffle

            first, second = smart_shuffle(
                self.ratings, self.members, count, self._asked(), ends=self._ends
            )
        else:
            from rating.algorithms.choosing import choose_adaptive

            chosen = choose_adaptive(self.ratings, self.members, count, self._asked(), **self._how)
            first, second = chosen.first, chosen.second
        return self._images(np.stack([first, second], axis=1).tolist())

    def _asked(self) -> "Asked":
        from rating.algorithms.groups import Asked

        asked, item = asked_of(self.criterion, self.images), self.members
        return Asked(item[asked.low], item[asked.high], asked.taken, self.project.overlap)

    def _cull(self, count: int) -> tuple[Integers, Integers]:
        """Among those that have not lost, and are not being judged just now."""
        from rating.algorithms.ancestor import sequential_elimination

        out = {at for at, image in enumerate(self.images) if image in self.lost}
        out |= {at for side in self._shown for at in side.tolist()}
        stays = np.array([at not in out for at in range(len(self.images))], dtype=bool)
        ends = np.cumsum(stays)[self._ends - 1]
        return sequential_elimination(
            len(self.ratings.mu), self.members[stays], count, ends=ends, seed=self.seed
        )

    def lineups(self, count: int) -> list[list[UUID]]:
        from rating.algorithms.choosing_lineups import choose_lineups

        size = self.project.screen_size
        chosen = choose_lineups(self.ratings, self.members, size, count, **self._how)
        ends = pairwise(chosen.start.tolist())
        return self._images([chosen.item[a:b].tolist() for a, b in ends])

    def _images(self, chosen: list[list[int]]) -> list[list[UUID]]:
        of = dict(zip(self.members.tolist(), self.images, strict=True))
        return [[of[item] for item in items] for items in chosen]
