import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotation.errors import Refused
from annotation.imports.jobs import Progress, import_now
from annotation.imports.kinds import KINDS
from annotation.models import Import, Project

REFUSED_SHOWN = 1000
COUNTS = ("added", "known", "changed", "refused")
SOURCES = [key for key, kind in KINDS.items() if kind.whole is None]


class Command(BaseCommand):
    help = (
        "Bring pictures into a project. Safe to repeat: what is known is passed over. Killed at any "
        "moment, it goes on when it is started again. What is refused is printed with its reason."
    )

    # They load all of the web, which takes longer than a small import.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", choices=SOURCES)
        parser.add_argument("project", type=UUID, help="the project's id, as in its address")
        parser.add_argument(
            "path", help="the folder or file; for s3 the bucket, and a prefix after a slash"
        )
        parser.add_argument(
            "--no-prompts",
            action="store_true",
            help="leave the prompts alone that generators wrote into the pictures",
        )
        parser.add_argument(
            "--folder", type=Path, help="what the paths of a manifest are relative to"
        )
        parser.add_argument("--image-column", help="which column of a data set has the pictures")
        parser.add_argument("--prompt-column", help="which column of a data set has the prompt")

    def handle(self, *args: Any, project: UUID, source: str, **options: Any) -> None:
        found = Project.objects.filter(id=project, deleted_at=None).first()
        if found is None:
            raise CommandError(f"There is no project {project}.")
        try:
            with self._progress() as on_progress:
                job = import_now(found, source, wanted(source, options), on_progress)
        except Refused as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. The same command goes on from here.") from None
        self._tell(job)

    @contextmanager
    def _progress(self) -> Iterator[Progress]:
        # No bar in a log file; None lets tqdm look whether stderr is a terminal.
        with tqdm(unit=" pictures", disable=None, file=sys.stderr) as bar:

            def show(job: Import) -> None:
                bar.total = job.total
                counts = {name: getattr(job, name) for name in COUNTS}
                bar.set_postfix(counts)
                bar.update(sum(counts.values()) - bar.n)

            yield show

    def _tell(self, job: Import) -> None:
        for place, reason in job.refusals.values_list("place", "reason")[:REFUSED_SHOWN]:
            self.stderr.write(f"refused {place}: {reason}")
        if job.refused > REFUSED_SHOWN:
            self.stderr.write(f"… and {job.refused - REFUSED_SHOWN} more")
        for note in job.notes.splitlines():
            self.stderr.write(note)
        counts = {name: getattr(job, name) for name in COUNTS}
        told = ", ".join(
            f"{count} {name}" for name, count in counts.items() if count or name != "changed"
        )
        if job.status != Import.Status.DONE:
            raise CommandError(f"{told}. {job.error}")
        if job.added + job.known + job.changed == 0:
            raise CommandError(f"{told}. There is nothing there that can be read.")
        self.stdout.write(told)


def wanted(source: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options of an import, from those of the command."""
    place: dict[str, Any]
    if source == Import.Source.S3:
        bucket, _, prefix = options["path"].partition("/")
        place = {"bucket": bucket, "prefix": prefix}
    else:
        # From where the command stands, which a worker that goes on with it would not know.
        place = {"path": str(Path(options["path"]).expanduser().absolute())}
    if options["folder"]:
        place["folder"] = str(options["folder"].expanduser().absolute())
    for name in ("image_column", "prompt_column"):
        if options[name]:
            place[name] = options[name]
    return place | {"read_prompts": not options["no_prompts"]}
