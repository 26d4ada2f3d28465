"""Limits: generous for people and scripts, an end for a flood, and always a time to come back."""

from typing import Any
from uuid import UUID

import pytest

from annotation.api.throttles import Allowances, allowances
from annotation.models import Image, Project, User
from rating.exports.jobs import run_export
from tests.api import as_user, in_browser_of, url


@pytest.fixture(autouse=True)
def _nothing_spent_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowances, "_full_at", {})


def test_an_allowance_is_spent_at_once_and_grows_back_steadily() -> None:
    counted = Allowances()
    assert [counted.wait("a", 60, now=100.0) for _ in range(60)] == [0.0] * 60
    assert counted.wait("a", 60, now=100.0) == pytest.approx(1.0)
    assert counted.wait("b", 60, now=100.0) == 0.0
    assert counted.wait("a", 60, now=101.0) == 0.0
    assert counted.wait("a", 60, now=101.0) == pytest.approx(1.0)
    assert counted.wait("a", 0, now=101.0) == 0.0, "no limit"


def test_counters_that_are_full_again_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotation.api.throttles.MOST_COUNTERS", 10)
    counted = Allowances()
    for n in range(11):
        counted.wait(str(n), 60, now=0.0)
    counted.wait("late", 60, now=1000.0)
    assert list(counted._full_at) == ["late"]


@pytest.mark.django_db
def test_a_flood_of_one_token_is_told_when_to_go_on(
    project: Project, bob: User, settings: Any
) -> None:
    settings.TOKEN_READS_PER_MINUTE = 5
    client = as_user(bob)
    statuses = [client.get(url("projects")).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    refused = client.get(url("projects"))
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert "detail" in refused.json()
    assert as_user(bob).get(url("projects")).status_code == 200, "another token of his"


@pytest.mark.django_db
def test_a_person_has_one_limit_whatever_they_use(
    project: Project, bob: User, carol: User, settings: Any
) -> None:
    settings.PERSON_READS_PER_MINUTE = 4
    clients = [as_user(bob), as_user(bob), in_browser_of(bob)]
    statuses = [client.get(url("projects")).status_code for client in clients * 2]
    assert statuses == [200] * 4 + [429] * 2
    assert as_user(carol).get(url("projects")).status_code == 200


@pytest.mark.django_db
def test_a_flood_of_votes_ends_and_reading_goes_on(
    project: Project, images: list[Image], bob: User, settings: Any
) -> None:
    """A73."""
    settings.TOKEN_WRITES_PER_MINUTE = 3
    client = as_user(bob)
    statuses = [
        client.post(url("assignments", project_id=project.id), {}).status_code for _ in range(4)
    ]
    assert statuses == [201] * 3 + [429]
    assert client.get(url("project", project_id=project.id)).status_code == 200


@pytest.mark.django_db
def test_by_default_a_script_may_do_a_hundred_requests_a_second(settings: Any) -> None:
    for kind in ("READS", "WRITES"):
        assert getattr(settings, f"TOKEN_{kind}_PER_MINUTE") >= 100 * 60
        assert getattr(settings, f"PERSON_{kind}_PER_MINUTE") >= 100 * 60


@pytest.mark.django_db
def test_one_person_cannot_keep_all_workers_with_exports(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A74: whatever is asked for meanwhile, the number of waiting exports is bounded."""
    monkeypatch.setattr("rating.api.exports.MOST_UNFINISHED", 2)
    where = url("exports", project_id=project.id)
    client = as_user(alice)
    answers = [client.post(where, {"format": "rankings"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[-1]["Retry-After"] == "10"
    run_export(UUID(answers[0].json()["id"]))
    assert client.post(where, {"format": "rankings"}).status_code == 202
