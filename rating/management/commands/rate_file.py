from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rating.algorithms.methods import METHODS
from rating.files import (
    annotator_lines,
    choose_method,
    rate_table,
    rating_lines,
    unconnected_contexts,
    write_files,
)
from rating.tables import BadFile, read_table

CONTEXTS_SHOWN = 10


class Command(BaseCommand):
    help = (
        "Rate the comparisons of a CSV file, without the web and without a database. "
        "docs/ml-engineers.md describes the files."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file",
            type=Path,
            metavar="IN.csv",
            help="item_a, item_b, label (1/-1/0), annotator, context; the last two may be missing; .gz too",
        )
        parser.add_argument(
            "-o", "--output", type=Path, metavar="OUT.csv", required=True, help="for the ratings"
        )
        parser.add_argument(
            "--annotators", type=Path, metavar="OUT2.csv", help="for how each annotator sees"
        )
        parser.add_argument(
            "--method",
            choices=list(METHODS),
            help="default: trueskill_annotators if the file names annotators, otherwise trueskill",
        )

    def handle(
        self,
        *args: Any,
        file: Path,
        output: Path,
        annotators: Path | None,
        method: str | None,
        **options: Any,
    ) -> None:
        if annotators and method and not METHODS[method].needs_annotator:
            raise CommandError(f"{method} learns nothing of annotators: leave out --annotators.")
        output, annotators = _target(file, output), annotators and _target(file, annotators)
        if output == annotators:
            raise CommandError("-o and --annotators name the same file.")
        try:
            table = read_table(file)
            if annotators and table.annotator is None:
                raise BadFile("the file has no column annotator: leave out --annotators")
            chosen = choose_method(table, method)
            rated = rate_table(table, chosen)
        except BadFile as error:
            raise CommandError(f"{file}: {error}") from None
        contents = {output: rating_lines(rated)}
        if annotators:
            contents[annotators] = annotator_lines(rated)
        try:
            write_files(contents)
        except OSError as error:
            raise CommandError(f"Nothing was written: {error}") from None
        self._tell_groups(unconnected_contexts(table))
        self.stdout.write(
            f"{chosen.key}: {len(table.items)} items in {len(table.contexts)} contexts, "
            f"{len(table.label)} comparisons, {len(table.people)} annotators"
        )

    def _tell_groups(self, groups: dict[str, int]) -> None:
        """An order that no comparison supports must not pass for one that was measured."""
        for context, count in list(groups.items())[:CONTEXTS_SHOWN]:
            where = f"context {context!r}" if context else "the items"
            self.stderr.write(
                f"{where}: {count} groups that were never compared with each other; "
                "their order rests on the prior alone"
            )
        if len(groups) > CONTEXTS_SHOWN:
            self.stderr.write(f"… and so in {len(groups) - CONTEXTS_SHOWN} more contexts")


def _target(source: Path, path: Path) -> Path:
    """Where to write, found out before minutes of work; links are followed, not replaced."""
    path = path.resolve()
    if path == source.resolve():
        raise CommandError(f"{path} is the file to read; it would be overwritten.")
    if path.exists() and not path.is_file():
        raise CommandError(f"{path} is there and is not a file.")
    if not path.parent.is_dir():
        raise CommandError(f"There is no folder {path.parent}.")
    return path
