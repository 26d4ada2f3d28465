"""The files of the Image Ranker from which Pairwright descends: its rankings, and its comparisons in order.

Its names are paths of the machine that it ran on. Its comparisons say who won, one after another, and by
`None,name` that an image was removed.
"""

import hashlib
import math
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotation.access import membership_for
from annotation.errors import Invalid
from annotation.imports.asked import Asked
from annotation.imports.csv_lines import columns_of, read_lines, refuse_further_columns
from annotation.imports.names import Found, Names
from annotation.models import (
    Comparison,
    Criterion,
    Image,
    Import,
    ImportedFile,
    Membership,
    Project,
    Role,
    User,
)
from annotation.names import name_key
from annotation.selectors import criterion_meant
from annotation.services.images import set_excluded
from annotation.services.imported_comparisons import Judged, append_imported, known_comparisons
from annotation.services.revision import raise_revision

RANKINGS = ("Image", "ELO", "Uncertainty", "Upvotes", "Downvotes")
COMPARISONS = ("Winner", "Loser")
REMOVED = "None"
# Stored, for every reader.
REASON = gettext_noop("Removed in the Image Ranker that its comparisons come from.")
# So many bad lines are named; of the others only the number.
MOST_NAMED = 5
BATCH = 1000


@dataclass
class Report:
    """What came in: new comparisons, those that were in the log, images excluded, and images with scores.

    note: what the person should look at, if anything.
    """

    added: int = 0
    known: int = 0
    removed: int = 0
    scored: int = 0
    note: str = ""

    def __str__(self) -> str:
        told = _(
            "%(added)s comparisons added, %(known)s known, %(removed)s images removed, "
            "%(scored)s scores"
        ) % {
            "added": self.added,
            "known": self.known,
            "removed": self.removed,
            "scored": self.scored,
        }
        return f"{told}\n{self.note}" if self.note else told


def import_ancestor(
    project: Project,
    user: User,
    rankings: Path | None = None,
    comparisons: Path | None = None,
    criterion: str | None = None,
) -> Report:
    """Take either file or both in, all of it or nothing; `user` is who made the comparisons, a member.

    A comparison is known by its person, its file and its line. So the same file again adds nothing, one
    that begins with all of an earlier file adds what is new, and any other file is a file of its own:
    whatever it shares with an earlier one, or with another person's, was said once more.
    """
    if rankings is None and comparisons is None:
        raise Invalid(_("Give a file of rankings, a file of comparisons, or both."))
    membership = membership_for(user, project.id, Role.ANNOTATOR)
    scores = _read_rankings(rankings) if rankings else []
    rows = []
    if comparisons:
        asked = criterion_meant(project, criterion)
        rows = _read_comparisons(comparisons, membership, asked)
    names = Names(project)
    report = Report()
    with transaction.atomic():
        if comparisons:
            ids = [id for row in rows if not row.removal for id in (row.id, row.earlier_id)]
            known = known_comparisons(membership, ids)
            fresh, report.note = _not_yet_known(rows, known, membership, asked)
            judged, removed = _resolved(fresh, names, comparisons.name)
            report.removed = set_excluded(removed, excluded=True, reason=REASON)
            append_imported(membership, asked, judged)
            _remember(rows, membership, asked)
            report.added = len(judged)
            report.known = sum(not row.removal for row in rows) - len(judged)
        if rankings:
            report.scored = _store_scores(scores, names, rankings.name)
        raise_revision(project.id)
    return report


def member_called(project: Project, username: str) -> User:
    """The member whose comparisons they are; the project's first manager, if nobody is named."""
    members = Membership.objects.filter(project=project).select_related("user")
    wanted = {"user__name_key": name_key(username)} if username else {"role": Role.MANAGER}
    member = members.filter(**wanted).order_by("created_at", "id").first()
    if member is None:
        raise Invalid(
            _("The project has no member “%(username)s”. Add them to it first.")
            % {"username": username},
            "annotator",
        )
    return member.user


