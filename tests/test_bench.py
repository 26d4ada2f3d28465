"""Each benchmark runs, with its smallest table: what it prints so means nothing, but it can be made again."""

import csv
import gzip
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.own_servers

# Those that need no server, those that share one, and the one that starts the whole program.
NUMERICS = ("few_votes", "accuracy", "pairing", "lineups")
ON_SERVERS = ("export", "opening", "fresh")
IN_BROWSER = ("page",)
RATING = "rating"
LONGEST = 600.0


def test_each_benchmark_of_the_makefile_is_run_here() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipes = re.findall(r"^(bench-[a-z-]+):.*\n\t.* -m bench\.(\w+)$", makefile, re.MULTILINE)
    assert {module for _, module in recipes} == {RATING, *NUMERICS, *ON_SERVERS, *IN_BROWSER}
    for target, module in recipes:
        assert target == f"bench-{module.replace('_', '-')}"


@pytest.fixture
def smallest(tmp_path: Path) -> dict[str, str]:
    """An environment in which results go to a folder of the test, and a data set of a few rows is real."""
    chance = random.Random(0)
    columns = ("item_a", "item_b", "label", "annotator", "context")
    with gzip.open(tmp_path / "llmfao.csv.gz", "wt", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        for _ in range(200):
            one, other = chance.sample(range(8), 2)
            rows.writerow([one, other, chance.choice((-1, 1, 1 if one < other else -1)), 3, 0])
    kept = ("PATH", "HOME", "LANG", "NUMBA_CACHE_DIR", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "SMOKE": "1",
        "DATA": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """One migrated PostgreSQL and one Valkey for all benchmarks."""
    from bench.project import READY, started

    with ExitStack() as stack:
        environment = started(stack)
        prepare = "import django; django.setup(); from bench.project import prepare; prepare()"
        subprocess.run(
            [sys.executable, "-c", prepare], cwd=ROOT, env=os.environ | environment, check=True
        )
        yield environment | {READY: "1"}


def run(module: str, where: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{module}"],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.mark.parametrize("module", NUMERICS)
def test_a_benchmark_of_the_numerics_runs(
    module: str, smallest: dict[str, str], tmp_path: Path
) -> None:
    said = run(module, tmp_path, smallest)
    assert list((tmp_path / "build" / "bench").glob("*.json"))
    if module in ("few_votes", "pairing"):
        assert "llmfao" in said
        assert "llmfao: left out" not in said


def test_the_benchmark_of_the_ratings_measures_all_that_is_installed_and_names_the_rest(
    smallest: dict[str, str], tmp_path: Path
) -> None:
    """Of the packages that the ratings are compared with only the group “bench” has all."""
    peers = import_module("bench.peers")
    measured, missing = set(peers.METHODS_AND_PEERS), set(peers.MISSING)
    said = run(RATING, tmp_path, smallest)
    assert measured | missing == {*peers.OURS, *peers.PEERS}
    for name in missing:
        assert f"{name}: left out, not installed" in said
    assert "failed" not in said
    assert "held out: llmfao" in said
    for name in measured:
        assert re.search(rf"^{re.escape(name)} +[\d.]+", said, re.MULTILINE), name


@pytest.mark.parametrize("module", ON_SERVERS)
def test_a_benchmark_of_what_people_wait_for_runs(
    module: str, servers: dict[str, str], smallest: dict[str, str], tmp_path: Path
) -> None:
    said = run(module, tmp_path, smallest | servers)
    assert re.search(r"\d+\.\d", said)


@pytest.mark.browser
def test_the_benchmark_of_the_compare_page_runs(smallest: dict[str, str], tmp_path: Path) -> None:
    run("page", tmp_path, smallest)
    assert (tmp_path / "build" / "bench" / "page.json").exists()
