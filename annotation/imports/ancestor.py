"""The files of the Image Ranker from which Pairwright descends: its rankings, and its comparisons in order.

Its names are paths of the machine that it ran on. Its comparisons say who won, one after another, and by
`None,name` that an image was removed.
"""

import hashlib
import math
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotation.access import membership_for
from annotation.errors import Invalid
from annotation.imports.asked import Asked
from annotation.imports.csv_lines import columns_of, read_lines
from annotation.imports.names import Found, Names
from annotation.models import Criterion, Image, Import, Membership, Project, Role, User
from annotation.names import name_key
from annotation.selectors import criterion_asked
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
    """What came in: new comparisons, those that were in the log, images set aside, and images with scores."""

    added: int = 0
    known: int = 0
    removed: int = 0
    scored: int = 0

    def __str__(self) -> str:
        return _(
            "%(added)s comparisons added, %(known)s known, %(removed)s images removed, "
            "%(scored)s scores"
        ) % {
            "added": self.added,
            "known": self.known,
            "removed": self.removed,
            "scored": self.scored,
        }


def import_ancestor(
    project: Project,
    user: User,
    rankings: Path | None = None,
    comparisons: Path | None = None,
    criterion: str | None = None,
) -> Report:
    """Take either file or both in, all of it or nothing; `user` is who made the comparisons, a member.

    Each comparison is known by its place in the file and all that stands before it. So the same file again
    adds nothing, and one that has grown since adds what is new.
    """
    if rankings is None and comparisons is None:
        raise Invalid(_("Give a file of rankings, a file of comparisons, or both."))
    membership = membership_for(user, project.id, Role.ANNOTATOR)
    asked = criterion_asked(project, criterion)
    scores = _read_rankings(rankings) if rankings else []
    rows = _read_comparisons(comparisons, project, asked) if comparisons else []
    names = Names(project)
    report = Report()
    with transaction.atomic():
        if comparisons:
            known = known_comparisons(membership, [row.id for row in rows if not row.removal])
            fresh = _not_yet_known(rows, known)
            judged, removed = _resolved(fresh, names, comparisons.name)
            report.removed = set_excluded(removed, excluded=True, reason=REASON)
            append_imported(membership, asked, judged)
            report.added, report.known = len(judged), len(known)
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


def whole(job: Import, asked: Asked) -> dict[str, int]:
    file = asked.file()
    asker = job.created_by.username if job.created_by else ""
    report = import_ancestor(
        job.project,
        member_called(job.project, asked.text("annotator") or asker),
        rankings=file if _table(file) == "rankings" else None,
        comparisons=file if _table(file) == "comparisons" else None,
        criterion=asked.text("criterion") or None,
    )
    return {"added": report.added + report.scored, "known": report.known}


def _table(file: Path) -> str:
    """Which of the two files it is, by its first line."""
    columns = columns_of(file, "file")
    for name, wanted in (("comparisons", COMPARISONS), ("rankings", RANKINGS)):
        if set(wanted) <= set(columns):
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
    line: int
    id: UUID
    winner: str
    loser: str

    @property
    def removal(self) -> bool:
        return self.winner == REMOVED


def _read_comparisons(path: Path, project: Project, criterion: Criterion) -> list[_Row]:
    digest = hashlib.sha256(criterion.id.bytes)
    rows = []
    for line in read_lines(path, COMPARISONS, "comparisons"):
        winner, loser = line.cells["Winner"], line.cells["Loser"]
        digest.update(f"{len(winner)},{winner},{loser}\n".encode("utf-8", "surrogatepass"))
        rows.append(_Row(line.number, uuid.uuid5(project.id, digest.hexdigest()), winner, loser))
    return rows


def _not_yet_known(rows: list[_Row], known: set[UUID]) -> list[_Row]:
    """The rows after the last one that is in the log; removals before it were done then, too."""
    places = [place for place, row in enumerate(rows) if row.id in known]
    return rows[places[-1] + 1 :] if places else rows


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
