import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from annotation.errors import Refused
from annotation.models import Membership, Project, Role
from rating.exports import FORMATS
from rating.exports.jobs import file_name, path_of, request_export, run_export
from rating.models import Export


class Command(BaseCommand):
    help = "Write a project's data in a format, here and now, without a worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", type=UUID, help="the project's id, as in its address")
        parser.add_argument("format", choices=list(FORMATS))
        parser.add_argument("-o", "--output", type=Path, help="the file (named by the format)")
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="an option of the format, or file=TYPE; again for another",
        )

    def handle(
        self,
        *args: Any,
        project: UUID,
        format: str,
        output: Path | None,
        option: list[str],
        **options: Any,
    ) -> None:
        found = Project.objects.filter(id=project, deleted_at=None).first()
        if found is None:
            raise CommandError(f"There is no project {project}.")
        manager = Membership.objects.filter(project=found, role=Role.MANAGER).first()
        if manager is None:
            raise CommandError("The project has no manager, in whose name it could be exported.")
        wanted = {name: value for name, _, value in (text.partition("=") for text in option)}
        try:
            export = request_export(found, manager.user, format, wanted)
        except Refused as error:
            raise CommandError(str(error)) from None
        run_export(export.id)
        export.refresh_from_db()
        if export.status != Export.Status.DONE:
            raise CommandError(f"The export failed: {export.error}")
        target = output or Path(file_name(export))
        shutil.copyfile(path_of(export), target)
        self.stdout.write(f"{target}: {export.rows} rows, sha256 {export.sha256}")