# --- As a source of imports --------------------------------------------------------------------------


def check(asked: Asked) -> None:
    _table(asked.file())


def whole(job: Import, asked: Asked) -> dict[str, Any]:
    file = asked.file()
    asker = job.created_by.username if job.created_by else ""
    report = import_ancestor(
        job.project,
        member_called(job.project, asked.text("annotator") or asker),
        rankings=file if _table(file) == "rankings" else None,
        comparisons=file if _table(file) == "comparisons" else None,
        criterion=asked.text("criterion") or None,
    )
    return {
        "added": report.added + report.scored,
        "known": report.known,
        "notes": report.note,
    }


def _table(file: Path) -> str:
    """Which of the two files it is, by its first line."""
    columns = columns_of(file, "file")
    for name, wanted in (("comparisons", COMPARISONS), ("rankings", RANKINGS)):
        if set(wanted) <= set(columns):
            refuse_further_columns(file.name, columns, wanted, "file")
            return name
    raise Invalid(
        _(
            "This is no file of an Image Ranker: it should begin with %(comparisons)s or "
            "with %(rankings)s."
        )
        % {"comparisons": ",".join(COMPARISONS), "rankings": ",".join(RANKINGS)},
        "file",
    )


# --- Comparisons -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the file. digest: of its person, its criterion and all of the file up to here.

    earlier_id: what the comparison was called by before persons were part of its name.
    """

    line: int
    digest: str
    id: UUID
    earlier_id: UUID
    winner: str
    loser: str

    @property
    def removal(self) -> bool:
        return self.winner == REMOVED


def _read_comparisons(path: Path, membership: Membership, criterion: Criterion) -> list[_Row]:
    project_id = membership.project_id
    earlier = hashlib.sha256(criterion.id.bytes)
    digest = hashlib.sha256(criterion.id.bytes + membership.user_id.bytes)
    rows = []
    for line in read_lines(path, COMPARISONS, "comparisons"):
        winner, loser = line.cells["Winner"], line.cells["Loser"]
        text = f"{len(winner)},{winner},{loser}\n".encode("utf-8", "surrogatepass")
        digest.update(text)
        earlier.update(text)
        here = digest.hexdigest()
        id, earlier_id = (uuid.uuid5(project_id, name) for name in (here, earlier.hexdigest()))
        rows.append(_Row(line.number, here, id, earlier_id, winner, loser))
    return rows


def _not_yet_known(
    rows: list[_Row], known: set[UUID], membership: Membership, criterion: Criterion
) -> tuple[list[_Row], str]:
    """The rows that are to come in, under ids that are free; and what should be said of them.

    Removals before the first such row were done then, too.
    """
    imported = ImportedFile.objects.filter(
        criterion=criterion, annotator=membership.user_id, rows__lte=len(rows)
    )
    ends = [file.rows for file in imported if rows[file.rows - 1].digest == file.digest]
    earlier = Comparison.objects.filter(
        id__in=known & {row.earlier_id for row in rows}, annotator=membership.user_id
    )
    theirs = set(earlier.values_list("id", flat=True))
    ends += [place + 1 for place, row in enumerate(rows) if row.earlier_id in theirs]
    rest = rows[max(ends, default=0) :]
    there = [place for place, row in enumerate(rest) if row.id in known]
    if not there:
        return rest, ""
    new = [row for row in rest if not row.removal and row.id not in known]
    if not new:
        # The beginning of a file that is there; only removals may have followed.
        return rest[there[-1] + 1 :], ""
    own = [
        replace(row, id=uuid.uuid5(membership.project_id, f"{rows[-1].digest}:{row.line}"))
        if row.id in known
        else row
        for row in rest
    ]
    note = _(
        "Up to line %(line)s the file is the same as one that was imported before; then it differs. So it "
        "was taken for another file, and its comparisons were added. If it is that file, corrected, undo "
        "those that are now there twice."
    )
    return own, note % {"line": rest[there[-1]].line}


def _remember(rows: list[_Row], membership: Membership, criterion: Criterion) -> None:
    """From now on the file is known, whole."""
    if rows:
        ImportedFile.objects.get_or_create(
            criterion=criterion,
            annotator_id=membership.user_id,
            rows=len(rows),
            digest=rows[-1].digest,
        )


@dataclass
class _Problems:
    """What is wrong with a file, said all at once."""

    file: str
    about: str
    named: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, what: str) -> None:
        self.count += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(_("line %(line)s: %(what)s") % {"line": line, "what": what})

    def refuse(self) -> None:
        if not self.count:
            return
        sentence = _("%(file)s was not imported, because of %(named)s.")
        if self.count > len(self.named):
            sentence = _("%(file)s was not imported, because of %(named)s; and %(more)s more.")
        told = {"named": "; ".join(self.named), "more": self.count - len(self.named)}
        raise Invalid(sentence % {"file": self.file, **told}, self.about)


def _resolved(rows: list[_Row], names: Names, file: str) -> tuple[list[Judged], list[UUID]]:
    problems = _Problems(file, "comparisons")
    judged, removed = [], []
    for row in rows:
        loser = names.find(row.loser)
        winner = loser if row.removal else names.find(row.winner)
        for found in dict.fromkeys((winner, loser)):
            if isinstance(found, str):
                problems.add(row.line, found)
        if not isinstance(winner, Found) or not isinstance(loser, Found):
            continue
        if row.removal:
            removed.append(loser.id)
        elif winner.id == loser.id:
            problems.add(row.line, _("an image is compared with itself"))
        elif winner.prompt_id != loser.prompt_id:
            problems.add(
                row.line, _("the two images have different prompts, and are never compared")
            )
        else:
            judged.append(Judged(row.id, winner.id, loser.id))
    problems.refuse()
    return judged, removed


# --- Rankings ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Score:
    line: int
    name: str
    numbers: dict[str, float]


def _read_rankings(path: Path) -> list[_Score]:
    problems = _Problems(path.name, "rankings")
    scores = []
    for line in read_lines(path, RANKINGS, "rankings"):
        numbers = {}
        for column in RANKINGS[1:]:
            whole = column in ("Upvotes", "Downvotes")
            number = _number(line.cells[column], whole=whole)
            if number is None:
                wrong = (
                    _("“%(cell)s” is not a whole number (%(column)s)")
                    if whole
                    else _("“%(cell)s” is not a number (%(column)s)")
                )
                told = {"cell": line.cells[column][:40], "column": column}
                problems.add(line.number, wrong % told)
            else:
                numbers[column.lower()] = number
        scores.append(_Score(line.number, line.cells["Image"], numbers))
    problems.refuse()
    return scores


def _number(text: str, *, whole: bool) -> float | None:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        return None
    if whole:
        return number if 0 <= number < 2**53 else None
    return number if math.isfinite(number) else None


def _store_scores(scores: list[_Score], names: Names, file: str) -> int:
    problems = _Problems(file, "rankings")
    numbers_of: dict[UUID, dict[str, Any]] = {}
    for score in scores:
        found = names.find(score.name)
        if isinstance(found, str):
            problems.add(score.line, found)
        elif found.id in numbers_of:
            problems.add(
                score.line, _("“%(name)s” stands in the file twice") % {"name": score.name[:200]}
            )
        else:
            numbers_of[found.id] = score.numbers
    problems.refuse()
    ids = sorted(numbers_of)
    for start in range(0, len(ids), BATCH):
        some = list(
            Image.objects.filter(id__in=ids[start : start + BATCH])
            .order_by("id")
            .select_for_update()
        )
        for image in some:
            image.prior_score = numbers_of[image.id]["elo"]
            image.metadata = image.metadata | {"image_ranker": numbers_of[image.id]}
        Image.objects.bulk_update(some, ["prior_score", "metadata"])
    return len(ids)
