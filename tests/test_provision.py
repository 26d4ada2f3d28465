"""The suite runs where it was told to run, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from tests.servers import ROOT, new_database, postgres, postgres_answers, valkey, valkey_answers
from tests.waiting import eventually

EMBEDDED = bool(os.environ.get("TEST_EMBEDDED"))


@pytest.mark.django_db
def test_the_suite_runs_on_the_database_that_was_asked_for():
    assert settings.EMBEDDED is EMBEDDED
    assert connection.vendor == ("sqlite" if EMBEDDED else "postgresql")


@pytest.mark.django_db
def test_the_embedded_database_is_a_file_as_in_real_life():
    if EMBEDDED:
        assert Path(connection.settings_dict["NAME"]).parent == settings.DATA_DIR


def test_no_test_writes_to_the_data_of_the_person_who_runs_it():
    assert not settings.DATA_DIR.is_relative_to(ROOT)


def test_a_private_postgres_survives_a_crash_of_its_own_and_is_gone_afterwards():
    with postgres(durable=True) as server:
        url = new_database(server.url, "kept")
        server.stop(signal.SIGQUIT)
        assert not postgres_answers(url)
        server.start()
        assert postgres_answers(url)
    assert not server.directory.exists()


def test_servers_stop_and_their_directories_go_when_their_owner_is_killed():
    program = """
import tests.servers as s, time
with s.postgres() as p, s.valkey() as v:
    print(p.url, p.directory, v.directory, p.process.pid, flush=True)
    time.sleep(60)
"""
    owner = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout
    url, *directories, pid = owner.stdout.readline().split()
    assert postgres_answers(url)
    owner.kill()
    owner.communicate()
    eventually(lambda: not any(Path(directory).exists() for directory in directories))
    assert not postgres_answers(url)
    assert not Path(f"/proc/{pid}").exists()


def test_a_private_valkey_answers_and_takes_options():
    with valkey("--appendonly", "yes") as server:
        assert valkey_answers(server.directory / "socket")
        assert (server.directory / "appendonlydir").is_dir()
