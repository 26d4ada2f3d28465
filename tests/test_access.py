"""A1: who may do what. The server answers as tests/access.txt says, for every URL that the resolver knows."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse

from annotation.models import Image, Project, Scope, User
from tests.access import (
    ASKERS,
    METHODS,
    NO_CREDENTIALS_NEEDED,
    PAGES_OF_API,
    World,
    add_askers,
    is_api,
    not_offered,
    read_table,
    urls,
)
from tests.api import as_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(
    project: Project,
    add_images: Callable[..., list[Image]],
    alice: User,
    rita: User,
    bob: User,
    dave: User,
    settings: Any,
) -> World:
    settings.WEBHOOK_TARGETS = ["hooks.example.org"]
    settings.HUB_ENABLED = True
    people = {"manager": alice, "reviewer": rita, "annotator": bob, "stranger": dave}
    return World(project, add_images(6), add_askers(project, people))


def test_every_url_is_in_the_table() -> None:
    """A URL that is new fails here: decide who may ask it."""
    assert {name for name, _ in read_table()} == {pattern.name for pattern in urls()}


def test_every_url_answers_every_asker_as_the_table_says(world: World) -> None:
    table, clients = read_table(), world.clients()
    wrong = []
    for name in sorted({name for name, _ in table}):
        for method in METHODS:
            line = table.get((name, method))
            expected = line.statuses if line else not_offered(name)
            got = tuple(world.status(clients[who], name, method) for who in ASKERS)
            if got != expected:
                wrong.append(f"{name:24}{method:8}{' '.join(map(str, got))}")
    assert not wrong, "\n".join(wrong)


def test_a_token_opens_what_its_scope_is_for_and_nothing_else(world: World) -> None:
    """Asked by the manager, who may do all of it: what the scope does not open is 403."""
    wrong = []
    clients = {
        scope: as_user(world.people["manager"], {"scopes": [scope]}) for scope in Scope.values
    }
    for (name, method), line in read_table().items():
        if not is_api(name) or name in NO_CREDENTIALS_NEEDED | PAGES_OF_API or method == "HEAD":
            continue
        for scope, client in clients.items():
            got = world.status((client, client), name, method)
            if (got != 403) != (scope in line.scopes):
                wrong.append((name, method, scope, got))
    assert not wrong


def test_the_admin_is_closed_to_whoever_is_not_of_the_staff(world: World) -> None:
    clients = world.clients()
    addresses = [
        reverse("admin:index"),
        *(
            reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}")
            for model in admin.site._registry
            for page in ("changelist", "add")
        ),
    ]
    for who in ASKERS:
        browser, _ = clients[who]
        for where in addresses:
            if who != "superuser":
                assert browser.get(where).status_code == 302, (who, where)
                assert browser.post(where).status_code == 302, (who, where)
    assert clients["superuser"][0].get(addresses[0]).status_code == 200
