"""Handing out the queue: the first proposal that this person may have, taken out of it by one statement."""

import json
from uuid import UUID

from django.db import connection

from annotation.models import Criterion, Project, Proposal
from annotation.pairing.places import in_database
from annotation.pairing.proposals import screens_of
from annotation.wake_up import post

# New to this person: what they have had on their screen for whatever purpose is not proposed to them again.
# Proposals that somebody else is just taking are passed over, so nobody waits for anybody.
_TAKE = """
    DELETE FROM annotation_proposal WHERE id = (
        SELECT id FROM annotation_proposal AS next
        WHERE criterion_id = %s AND screen IN ({screens})
        AND NOT EXISTS (
            SELECT 1 FROM annotation_pair AS pair
            JOIN annotation_assignment AS seen ON seen.pair_id = pair.id AND seen.annotator_id = %s
            WHERE pair.criterion_id = next.criterion_id
            AND pair.low_id = next.low_id AND pair.high_id = next.high_id
        )
        AND NOT EXISTS (
            SELECT 1 FROM annotation_lineup AS lineup
            JOIN annotation_assignment AS seen ON seen.lineup_id = lineup.id AND seen.annotator_id = %s
            WHERE lineup.criterion_id = next.criterion_id AND lineup.digest = next.digest
        )
        ORDER BY position, id LIMIT 1 {lock}
    )
    RETURNING screen, low_id, high_id, images, digest, strategy, probability, fallback, position,
        (SELECT count(*) FROM annotation_proposal AS other
         WHERE other.criterion_id = %s AND other.id <> annotation_proposal.id)
"""


def take(project: Project, criterion: Criterion, annotator_id: UUID) -> Proposal | None:
    """Take what nobody else gets then, unless the caller's transaction fails; None if there is nothing.

    A queue that runs low is reported.
    """
    screens = screens_of(project)
    sql = _TAKE.format(
        screens=", ".join(["%s"] * len(screens)),
        lock="FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else "",
    )
    parameters = [criterion.id, *screens, annotator_id, annotator_id, criterion.id]
    with connection.cursor() as cursor:
        cursor.execute(sql, [in_database(value) for value in parameters])
        row = cursor.fetchone()
    if row is None:
        return None
    screen, low, high, images, digest, strategy, probability, fallback, position, left = row
    # Positions are counted from 0: half of what was filled in is gone.
    if left <= position + 1:
        _report(project)
    return Proposal(
        project=project,
        criterion=criterion,
        screen=screen,
        low_id=low and UUID(str(low)),
        high_id=high and UUID(str(high)),
        images=json.loads(images) if isinstance(images, str) else images,
        digest=digest,
        strategy=strategy,
        probability=probability,
        fallback=fallback,
        position=position,
    )


def is_empty(project: Project, criterion: Criterion) -> bool:
    """Return whether nothing is in the queue for anybody, and report it if so."""
    if Proposal.objects.filter(criterion=criterion).exists():
        return False
    _report(project)
    return True


def _report(project: Project) -> None:
    """Have a worker fill the queue; whether that reaches one is never this request's concern."""
    post("annotation.tasks.refill", project.id)
