"""Attacks on who may do what over the API, beside the table of tests/test_access.py."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from annotation.models import Image, Membership, Project, Role, User
from annotation.services.projects import create_project
from rating.services import recompute
from tests.access import (
    ASKERS,
    NO_CREDENTIALS_NEEDED,
    PAGES_OF_API,
    Line,
    World,
    is_api,
    read_table,
)
from tests.api import as_user, in_browser_of, send, url
from tests.conftest import membership

pytestmark = pytest.mark.django_db

# What everybody has, who has an account.
OF_NO_PROJECT = {*PAGES_OF_API, *NO_CREDENTIALS_NEEDED, "api-projects", "api-tokens", "api-schema"}


def offered() -> Iterator[tuple[str, str, Line]]:
    """Each method that the API has, but HEAD, which is GET."""
    for (name, method), line in read_table().items():
        if is_api(name) and method != "HEAD":
            yield name, method, line


@pytest.fixture(autouse=True)
def _hub_switched_on(settings: Any) -> None:
    settings.HUB_ENABLED = True


@pytest.fixture
def people(alice: User, rita: User, bob: User, dave: User) -> dict[str, User]:
    return {"manager": alice, "reviewer": rita, "annotator": bob, "stranger": dave}


@pytest.fixture
def world(
    project: Project,
    add_images: Callable[..., list[Image]],
    people: dict[str, User],
    settings: Any,
) -> World:
    settings.WEBHOOK_TARGETS = ["hooks.example.org"]
    return World(project, add_images(6), people)


def test_unsafe_methods_are_authorised_before_their_body_is_read(world: World) -> None:
    """A3: nonsense is refused for who sends it, not for what it is."""
    clients = world.clients()
    for name, method, line in offered():
        if method == "GET" or name in ("api-token", "api-comparisons"):
            continue
        for role, status in zip(ASKERS, line.statuses, strict=True):
            if role not in clients or status < 400:
                continue
            for content, kind in ((b"{", "application/json"), (b"x", "text/plain")):
                answer = send(clients[role][True], method, world.url(name), content, kind)
                assert answer.status_code == status, (name, method, role)


def test_a_superuser_has_no_short_cut(world: World, dave: User) -> None:
    dave.is_staff = dave.is_superuser = True
    dave.save()
    client = as_user(dave)
    for name, method, _ in offered():
        if name not in OF_NO_PROJECT:
            assert world.status((client, client), name, method) == 404, (name, method)


def test_what_is_in_another_project_is_not_there_by_way_of_ones_own(
    world: World, dave: User
) -> None:
    """A4: dave manages a project; no id of the other one works below his."""
    own = create_project(dave, name="Dave's")
    client = as_user(dave)
    alice, invitation = world.people["manager"], world.invitation
    member = url("member", project_id=own.id, user_id=alice.id)
    assert client.patch(member, {"role": "annotator"}).status_code == 404
    assert client.delete(member).status_code == 404
    theirs = url("invitation", project_id=own.id, invitation_id=invitation.id)
    assert client.delete(theirs).status_code == 404
    invitation.refresh_from_db()
    assert invitation.revoked_at is None
    run = recompute(world.project.id)
    assert run is not None
    ratings = url("ratings", project_id=own.id)
    assert client.get(ratings, {"run": str(run.id)}).status_code == 404
    log = url("log", project_id=own.id)
    assert client.get(log, {"annotator": str(world.people["annotator"].id)}).json()["results"] == []


def test_ids_of_others_in_a_body_are_unknown(world: World, dave: User, carol: User) -> None:
    """A5, A6: an assignment is answered by the person it was given to, and by nobody else."""
    answer = {"assignment": str(world.assignment.id), "outcome": "left"}
    unknown = {"assignment": str(uuid4()), "outcome": "left"}
    create_project(dave, name="Dave's")
    for user in (dave, carol, world.people["manager"]):
        refused = as_user(user).post(url("comparisons"), answer)
        assert refused.status_code == 404
        assert refused.json() == as_user(user).post(url("comparisons"), unknown).json()


def test_fields_that_are_not_offered_cannot_be_set(world: World, alice: User) -> None:
    """A10: a body that holds more than the contract is refused, and nothing of it is done."""
    extra = {
        "id": str(uuid4()),
        "is_staff": True,
        "is_superuser": True,
        "user": str(world.people["stranger"].id),
        "project": str(uuid4()),
        "revision": 1000,
        "pseudonym_key": "00",
        "created_at": "2001-01-01T00:00:00Z",
        "deleted_at": "2001-01-01T00:00:00Z",
        "annotator": str(alice.id),
        "weight": 9,
        "role": "manager",
    }
    bob = as_user(world.people["annotator"])
    log = world.project.comparisons.count()
    answer = {"assignment": str(world.assignment.id), "outcome": "tie"}
    where = url("project", project_id=world.project.id)
    for name, value in extra.items():
        refused = bob.post(url("comparisons"), {**answer, name: value})
        assert (refused.status_code, list(refused.json())) == (400, [name])
        refused = as_user(alice).patch(where, {"name": "Other", name: value})
        assert (refused.status_code, list(refused.json())) == (400, [name])
    assert world.project.comparisons.count() == log
    world.project.refresh_from_db()
    assert world.project.name == "Sunsets"
    assert (world.project.deleted_at, world.project.revision < 1000) == (None, True)
    assert world.project.created_at.year > 2001
    assert len(world.project.pseudonym_key) == 64
    bob_user = User.objects.get(username="bob")
    assert (bob_user.is_staff, membership(world.project, bob_user).role) == (False, "annotator")


def test_a_deactivated_person_is_nobody_at_once(world: World, bob: User) -> None:
    """A13: the token and the session of before are refused."""
    by_token, by_session = as_user(bob), in_browser_of(bob)
    where = url("project", project_id=world.project.id)
    assert by_token.get(where).status_code == by_session.get(where).status_code == 200
    bob.is_active = False
    bob.save()
    assert by_token.get(where).status_code == by_session.get(where).status_code == 401
    login = {"username": "bob", "password": "correct horse battery staple"}
    assert APIClient().post(url("token"), login).status_code == 400


def test_a_removed_member_cannot_go_on(world: World, bob: User, alice: User) -> None:
    """A14: not even with what is on their screen."""
    client = as_user(bob)
    member = url("member", project_id=world.project.id, user_id=bob.id)
    assert as_user(alice).delete(member).status_code == 204
    answer = {"assignment": str(world.assignment.id), "outcome": "left"}
    assert client.post(url("comparisons"), answer).status_code == 404
    undo = url("comparison", comparison_id=world.comparison.id)
    assert client.delete(undo).status_code == 404
    assert client.get(url("history", project_id=world.project.id)).status_code == 404


def test_a_deleted_project_is_gone_for_everybody(world: World, alice: User) -> None:
    where = url("project", project_id=world.project.id)
    client = as_user(alice)
    assert client.delete(where).status_code == 204
    assert client.delete(where).status_code == 404
    assert client.get(url("export", export_id=world.export.id)).status_code == 404
    assert client.get(url("image", image_id=world.unused.id)).status_code == 404
    assert client.get(url("projects")).json()["results"] == []


def test_a_session_may_read_but_writes_only_with_the_csrf_token(world: World, bob: User) -> None:
    """A27: a foreign page can have the browser send the cookie, but not the header."""
    browser = in_browser_of(bob)
    assert browser.get(url("project", project_id=world.project.id)).status_code == 200
    answer = {"assignment": str(world.assignment.id), "outcome": "left"}
    for name, method, _ in offered():
        if method != "GET" and name not in NO_CREDENTIALS_NEEDED:
            assert world.status((browser, browser), name, method) == 403, (name, method)
    browser.cookies["csrftoken"] = token = "a" * 32
    header: dict[str, Any] = {"HTTP_X_CSRFTOKEN": token}
    foreign = browser.post(url("comparisons"), answer, HTTP_ORIGIN="https://evil.example", **header)
    assert foreign.status_code == 403
    assert browser.post(url("comparisons"), answer, **header).status_code == 201


def test_whoever_manages_a_project_or_has_the_permission_may_create_one(
    project: Project, alice: User, bob: User
) -> None:
    assert as_user(bob).post(url("projects"), {"name": "B"}).status_code == 403
    Membership.objects.filter(user=bob).update(role=Role.MANAGER)
    made = as_user(bob).post(url("projects"), {"name": "B"})
    assert (made.status_code, made.json()["role"]) == (201, "manager")
