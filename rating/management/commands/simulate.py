import json
import logging
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from dataclasses import asdict, fields
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from annotation.models import Project, Screen
from rating.algorithms.methods import METHODS
from rating.simulation import Game, Point, play

INSIDE = "PAIRWRIGHT_SIMULATION"


class Command(BaseCommand):
    help = (
        "Play a project against simulated people, and print how the ranking gets better with their votes. "
        "Nothing of it touches the database: the game has one of its own, which is gone at the end."
    )

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--strategy", choices=Project.Strategy.values, default="adaptive")
        parser.add_argument("--goal", choices=Project.Goal.values, default="ranking")
        parser.add_argument("--top", type=_count(1, 100_000), default=10)
        parser.add_argument("--screen", choices=Screen.values, default="pair")
        parser.add_argument("--size", type=_count(3, 9), default=4, help="images on a screen (4)")
        parser.add_argument("--images", type=_count(2, 100_000), default=100)
        parser.add_argument("--prompts", type=_count(1, 10_000), default=1)
        parser.add_argument("--annotators", type=_count(1, 1000), default=20)
        parser.add_argument(
            "--spam", type=_share, default=0.1, help="share of people who click without looking"
        )
        parser.add_argument("--votes", type=_count(1, 10_000_000), default=2000)
        parser.add_argument("--seed", type=_count(0, 2**31), default=0)
        parser.add_argument(
            "--spread",
            type=float,
            default=1.0,
            help="how far the pictures are apart, in units of the noise of one comparison (1)",
        )
        parser.add_argument("--unequal", type=float, default=0.3, help="how people differ (0.3)")
        parser.add_argument(
            "--overlap", type=_count(1, 1000), default=20, help="most comparisons of a pair (20)"
        )
        parser.add_argument("--random-share", type=_share, default=0.1)
        parser.add_argument("--method", choices=list(METHODS), default="trueskill_annotators")
        parser.add_argument(
            "--every", type=_count(1, 100_000), default=8, help="votes between two recomputes (8)"
        )
        parser.add_argument("--points", type=_count(1, 1000), default=20)
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        game = _game(options)
        if INSIDE not in os.environ:
            sys.exit(_in_a_database_of_its_own())
        logging.disable(logging.INFO)
        call_command("migrate", verbosity=0)
        points = []
        if not options["json"]:
            self.stdout.write(HEAD)
        for point in play(game):
            points.append(point)
            if not options["json"]:
                self.stdout.write(_line(point))
        if options["json"]:
            told = {"game": asdict(game), "curve": [asdict(point) for point in points]}
            self.stdout.write(json.dumps(told, indent=1))


def _in_a_database_of_its_own() -> int:
    """Run the same command again, embedded in a directory that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="pairwright-simulation-") as directory:
        told = {"DATA_DIR": directory, INSIDE: "1", "REDIS_URL": "", "DATABASE_URL": ""}
        numba = {"NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", directory)}
        return subprocess.run([sys.executable, *sys.argv], env=os.environ | numba | told).returncode


def _game(options: dict[str, Any]) -> Game:
    own = {name: options[name] for name in (f.name for f in fields(Game)) if name in options}
    named = ("strategy", "goal", "top", "screen", "overlap", "random_share")
    rules = {name: options[name] for name in named} | {"screen_size": options["size"]}
    if options["images"] < 2 * options["prompts"]:
        raise CommandError(
            "Each prompt needs two images: ask for more --images, or fewer --prompts."
        )
    return Game(**own, rules=rules)


HEAD = f"{'votes':>7} {'minutes':>8} {'tau':>7} {'Spearman':>9} {'top 10':>7}   announced tau"


def _line(point: Point) -> str:
    said = point.announced
    announced = f"{said['tau']:.3f} ({said['low']:.3f} to {said['high']:.3f})" if said else "-"
    return (
        f"{point.votes:>7} {point.minutes:>8.1f} {point.tau:>7.3f} {point.spearman:>9.3f} "
        f"{point.top_10_recall:>7.2f}   {announced}"
    )


def _count(least: int, most: int) -> Any:
    def number(text: str) -> int:
        if not least <= (value := int(text)) <= most:
            raise ValueError
        return value

    number.__name__ = f"number from {least} to {most}"
    return number


def _share(text: str) -> float:
    if not 0 <= (value := float(text)) <= 1:
        raise ValueError
    return value


_share.__name__ = "share from 0 to 1"
