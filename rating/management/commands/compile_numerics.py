import os
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from rating.services.runs import warm_up


class Command(BaseCommand):
    help = "Compile the numerics, as a worker has it done at its first start."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--end-with-stdin", action="store_true", help="for the worker's use")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["end_with_stdin"]:
            threading.Thread(target=_end_with_stdin, daemon=True).start()
        warm_up()


def _end_with_stdin() -> None:
    # Not by sys.stdin, whose lock the thread would hold when the program ends.
    while os.read(0, 1024):
        pass
    os._exit(1)
