"""A project played against simulated people, by the services that the pages use."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from annotation.models import Assignment, Comparison, Project
from rating.simulation import Game, Point, play
from tests.promises import assert_promises

ROOT = Path(__file__).resolve().parent.parent
SMALL = {"images": 10, "annotators": 4, "spam": 0.25, "votes": 60, "points": 3}


def curve(**game: object) -> list[Point]:
    return list(play(Game(**{**SMALL, **game})))  # type: ignore[arg-type]


def simulate(*options: str, data: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", "simulate", *options],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(data), "DATABASE_URL": "", "REDIS_URL": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.django_db
def test_the_curve_says_how_near_the_truth_the_ranking_is_and_what_is_announced() -> None:
    points = curve(spread=3.0, votes=90, rules={"overlap": 4})
    assert [point.votes for point in points] == [30, 60, 90]
    assert points[-1].tau > 0.6
    assert points[-1].minutes > points[0].minutes > 0
    for point in points:
        assert point.announced is not None
        assert point.announced["low"] <= point.announced["tau"] <= point.announced["high"]


@pytest.mark.django_db
def test_every_vote_is_in_the_log_and_every_promise_holds() -> None:
    curve(rules={"overlap": 3, "strategy": "adaptive", "random_share": 0.2})
    project = Project.objects.get(name="Simulation")
    assert Comparison.objects.filter(project=project).count() == 60
    shown = set(Assignment.objects.values_list("strategy", flat=True))
    assert shown == {"adaptive", "random"}
    assert_promises(project)


@pytest.mark.django_db
def test_the_same_seed_plays_the_same_game_and_another_one_another() -> None:
    def played(seed: int) -> list[Point]:
        """The people of a seed have their names once, so each game is taken back."""
        with transaction.atomic():
            points = curve(seed=seed, votes=24, points=2, rules={"overlap": 3})
            transaction.set_rollback(True)
        return points

    one = played(1)
    assert one == played(1)
    assert one != played(2)


@pytest.mark.django_db
@pytest.mark.parametrize("screen", ["best", "best_worst", "order"])
def test_several_images_on_a_screen_are_played_as_well(screen: str) -> None:
    rules = {"screen": screen, "screen_size": 4, "overlap": 3}
    points = curve(votes=16, points=1, spread=3.0, spam=0.0, rules=rules)
    assert points[-1].tau > 0.5
    kinds = set(Comparison.objects.values_list("screen", "outcome"))
    assert kinds == {(screen, "ordered")}


@pytest.mark.django_db
def test_the_game_ends_where_nothing_is_left_to_compare() -> None:
    points = curve(images=3, annotators=2, votes=50, spam=0.0)
    assert points[-1].votes == 3, "three pairs, once each"


def test_the_command_prints_json_and_leaves_the_database_alone(tmp_path: Path) -> None:
    options = ["--images", "6", "--annotators", "3", "--votes", "10", "--points", "2", "--json"]
    done = simulate(*options, "--strategy", "smart_shuffle", data=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["game"]["rules"]["strategy"] == "smart_shuffle"
    assert [point["votes"] for point in told["curve"]] == [5, 10]
    assert {"tau", "spearman", "top_10_recall", "announced", "minutes"} <= set(told["curve"][0])
    assert not list(tmp_path.glob("*.sqlite3"))


def test_the_command_of_the_docs_runs(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "managers.md").read_text()
    (command,) = re.findall(r"manage\.py simulate (.*)", text)
    done = simulate(*shlex.split(command), "--votes", "10", "--points", "1", data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "announced tau" in done.stdout


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--images", "1"], "invalid number from 2 to 100000 value: '1'"),
        (["--spam", "2"], "invalid share from 0 to 1 value: '2'"),
        (["--strategy", "luck"], "invalid choice: 'luck'"),
        (["--images", "4", "--prompts", "3"], "Each prompt needs two images"),
    ],
)
def test_what_cannot_be_played_is_refused(options: list[str], what: str) -> None:
    with pytest.raises(CommandError, match=re.escape(what)):
        call_command("simulate", *options)
