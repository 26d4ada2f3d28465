"""Simulated people who judge a project's images by their true strengths, many votes in one write."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

import numpy as np
from django.utils import timezone

from annotation.models import Assignment, Comparison, Criterion, Image, Outcome, Pair, Project, User
from annotation.services.revision import raise_revision

# Pairs of places among the images, by what is known: (n, votes, chance) to first and second.
Choose = Callable[[int, int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def any_two(n: int, votes: int, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    first = chance.integers(0, n, votes)
    return first, (first + chance.integers(1, n, votes)) % n


def neighbours(n: int, votes: int, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Images up to three places apart, which are alike in strength if they are in its order."""
    low = chance.integers(0, n - 1, votes)
    high = np.minimum(low + chance.integers(1, 4, votes), n - 1)
    swapped = chance.random(votes) < 0.5
    return np.where(swapped, high, low), np.where(swapped, low, high)


def judge(
    project: Project,
    images: Sequence[Image],
    people: Sequence[User],
    votes: int,
    *,
    strategy: str = "random",
    choose: Choose = any_two,
    spread: float = 1.5,
    mistakes: float = 0.0,
    criterion: Criterion | None = None,
    seed: int = 0,
) -> None:
    """images: from the worst to the best. mistakes: the share of answers that are the wrong way round."""
    chance = np.random.default_rng(seed)
    n = len(images)
    strength = spread * np.linspace(-1.7, 1.7, n)
    first, second = choose(n, votes, chance)
    better = strength[first] - strength[second] + chance.normal(size=votes) > 0
    better ^= chance.random(votes) < mistakes
    criterion = criterion or project.criteria.get()
    now = timezone.now()
    sides = [
        tuple(sorted((images[a].id, images[b].id)))
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    ]
    Pair.objects.bulk_create(
        [
            Pair(project=project, criterion=criterion, low_id=low, high_id=high)
            for low, high in sorted(set(sides))
        ],
        ignore_conflicts=True,
    )
    pairs = {(pair.low_id, pair.high_id): pair for pair in Pair.objects.filter(criterion=criterion)}
    asked, said = [], []
    for k, (a, b) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        same = {
            "project": project,
            "criterion": criterion,
            "annotator": people[k % len(people)],
            "left": images[a],
            "right": images[b],
        }
        assignment = Assignment(
            id=uuid4(),
            pair=pairs[sides[k]],
            strategy=strategy,
            state=Assignment.State.ANSWERED,
            expires_at=now + timedelta(hours=1),
            **same,
        )
        asked.append(assignment)
        outcome = Outcome.LEFT if better[k] else Outcome.RIGHT
        said.append(
            Comparison(assignment=assignment, outcome=outcome, duration_ms=2000 + k % 3, **same)
        )
    Assignment.objects.bulk_create(asked)
    Comparison.objects.bulk_create(said)
    raise_revision(project.id)
