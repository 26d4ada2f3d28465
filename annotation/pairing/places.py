"""The places of a pair or a lineup, of which there are as many as the project's overlap.

A place is taken by one statement, under the row's lock, and only while all images are legal: they are held
(FOR SHARE) until the transaction ends, so that an image which is just being set aside is either seen
as such here, or found on the screen by whoever sets it aside. Nothing here waits for a row that others hold.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from annotation.models import Assignment, Lineup, LineupImage, Pair, Project, Proposal, Purpose
from annotation.pairing.proposals import images_of


@dataclass(frozen=True)
class Place:
    """A place of a pair or of a lineup that is now one annotator's, and what was proposed for it."""

    proposal: Proposal
    pair_id: int | None = None
    lineup_id: int | None = None


@dataclass(frozen=True)
class Missed:
    """This was proposed, but is not legal any more, is full, or somebody is just deciding about it."""

    proposal: Proposal


# The images that may be shown, as `legal`, and whether these are all, and of one prompt, as `fit`.
_LEGAL = """
    WITH legal AS {materialized} (
        SELECT id, prompt_id FROM annotation_image
        WHERE id IN ({images}) AND project_id = %s AND NOT excluded ORDER BY id {lock}
    ), fit AS (
        SELECT count(*) AS images FROM legal HAVING count(*) = %s
        AND (count(prompt_id) = 0 OR count(prompt_id) = count(*) AND count(DISTINCT prompt_id) = 1)
    )
"""

# On Postgres a row that somebody holds is passed over, which an upsert could not.
_POSTGRES = """
    , held AS (
        SELECT id FROM {table} WHERE {key} AND taken < %s AND EXISTS (SELECT FROM fit)
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE {table} SET taken = taken + 1 FROM held WHERE {table}.id = held.id RETURNING {table}.id
    ), made AS (
        INSERT INTO {table} (project_id, criterion_id, {columns}, taken)
        SELECT {values}, 1 FROM fit WHERE NOT EXISTS (SELECT FROM claimed)
        ON CONFLICT DO NOTHING RETURNING id
    )
    SELECT id, false FROM claimed UNION ALL SELECT id, true FROM made
"""

# Elsewhere there is one writer at a time.
_ELSEWHERE = """
    INSERT INTO {table} (project_id, criterion_id, {columns}, taken)
    SELECT {values}, 1 FROM fit WHERE true
    ON CONFLICT (criterion_id, {columns}) DO UPDATE SET taken = taken + 1 WHERE taken < %s
    RETURNING id, true
"""


def claim(project: Project, proposal: Proposal) -> Place | None:
    """A place of what is proposed, made known if nobody was shown it yet; None if it is not legal or full."""
    images = images_of(proposal)
    criterion_id = proposal.criterion_id
    if proposal.images is None:
        key = {"low_id": images[0], "high_id": images[1]}
        id, _ = _claim("annotation_pair", project, criterion_id, images, key)
        return Place(proposal, pair_id=id) if id else None
    id, made = _claim(
        "annotation_lineup", project, criterion_id, images, {"digest": proposal.digest}
    )
    if id is None:
        return None
    if made:
        members = [LineupImage(lineup_id=id, image_id=image) for image in images]
        LineupImage.objects.bulk_create(members, ignore_conflicts=True)
    return Place(proposal, lineup_id=id)


def wait_for(missed: Missed) -> None:
    """Until those who hold its row have decided. To be called outside a transaction, holding nothing."""
    proposal = missed.proposal
    same: Any = Pair.objects.filter(low=proposal.low_id, high=proposal.high_id)
    if proposal.images is not None:
        same = Lineup.objects.filter(digest=proposal.digest)
    with transaction.atomic():
        same.filter(criterion=proposal.criterion_id).select_for_update().values_list("id").first()


def claim_place(assignment: Assignment) -> bool:
    """Take a place of what was shown once more, if there is one; checks need none."""
    if assignment.purpose != Purpose.RANKING:
        return True
    return bool(
        _row_of(assignment)
        .filter(taken__lt=assignment.project.overlap)
        .update(taken=F("taken") + 1)
    )


def free_place(assignment: Assignment) -> None:
    """Give the place of this assignment back; checks have none."""
    if assignment.purpose == Purpose.RANKING:
        _row_of(assignment).update(taken=F("taken") - 1)


def free_places(pairs: list[int], lineups: list[int]) -> None:
    """One place for each time that an id is named, in the order in which all others lock them."""
    for pair_id in sorted(pairs):
        Pair.objects.filter(id=pair_id).update(taken=F("taken") - 1)
    for lineup_id in sorted(lineups):
        Lineup.objects.filter(id=lineup_id).update(taken=F("taken") - 1)


def _row_of(assignment: Assignment) -> Any:
    if assignment.lineup_id is not None:
        return Lineup.objects.filter(id=assignment.lineup_id)
    assert assignment.pair_id is not None
    return Pair.objects.filter(id=assignment.pair_id)


def _claim(
    table: str, project: Project, criterion_id: UUID, images: list[UUID], key: dict[str, Any]
) -> tuple[int | None, bool]:
    """The row's id, and whether it may be new."""
    of = {"project_id": project.id, "criterion_id": criterion_id}
    legal = [*images, project.id, len(images)]
    new = [*of.values(), *key.values()]
    known = ["criterion_id", *key]
    postgres = connection.vendor == "postgresql"
    template = _LEGAL + (_POSTGRES if postgres else _ELSEWHERE)
    sql = template.format(
        materialized="MATERIALIZED" if postgres else "",
        images=", ".join(["%s"] * len(images)),
        lock="FOR SHARE SKIP LOCKED" if postgres else "",
        table=table,
        key=" AND ".join(f"{column} = %s" for column in known),
        columns=", ".join(key),
        values=", ".join(["%s"] * len(new)),
    )
    parameters = (
        [*legal, criterion_id, *key.values(), project.overlap, *new]
        if postgres
        else [*legal, *new, project.overlap]
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [in_database(value) for value in parameters])
        row = cursor.fetchone()
    return (row[0], bool(row[1])) if row else (None, False)


def in_database(value: Any) -> Any:
    """As the database stores it: one that has no type for UUIDs keeps their hexadecimal digits."""
    native = connection.features.has_native_uuid_field
    return value.hex if isinstance(value, UUID) and not native else value
