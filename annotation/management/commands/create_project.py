from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.errors import Refused
from annotation.models import Project, User
from annotation.services.projects import create_project


class Command(BaseCommand):
    help = "Make a project, and print its id alone, for the next command of a script."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--manager", default="admin", help="whose project it is (admin)")
        parser.add_argument("--state", choices=Project.State.values, default=Project.State.DRAFT)
        parser.add_argument(
            "--criterion",
            action="append",
            metavar="KEY=QUESTION",
            help="what is asked about each pair; again for another",
        )
        parser.add_argument("--overlap", type=int, default=1, help="comparisons a pair (1)")
        parser.add_argument("--instructions", default="")

    def handle(
        self, *args: Any, name: str, manager: str, criterion: list[str] | None, **options: Any
    ) -> None:
        user = User.objects.called(manager).filter(is_active=True).first()
        if user is None:
            raise CommandError(f"There is no person called “{manager}”. Name one with --manager.")
        fields = {key: options[key] for key in ("state", "overlap", "instructions")}
        try:
            project = create_project(
                user, name=name, criteria=[_criterion(text) for text in criterion or []], **fields
            )
        except Refused as error:
            raise CommandError(str(error)) from None
        self.stdout.write(str(project.id))


def _criterion(text: str) -> dict[str, str]:
    key, _, question = text.partition("=")
    return {"key": key.strip(), "question": question.strip()}
