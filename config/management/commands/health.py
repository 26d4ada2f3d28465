"""manage.py health: say whether the program can do its work, and what is wrong with what."""

from typing import Any

from django.core.management import BaseCommand

from config.health import all_problems


class Command(BaseCommand):
    help = "Say whether database, broker, storage and clocks are well; exit code 1 if not."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        problems = all_problems()
        for part, problem in problems.items():
            self.stdout.write(f"{part}: {problem or 'ok'}")
        if any(problems.values()):
            raise SystemExit(1)
