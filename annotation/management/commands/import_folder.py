from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from annotation.errors import Refused
from annotation.imports.folder import import_folder
from annotation.models import Project


class Command(BaseCommand):
    help = (
        "Add the pictures of a folder of this server to a project, where they lie. Safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", type=UUID, help="the project's id, as in its address")
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, project: UUID, folder: Path, **options: Any) -> None:
        found = Project.objects.filter(id=project, deleted_at=None).first()
        if found is None:
            raise CommandError(f"There is no project {project}.")
        try:
            report = import_folder(found, folder)
        except Refused as error:
            raise CommandError(str(error)) from None
        for name, reason in report.refused:
            self.stderr.write(f"refused {name}: {reason}")
        self.stdout.write(
            f"{report.added} added, {report.known} known, {len(report.refused)} refused"
        )
