"""A project played against simulated people, through the services that the pages and the API use.

Each picture has a strength; each person sees it with a noise of their own, so that what is announced can
be compared with what is true. Chance is drawn from one seed, here and in the services: the same settings
give the same game.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np

from annotation.chance import chance
from annotation.models import (
    Assignment,
    Image,
    Membership,
    Outcome,
    Project,
    Prompt,
    Role,
    Screen,
    User,
)
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.projects import create_project
from annotation.services.queue import refill
from rating.algorithms.results import Floats
from rating.models import RatingRun, RunAccuracy
from rating.services import choose_method, judge_latest, recompute

AHEAD = 2  # assignments that the page has at hand
TOP = 10
# Seconds that a person takes, the median; for several images so much more for each.
SECONDS, SECONDS_AN_IMAGE = 4.0, 1.8


@dataclass(frozen=True)
class Game:
    """What is played. spam: the share of people who do not look. spread: the standard deviation of
    the strengths, in units of a comparison's noise. unequal: that of the logarithm of people's
    sharpness. every: comparisons between two recomputes. rules: further settings of the project."""

    images: int = 100
    annotators: int = 20
    spam: float = 0.1
    votes: int = 2000
    seed: int = 0
    spread: float = 1.0
    unequal: float = 0.3
    every: int = 8
    points: int = 20
    prompts: int = 1
    method: str = "trueskill_annotators"
    rules: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Point:
    """How far the ranking is after so many votes; announced says what the program itself believes."""

    votes: int
    minutes: float
    tau: float
    spearman: float
    top_10_recall: float
    announced: dict[str, float] | None


def play(game: Game) -> Iterator[Point]:
    """Points of the curve, evenly spread over the votes; fewer votes where no pair is left."""
    with chance.seeded(game.seed):
        yield from Table(game).play()


class Table:
    """The project with its people, and what only the simulation knows."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self.chance = np.random.default_rng(game.seed)
        team = [
            User.objects.create(id=self._id(), username=f"person-{k + 1}-{game.seed}-{self._id()}")
            for k in range(game.annotators)
        ]
        self.project = create_project(
            team[0], name="Simulation", state=Project.State.OPEN, **game.rules
        )
        choose_method(self.project.id, game.method)
        self.project.refresh_from_db()
        members = [
            Membership(project=self.project, user=user, role=Role.ANNOTATOR) for user in team[1:]
        ]
        Membership.objects.bulk_create(members)
        self.people = list(
            Membership.objects.filter(project=self.project)
            .select_related("user", "project")
            .order_by("user__username")
        )
        self.strength = self._add_images()
        spammers = round(game.spam * game.annotators)
        self.looks = np.arange(game.annotators) >= spammers
        self.sharpness = np.exp(self.chance.normal(0, game.unequal, game.annotators))
        self.spent = 0.0

    def play(self) -> Iterator[Point]:
        game, votes = self.game, 0
        refill(self.project.id)
        marks = {round(game.votes * (k + 1) / game.points) for k in range(game.points)}
        active = list(range(len(self.people)))
        while votes < game.votes and active:
            who = active[int(self.chance.integers(len(active)))]
            opened = open_assignments(self.people[who], count=AHEAD)
            if not opened.assignments:
                active.remove(who)
                continue
            self.answer(who, opened.assignments[0])
            votes += 1
            if votes % game.every == 0 or votes in marks:
                run = recompute(self.project.id)
                if votes in marks:
                    yield self._point(votes, run)
                refill(self.project.id)
                self.project.refresh_from_db()
                if self.project.state != Project.State.OPEN:
                    break
        if votes not in marks:
            yield self._point(votes, recompute(self.project.id))

    # --- People --------------------------------------------------------------------------------------

    def answer(self, who: int, assignment: Assignment) -> None:
        user, seconds = self.people[who].user, self._seconds(assignment)
        self.spent += seconds
        said: dict[str, Any] = {"duration_ms": round(1000 * seconds)}
        if assignment.screen == Screen.PAIR:
            left, right = self._seen(who, [assignment.left_id, assignment.right_id])
            outcome = Outcome.LEFT if left > right else Outcome.RIGHT
        else:
            shown = [UUID(image) for image in assignment.shown or []]
            best_first = np.argsort(-self._seen(who, shown)).tolist()
            said["levels"] = _levels(assignment.screen, [str(shown[k]) for k in best_first])
            outcome = Outcome.ORDERED
        record_comparison(user, assignment.id, outcome, **said)

    def _seen(self, who: int, images: Sequence[UUID | None]) -> Floats:
        """How good each looks to this person now; the difference of two has the noise of a comparison."""
        noise = self.chance.normal(0, 0.5**0.5, len(images))
        if not self.looks[who]:
            return noise
        strength = np.array([self.strength[image] for image in images if image is not None])
        return strength + noise / self.sharpness[who]

    def _seconds(self, assignment: Assignment) -> float:
        more = max(len(assignment.shown or []) - 2, 0)
        median = SECONDS + SECONDS_AN_IMAGE * more
        return float(median * np.exp(self.chance.normal(0, 0.4)))

    # --- What only the simulation knows --------------------------------------------------------------

    def _add_images(self) -> dict[UUID, float]:
        game = self.game
        strength = self.chance.normal(0, game.spread, game.images)
        prompts: list[Prompt | None] = [
            Prompt.objects.create(id=self._id(), project=self.project, text=f"prompt {k + 1}")
            for k in range(game.prompts if game.prompts > 1 else 0)
        ]
        images = [
            Image(
                id=self._id(),
                project=self.project,
                prompt=prompts[k % len(prompts)] if prompts else None,
                name=f"{k + 1}.png",
                path=f"{k + 1}.png",
                sha256=f"{k:064x}",
                bytes=1,
                width=768,
                height=512,
                shuffle=float(self.chance.random()),
            )
            for k in range(game.images)
        ]
        Image.objects.bulk_create(images)
        return dict(zip((image.id for image in images), strength.tolist(), strict=True))

    def _id(self) -> UUID:
        return uuid.UUID(bytes=self.chance.bytes(16), version=4)

    def _point(self, votes: int, run: RatingRun) -> Point:
        from scipy.stats import kendalltau, spearmanr

        rows = run.ratings.values_list("image__prompt", "image", "mu")
        groups: dict[Any, list[tuple[float, float]]] = {}
        for prompt, image, mu in rows:
            groups.setdefault(prompt, []).append((mu, self.strength[image]))
        tables = [np.array(group).T for group in groups.values()]
        pairs = np.array([table.shape[1] * (table.shape[1] - 1) for table in tables])
        tau = [kendalltau(*table)[0] for table in tables]
        rho = [spearmanr(*table)[0] for table in tables]
        return Point(
            votes=votes,
            minutes=round(self.spent / 60, 1),
            tau=_mean(tau, pairs),
            spearman=_mean(rho, pairs),
            top_10_recall=_mean([_recall(*table) for table in tables], pairs),
            announced=self._announced(run),
        )

    def _announced(self, run: RatingRun) -> dict[str, float] | None:
        judge_latest(self.project.id)
        told = RunAccuracy.objects.filter(run=run).first()
        if told is None:
            return None
        return {"tau": told.tau, "low": told.tau_low, "high": told.tau_high}


def _levels(screen: str, best_first: list[str]) -> list[list[str]]:
    if screen == Screen.BEST:
        return [best_first[:1], best_first[1:]]
    if screen == Screen.BEST_WORST:
        return [best_first[:1], best_first[1:-1], best_first[-1:]]
    return [[image] for image in best_first]


def _mean(values: Sequence[float], weight: Floats) -> float:
    """A ranking of which nothing is known agrees with the truth by 0."""
    return round(float(np.average(np.nan_to_num(values), weights=weight)), 4)


def _recall(mu: Floats, strength: Floats) -> float:
    k = min(TOP, len(mu))
    return len({*np.argsort(-mu)[:k].tolist()} & {*np.argsort(-strength)[:k].tolist()}) / k
