"""A power loss on the embedded database: what was acknowledged is on disk."""

import os
import shutil
import sqlite3
import sys
from pathlib import Path

import httpx
import pytest

from tests.syncs import Syncs
from tests.test_faults import set_up, web
from tests.test_supervisor import free_port

pytestmark = [
    pytest.mark.own_servers,
    pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for each sync"),
]
VOTES = 8


def test_no_acknowledged_vote_is_lost_with_what_was_not_yet_synced(tmp_path: Path) -> None:
    """The write-ahead log is cut to what it was at its last sync, as the disk has it after a power loss."""
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environ |= {
        "DATA_DIR": str(tmp_path),
        "STATIC_ROOT": str(tmp_path / "static"),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "SECRET_KEY": "",
    }
    made = set_up(environ)
    database, log = tmp_path / "pairwright.sqlite3", tmp_path / "pairwright.sqlite3-wal"
    # The worker has it open, too; when the last one closes it, everything is synced.
    worker = sqlite3.connect(database)
    with Syncs() as syncs:
        worker.execute("SELECT COUNT(*) FROM annotation_comparison").fetchone()
        with web(environ, port, tmp_path / "web.log", workers=1, preexec=syncs.report):
            acknowledged = vote(f"http://127.0.0.1:{port}", made["project"], made["tokens"][0])
        after = shutil.copytree(
            tmp_path, tmp_path / "after", ignore=shutil.ignore_patterns("static")
        )
        worker.close()
    os.truncate(after / log.name, syncs.length(log))
    with sqlite3.connect(after / database.name) as connection:
        rows = connection.execute("SELECT assignment_id FROM annotation_comparison").fetchall()
    assert sorted(row[0] for row in rows) == sorted(acknowledged)


def vote(url: str, project: str, token: str) -> list[str]:
    """The assignments whose comparisons were acknowledged, the last one just now."""
    acknowledged = []
    headers = {"Authorization": f"Token {token}"}
    with httpx.Client(base_url=f"{url}/api/v1/", headers=headers, timeout=60) as client:
        for _ in range(VOTES):
            opened = client.post(f"projects/{project}/assignments/", json={"count": 1})
            vote = {"assignment": opened.json()["results"][0]["id"], "outcome": "left"}
            assert client.post("comparisons/", json=vote).status_code == 201
            acknowledged.append(vote["assignment"].replace("-", ""))
    return acknowledged
