"""From a vote to a fresh ranking page, as people see it: the API, the broker, a real worker, the page."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.project import fill, servers
from bench.size import sized

SIZES = sized([(1_000, 10_000), (10_000, 200_000)], [(1_000, 10_000)], [(60, 200)])
VOTES = sized(8, 3, 1)
DEADLINE = 120.0


def fresh_table() -> list[dict[str, Any]]:
    """Seconds from sending a vote until the ranking page shows a run that has read it; median and worst."""
    rows = []
    print("\nfrom a vote to a fresh ranking page (web in this process, one Celery worker)")
    print(
        f"{'images':>8}{'votes':>10}{'median s':>10}{'worst s':>10}{'recompute s':>13}{'page s':>8}"
    )
    with servers():
        for images, votes in SIZES:
            row = _measure(images, votes)
            rows.append(row)
            print(
                f"{images:>8,}{votes:>10,}{row['median_s']:>10.2f}{row['worst_s']:>10.2f}"
                f"{row['recompute_s']:>13.2f}{row['page_s']:>8.2f}",
                flush=True,
            )
    return rows


def _measure(images: int, votes: int) -> dict[str, Any]:
    from django.test import Client

    from rating.selectors import latest_run

    project = fill(f"fresh, {images} images", images, votes, seed=images)
    client = Client()
    client.force_login(project.memberships.get().user)
    worker = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "config",
            "worker",
            "-P",
            "threads",
            "-c",
            "2",
            "-l",
            "error",
        ],
        cwd=Path(__file__).resolve().parent.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        # The first vote finds the worker starting, its numerics not compiled, and no run at all.
        _vote_until_fresh(client, project)
        measured = [_vote_until_fresh(client, project) for _ in range(VOTES)]
    finally:
        worker.terminate()
        worker.wait(30)
    seconds, pages = zip(*measured, strict=True)
    run = latest_run(project.id)
    assert run is not None
    return {
        "images": images,
        "votes": votes,
        "median_s": sorted(seconds)[len(seconds) // 2],
        "worst_s": max(seconds),
        "recompute_s": run.seconds,
        "page_s": sorted(pages)[len(pages) // 2],
        "method": run.method,
    }


def _vote_until_fresh(client: Any, project: Any) -> tuple[float, float]:
    """(seconds until the page shows a run that has read the vote, seconds that this page took)."""
    from annotation.models import Project
    from rating.selectors import latest_run

    asked = client.post(
        f"/api/v1/projects/{project.id}/assignments/", {"count": 1}, content_type="application/json"
    )
    assignment = asked.json()["results"][0]["id"]
    answer = {"assignment": assignment, "outcome": "left", "duration_ms": 900}
    started = time.perf_counter()
    said = client.post("/api/v1/comparisons/", answer, content_type="application/json")
    assert said.status_code == 201, said.content
    revision = Project.objects.values_list("revision", flat=True).get(id=project.id)
    shown = ""
    while True:
        # As the open page asks, and then a load of the whole page, for those who come now.
        url = f"/projects/{project.id}/ranking/"
        client.get(url, {"shown": shown}, headers={"HX-Request": "true"})
        run = latest_run(project.id)
        shown = str(run.id) if run else ""
        if run is not None and run.revision >= revision:
            asked_at = time.perf_counter()
            page = client.get(url)
            assert page.status_code == 200
            assert shown.encode() in page.content
            now = time.perf_counter()
            return now - started, now - asked_at
        assert time.perf_counter() - started < DEADLINE, "the ranking was not renewed"
        time.sleep(0.2)


if __name__ == "__main__":
    fresh_table()
