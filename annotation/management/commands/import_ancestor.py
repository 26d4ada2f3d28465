from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from annotation.errors import Refused
from annotation.imports.ancestor import import_ancestor, member_called
from annotation.models import Project


class Command(BaseCommand):
    help = (
        "Take in the CSV files of an Image Ranker: its comparisons, in their order, and its rankings. "
        "The images must be in the project. All or nothing; safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", type=UUID, help="the project's id, as in its address")
        parser.add_argument("--rankings", type=Path, help="Image,ELO,Uncertainty,Upvotes,Downvotes")
        parser.add_argument("--comparisons", type=Path, help="Winner,Loser")
        parser.add_argument("--criterion", help="its key; needed if the project has several")
        parser.add_argument(
            "--as",
            dest="username",
            help="who made the comparisons; the project's first manager, unless given",
        )

    def handle(
        self,
        *args: Any,
        project: UUID,
        rankings: Path | None,
        comparisons: Path | None,
        criterion: str | None,
        username: str | None,
        **options: Any,
    ) -> None:
        found = Project.objects.filter(id=project, deleted_at=None).first()
        if found is None:
            raise CommandError(f"There is no project {project}.")
        try:
            person = member_called(found, username or "")
            report = import_ancestor(found, person, rankings, comparisons, criterion)
        except Refused as error:
            raise CommandError(str(error)) from None
        self.stdout.write(str(report))
