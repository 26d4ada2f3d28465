"""The two files of the Image Ranker from which Pairwright descends; annotation.imports.ancestor reads them.

Its comparisons know a winner, a loser and removed images and nothing else, so the rest is left out, counted.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.conf import settings
from django.db.models import CharField
from django.db.models.functions import Cast
from django.utils.translation import gettext_noop

from annotation.imports.ancestor import COMPARISONS, RANKINGS, REMOVED
from annotation.levels import implied_pairs
from annotation.models import Comparison, Outcome, Purpose
from annotation.selectors import criterion_asked
from rating.exports.archives import Zip
from rating.exports.card import card
from rating.exports.cells import csv_cell
from rating.exports.format import Format, Source, key_of
from rating.exports.implied import LEFT_OUT, skip
from rating.exports.judgements import AS_A_CHECK, OTHER_CRITERION
from rating.exports.options import CRITERION, LINEUPS, Choice
from rating.selectors import ratings_of

FETCH = 5000
# As the ancestor calls them.
FILES = {"rankings": "image_rankings.csv", "comparisons": "comparisons.csv"}
DIGITS = 2


def write(file: str, source: Source, stream: BinaryIO) -> Iterator[int]:
    if file == "csv":
        yield from _write_table(source.options["table"], source, stream)
        return
    written = 0
    with (
        closing(Zip(stream)) as archive,
        tempfile.TemporaryDirectory(prefix=".draft-", dir=settings.EXPORT_DIR) as folder,
    ):
        for table, name in FILES.items():
            path = Path(folder, name)
            with path.open("wb") as target:
                for rows in _write_table(table, source, cast(BinaryIO, target)):
                    yield written + rows
            written += source.counts[table]
            archive.add_file(name, path)
        archive.add("README.md", card(FORMAT, file, source, FILES).encode())


def _write_table(table: str, source: Source, stream: BinaryIO) -> Iterator[int]:
    header, rows = (
        (RANKINGS, _rankings(source))
        if table == "rankings"
        else (COMPARISONS, _comparisons(source))
    )
    stream.write(_line(header))
    for row in rows:
        stream.write(_line(row))
        source.counts[table] += 1
        yield source.counts[table]


def _line(row: Iterable[Any]) -> bytes:
    return (",".join(csv_cell(cell) or "" for cell in row) + "\n").encode()


def _rankings(source: Source) -> Iterator[tuple[Any, ...]]:
    """The best first; the numbers rounded as the ancestor rounds them."""
    criterion = criterion_asked(source.project, source.options["criterion"])
    ratings = ratings_of(source.run, criterion).select_related(None).order_by("-mu", "image_id")
    fields = ("image__name", "mu", "sigma", "wins", "losses")
    for name, mu, sigma, wins, losses in ratings.values_list(*fields).iterator(chunk_size=FETCH):
        yield name, round(mu, DIGITS), round(sigma, DIGITS), wins, losses


def _comparisons(source: Source) -> Iterator[tuple[str, str]]:
    """In the log's order, with every repeat; then the images that are excluded."""
    wanted = criterion_asked(source.project, source.options["criterion"])
    log = Comparison.objects.filter(project=source.project).order_by("created_at", "id")
    sides = [Cast(side, CharField()) for side in ("left_id", "right_id", "annotator_id")]
    facts = ("criterion_id", "outcome", "cause", "retracted_at", "purpose", "levels")
    rows = log.values_list(*sides, *facts)
    for *row, cause, retracted_at, purpose, levels in rows.iterator(FETCH):
        left, right, annotator, criterion_id, outcome = row
        source.read += 1
        if criterion_id != wanted.id:
            reason = OTHER_CRITERION
        elif retracted_at is not None:
            reason = "retracted"
        elif purpose != Purpose.RANKING:
            reason = AS_A_CHECK
        elif annotator in source.set_aside:
            reason = "annotator set aside"
        elif outcome == Outcome.ORDERED:
            reason = "" if source.options["lineups"] == "implied" else LEFT_OUT
        elif outcome == Outcome.SKIP:
            reason = skip(cause)
        else:
            reason = "" if outcome in (Outcome.LEFT, Outcome.RIGHT) else outcome
        if reason:
            source.left_out[reason] += 1
            continue
        source.used += 1
        if levels is not None:
            for better, worse in implied_pairs(levels):
                yield _name(source, key_of(UUID(better))), _name(source, key_of(UUID(worse)))
            continue
        winner, loser = (left, right) if outcome == Outcome.LEFT else (right, left)
        yield _name(source, winner), _name(source, loser)
    for image in sorted(source.images.values(), key=lambda image: (image.name, image.id)):
        if image.excluded:
            yield REMOVED, image.name


def _name(source: Source, key: str) -> str:
    name = source.images[key].name
    # A winner that is so called means that there is none; a path to it means the image.
    return f"./{name}" if name == REMOVED else name


FORMAT = Format(
    key="image_ranker",
    title=gettext_noop("Image Ranker"),
    help=gettext_noop(
        "The files of the Image Ranker: Image,ELO,Uncertainty,Upvotes,Downvotes and Winner,Loser, in the "
        "log's order. They can be imported again."
    ),
    files=("zip", "csv"),
    columns=(),
    write=write,
    options=(
        Choice(
            "table",
            gettext_noop("With “file” csv: which of the two files."),
            "comparisons",
            tuple(FILES),
        ),
        CRITERION,
        LINEUPS,
    ),
    versioned=False,
    tells_criteria=False,
)
