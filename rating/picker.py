"""The picker behind annotation's port: what a project's strategy would show next, from its latest ratings."""

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, cast
from uuid import UUID

import numpy as np

from annotation.errors import Conflict
from annotation.models import Criterion, Project, Proposal
from annotation.pairing.proposals import proposal_of, shows_lineups
from rating.algorithms.results import Integers, Ratings
from rating.models import RatingRun
from rating.selectors import latest_run
from rating.selectors.asked import AskedOf, asked_of
from rating.services.runs import kept_posterior

if TYPE_CHECKING:
    from rating.algorithms.choosing import Goal


def pick(project: Project, criterion: Criterion, count: int) -> list[Proposal]:
    """The port's `Picker`. Nothing where there are no ratings yet, or where they have just moved on."""
    run = latest_run(project.id)
    if run is None or count == 0:
        return []
    try:
        kept = kept_posterior(run)
    except Conflict:
        return []
    table = Table(project, kept.ratings, _lost(run, criterion), seed=run.revision % 2**31)
    for group in kept.groups:
        if group.criterion_id == criterion.id:
            table.add(group.images, group.items)
    if len(table.images) < 2:
        return []
    asked = asked_of(criterion, table.images)
    chosen = table.lineups(asked, count) if shows_lineups(project) else table.pairs(asked, count)
    return [
        proposal_of(project, criterion, images, strategy=project.strategy, probability=1.0)
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

    def __init__(self, project: Project, ratings: Ratings, lost: set[UUID], seed: int) -> None:
        """lost: the images that lost a comparison."""
        self.project, self.ratings, self.lost, self.seed = project, ratings, lost, seed
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

    def pairs(self, asked: AskedOf, count: int) -> list[list[UUID]]:
        """By the strategy; pairs without a place left are not chosen."""
        from rating.algorithms.groups import Asked

        item = self.members
        known = Asked(item[asked.low], item[asked.high], asked.taken, self.project.overlap)
        if self.project.strategy == Project.Strategy.SMART_SHUFFLE:
            from rating.algorithms.ancestor import smart_shuffle

            first, second = smart_shuffle(self.ratings, item, count, known, ends=self._ends)
        elif self.project.strategy == Project.Strategy.SEQUENTIAL_ELIMINATION:
            first, second = self._cull(asked, count)
        else:
            from rating.algorithms.choosing import choose_adaptive

            chosen = choose_adaptive(
                self.ratings,
                item,
                count,
                known,
                goal=cast("Goal", self.project.goal),
                top=self.project.top,
                ends=self._ends,
                pending=(item[asked.shown_low], item[asked.shown_high]),
                seed=self.seed,
            )
            first, second = chosen.first, chosen.second
        return self._images(np.stack([first, second], axis=1).tolist())

    def _cull(self, asked: AskedOf, count: int) -> tuple[Integers, Integers]:
        """Among those that have not lost, and are not being judged just now."""
        from rating.algorithms.ancestor import sequential_elimination

        out = {at for at, image in enumerate(self.images) if image in self.lost}
        out |= {*asked.shown_low.tolist(), *asked.shown_high.tolist()}
        stays = np.array([at not in out for at in range(len(self.images))], dtype=bool)
        ends = np.cumsum(stays)[self._ends - 1]
        return sequential_elimination(
            len(self.ratings.mu), self.members[stays], count, ends=ends, seed=self.seed
        )

    def lineups(self, asked: AskedOf, count: int) -> list[list[UUID]]:
        from rating.algorithms.choosing_lineups import choose_lineups

        item = self.members
        chosen = choose_lineups(
            self.ratings,
            item,
            self.project.screen_size,
            count,
            goal=cast("Goal", self.project.goal),
            top=self.project.top,
            ends=self._ends,
            pending=(item[asked.shown_low], item[asked.shown_high]),
            seed=self.seed,
        )
        ends = pairwise(chosen.start.tolist())
        return self._images([chosen.item[a:b].tolist() for a, b in ends])

    def _images(self, chosen: list[list[int]]) -> list[list[UUID]]:
        of = dict(zip(self.members.tolist(), self.images, strict=True))
        return [[of[item] for item in items] for items in chosen]
