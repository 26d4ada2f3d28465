from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from annotation.models import Project
from rating.services import recompute


class Command(BaseCommand):
    help = "Bring a project's ratings up to date with its log, here and now, without a worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", type=UUID, help="the project's id, as in its address")

    def handle(self, *args: Any, project: UUID, **options: Any) -> None:
        if not Project.objects.filter(id=project, deleted_at=None).exists():
            raise CommandError(f"There is no project {project}.")
        run = recompute(project)
        self.stdout.write(
            f"{run.method}: {run.comparisons} comparisons, fingerprint {run.fingerprint}"
        )
