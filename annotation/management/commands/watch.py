import time
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotation.models import Project
from annotation.selectors import progress


class Command(BaseCommand):
    help = "Show how far a project is, until it is as far as is wanted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", type=UUID, help="the project's id, as in its address")
        parser.add_argument(
            "--until", type=float, default=1.0, help="share of the wanted comparisons (1.0)"
        )
        parser.add_argument("--every", type=float, default=2.0, help="seconds between looks (2)")

    def handle(self, *args: Any, project: UUID, until: float, every: float, **options: Any) -> None:
        found = Project.objects.filter(id=project, deleted_at=None).first()
        if found is None:
            raise CommandError(f"There is no project {project}.")
        with tqdm(unit="comparison", desc=found.name, file=self.stderr) as bar:
            while True:
                now = progress(found)
                bar.total, bar.n = now.wanted, now.judged
                bar.refresh()
                if now.share >= until:
                    break
                time.sleep(every)
                found.refresh_from_db()
        self.stdout.write(f"{now.judged} of {now.wanted} comparisons by {now.annotators} people")
