"""A folder of the server, imported here and now, as `make run IMAGES=…` does."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from annotation.errors import Invalid
from annotation.imports.jobs import import_now
from annotation.models import Import, Project


@dataclass
class Report:
    """What an import did: how many images are new, known, or changed, and which files were refused."""

    added: int = 0
    known: int = 0
    changed: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    seen: int = 0


def import_folder(
    project: Project,
    folder: Path,
    on_progress: Callable[[Report], None] = lambda report: None,
    *,
    read_prompts: bool = False,
) -> Report:
    """Add every picture below `folder` to the project. Stopped at any moment, it goes on when called again.

    Prompts are not read from the pictures unless it is asked for: only images of one prompt are
    compared, so a folder of generated pictures, each with a prompt of its own, would have no pairs.
    """
    job = import_now(
        project,
        Import.Source.FOLDER,
        {"path": str(folder.expanduser().absolute()), "read_prompts": read_prompts},
        lambda job: on_progress(_report(job)),
    )
    if job.status != Import.Status.DONE:
        raise Invalid(job.error, "folder")
    report = _report(job)
    report.refused = list(job.refusals.values_list("place", "reason"))
    return report


def _report(job: Import) -> Report:
    seen = job.added + job.known + job.changed + job.refused
    return Report(job.added, job.known, job.changed, seen=seen)
