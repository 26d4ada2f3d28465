"""Comparisons that were made elsewhere enter the log, in their order, and are never counted twice."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.chance import chance
from annotation.errors import Conflict
from annotation.models import Assignment, Comparison, Criterion, Membership, Outcome, Pair, Project

STRATEGY = "imported"
BATCH = 2000


@dataclass(frozen=True, slots=True)
class Judged:
    """One comparison from elsewhere. `id` is the same whenever the same comparison is imported."""

    id: UUID
    winner: UUID
    loser: UUID


def known_comparisons(membership: Membership, ids: list[UUID]) -> set[UUID]:
    """Those that are in the log already. From now on another import of this member waits for the end."""
    Membership.objects.select_for_update().get(id=membership.id)
    known: set[UUID] = set()
    for start in range(0, len(ids), BATCH):
        some = Comparison.objects.filter(id__in=ids[start : start + BATCH])
        known.update(some.values_list("id", flat=True))
    return known


@transaction.atomic
def append_imported(membership: Membership, criterion: Criterion, judged: list[Judged]) -> None:
    """Append those that are not known to the log in this order, as this member's, with sides tossed.

    They take their pairs' places: what was judged elsewhere is not asked again, though a pair may have been
    judged more often than the overlap wants. The caller's transaction raises the revision as its last write.
    """
    project = membership.project
    if project.state == Project.State.CLOSED:
        raise Conflict(_("The project is closed and takes no more comparisons."))
    pairs = _take_places(project, criterion, judged)
    times = _times(project)
    for start in range(0, len(judged), BATCH):
        assignments = [
            _assignment(membership, criterion, pairs[_ends(one)], one, next(times))
            for one in judged[start : start + BATCH]
        ]
        Assignment.objects.bulk_create(assignments)
        rows = zip(judged[start : start + BATCH], assignments, strict=True)
        try:
            Comparison.objects.bulk_create([_comparison(one, shown) for one, shown in rows])
        except IntegrityError:
            raise Conflict(
                _("The same file is just being imported. Look again in a minute.")
            ) from None


def _ends(one: Judged) -> tuple[UUID, UUID]:
    low, high = sorted((one.winner, one.loser))
    return low, high


def _take_places(
    project: Project, criterion: Criterion, judged: list[Judged]
) -> dict[tuple[UUID, UUID], int]:
    """The pairs' ids by their images. Their rows are locked in the order in which all others lock them."""
    wanted = Counter(_ends(one) for one in judged)
    Pair.objects.bulk_create(
        [
            Pair(project=project, criterion=criterion, low_id=low, high_id=high)
            for low, high in wanted
        ],
        batch_size=BATCH,
        ignore_conflicts=True,
    )
    rows = Pair.objects.filter(criterion=criterion).values_list("low_id", "high_id", "id")
    pairs = {(low, high): id for low, high, id in rows.iterator(5000) if (low, high) in wanted}
    ids = sorted(pairs.values())
    for start in range(0, len(ids), BATCH):
        some = Pair.objects.filter(id__in=ids[start : start + BATCH]).order_by("id")
        list(some.select_for_update().values_list("id"))
    by_places: dict[int, list[int]] = {}
    for ends, places in wanted.items():
        by_places.setdefault(places, []).append(pairs[ends])
    for places, taken in by_places.items():
        for start in range(0, len(taken), BATCH):
            some = Pair.objects.filter(id__in=taken[start : start + BATCH])
            some.update(taken=F("taken") + places)
    return pairs


def _times(project: Project) -> Iterator[datetime]:
    """Ever later, from after the log's end: the order in which they were made is all that is known."""
    last = Comparison.objects.filter(project=project).aggregate(last=Max("created_at"))["last"]
    begin = max(timezone.now(), last or timezone.now())
    while True:
        begin += timedelta(microseconds=1)
        yield begin


def _assignment(
    membership: Membership, criterion: Criterion, pair: int, one: Judged, time: datetime
) -> Assignment:
    sides = [one.winner, one.loser]
    # Which side the winner was on is not known; always the same one would look like a habit of theirs.
    chance.shuffle(sides)
    return Assignment(
        project=membership.project,
        criterion=criterion,
        pair_id=pair,
        annotator_id=membership.user_id,
        left_id=sides[0],
        right_id=sides[1],
        strategy=STRATEGY,
        state=Assignment.State.ANSWERED,
        created_at=time,
        expires_at=time,
    )


def _comparison(one: Judged, shown: Assignment) -> Comparison:
    return Comparison(
        id=one.id,
        assignment=shown,
        project_id=shown.project_id,
        criterion_id=shown.criterion_id,
        annotator_id=shown.annotator_id,
        left_id=shown.left_id,
        right_id=shown.right_id,
        outcome=Outcome.LEFT if shown.left_id == one.winner else Outcome.RIGHT,
        created_at=shown.created_at,
    )
