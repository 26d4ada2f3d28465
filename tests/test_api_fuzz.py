"""Every operation of the API, sent what its OpenAPI document allows, and what it does not.

schemathesis makes the requests, the same ones each time, and checks each answer: no failure of ours, and
its status, content type and body are documented. What a request did is undone before the next.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from annotation.models import Image, Project, User
from tests.access import World
from tests.api import as_user, key_of

pytestmark = pytest.mark.django_db

EXAMPLES = 12
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SERVER = WSGIHandler()


def served(environ: dict[str, Any], start_response: Any) -> Any:
    """As a server does it, which knows where a request comes from."""
    return SERVER({"REMOTE_ADDR": "127.0.0.1", **environ}, start_response)


DOCUMENT = schemathesis.openapi.from_dict(
    json.loads((Path(__file__).resolve().parent.parent / "docs" / "openapi.json").read_text())
)
DOCUMENT.app = served
OPERATIONS = [found.ok() for found in DOCUMENT.get_all_operations() if isinstance(found, Ok)]


@pytest.fixture
def _kept_connection() -> Iterator[None]:
    """A request's end gives its connection back, and with it this test's transaction."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


@pytest.fixture
def world(
    _kept_connection: None,
    project: Project,
    add_images: Callable[..., list[Image]],
    alice: User,
    rita: User,
    bob: User,
    dave: User,
    settings: Any,
) -> World:
    settings.WEBHOOK_TARGETS = ["hooks.example.org"]
    # Where passwords are sent, many are: they are checked fast, and none is one too many.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ACCOUNT_RATE_LIMITS = {"login": "10000/m/ip", "login_failed": "10000/m/ip"}
    people = {"manager": alice, "reviewer": rita, "annotator": bob, "stranger": dave}
    return World(project, add_images(6), people)


def ids_of(world: World) -> dict[str, str]:
    """What the parameters of paths may be, so that requests arrive at something."""
    return {
        "project_id": str(world.project.id),
        "image_id": str(world.unused.id),
        "comparison_id": str(world.comparison.id),
        "example_id": str(world.example.id),
        "export_id": str(world.export.id),
        "flag_id": str(world.flag.id),
        "invitation_id": str(world.invitation.id),
        "user_id": str(world.people["annotator"].id),
        "token_id": str(world.token.id),
        "webhook_id": str(world.webhook.id),
        "delivery_id": str(world.delivery.id),
        "import_id": str(world.job.id),
        "prompt_id": str(world.prompt.id),
    }


def test_every_answer_is_as_documented(
    world: World, alice: User, subtests: pytest.Subtests
) -> None:
    headers = {"Authorization": f"Token {key_of(as_user(alice))}"}
    known = ids_of(world)
    for operation in OPERATIONS:
        with subtests.test(operation.label):
            path = {
                parameter.name: known[parameter.name] for parameter in operation.path_parameters
            }
            fuzz(operation, path, headers)


def fuzz(operation: Any, path: dict[str, str], headers: dict[str, str]) -> None:
    """Requests as they are documented arrive at what is there; the others may go anywhere."""
    allowed = operation.as_strategy(GenerationMode.POSITIVE, path_parameters=path)
    not_allowed = operation.as_strategy(GenerationMode.NEGATIVE)

    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(allowed | not_allowed)
    def check(case: Any) -> None:
        with transaction.atomic():
            case.call_and_validate(checks=CHECKS, headers=headers)
            transaction.set_rollback(True)

    check()
