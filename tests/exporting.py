"""A small judged project, and its exports on disk as their readers get them."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db.models import F

from annotation.models import Criterion, Image, Outcome, Pair, Project, User
from annotation.models.assignment import Assignment
from annotation.services.comparisons import record_comparison
from rating.exports.jobs import file_name, path_of, request_export, run_export
from rating.models import Export


def vote(
    project: Project,
    user: User,
    left: Image,
    right: Image,
    outcome: Outcome,
    criterion: Criterion | None = None,
    **facts: Any,
) -> Any:
    """What this person says of exactly these two, under the project's only criterion unless one is given."""
    criterion = criterion or Criterion.objects.get(project=project)
    low, high = sorted((left, right), key=lambda image: image.id)
    pair, _ = Pair.objects.get_or_create(project=project, criterion=criterion, low=low, high=high)
    Pair.objects.filter(id=pair.id).update(taken=F("taken") + 1)
    assignment = Assignment.objects.create(
        project=project,
        criterion=criterion,
        pair=pair,
        annotator=user,
        left=left,
        right=right,
        strategy="random",
        expires_at="2100-01-01T00:00:00Z",
    )
    return record_comparison(user, assignment.id, outcome, **facts)[0]


def votes(
    project: Project, users: Sequence[User], left: Image, right: Image, *outcomes: Outcome
) -> None:
    for user, outcome in zip(users, outcomes, strict=False):
        vote(project, user, left, right, outcome)


def export(project: Project, user: User, format: str, **options: Any) -> Export:
    made = request_export(project, user, format, options)
    run_export(made.id)
    made.refresh_from_db()
    assert made.status == Export.Status.DONE, made.error
    return made


def on_disk(made: Export, folder: Path) -> Path:
    """As somebody has it who downloads it: an archive unpacked, a file under its name."""
    folder.mkdir(parents=True, exist_ok=True)
    if made.file == "zip":
        with zipfile.ZipFile(path_of(made)) as archive:
            archive.extractall(folder)
        return folder
    path = folder / file_name(made)
    path.write_bytes(path_of(made).read_bytes())
    return path
