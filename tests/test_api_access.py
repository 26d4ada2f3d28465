"""Who may do what: one table of every URL of the API, checked against what the server answers."""

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from annotation.imports.jobs import request_import
from annotation.models import Flag, Image, Membership, Outcome, Project, Prompt, Role, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.examples import add_example
from annotation.services.members import create_invitation
from annotation.services.projects import create_project
from annotation.services.webhooks import create_webhook, send_test
from annotation.tokens import create_token
from rating.exports.jobs import request_export, run_export
from rating.services import recompute
from tests.api import as_user, in_browser_of, send, url
from tests.conftest import membership, picture

pytestmark = pytest.mark.django_db

ROLES = ("anonymous", "stranger", "annotator", "reviewer", "manager")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# What each role is answered, in the order of ROLES, when the request is a good one. What a line does
# not name is not there: 401 for the anonymous, 405 for everybody else.
TABLE = """
api-token             POST    200 200 200 200 200
api-tokens            GET     401 200 200 200 200
api-token-end         DELETE  401 404 404 404 204
api-projects          GET     401 200 200 200 200
api-projects          POST    401 403 403 403 201
api-project           GET     401 404 200 200 200
api-project           PATCH   401 404 403 403 200
api-project           DELETE  401 404 403 403 204
api-members           GET     401 404 403 403 200
api-members           POST    401 404 403 403 201
api-member            PATCH   401 404 403 403 200
api-member            DELETE  401 404 403 403 204
api-invitations       GET     401 404 403 403 200
api-invitations       POST    401 404 403 403 201
api-invitation        DELETE  401 404 403 403 204
api-images            GET     401 404 403 403 200
api-images            POST    401 404 403 403 201
api-image             GET     401 404 403 403 200
api-image             PATCH   401 404 403 403 200
api-image             DELETE  401 404 403 403 204
api-images-bulk       POST    401 404 403 403 200
api-duplicates        GET     401 404 403 403 200
api-prompts           GET     401 404 403 403 200
api-prompt            PATCH   401 404 403 403 200
api-examples          GET     401 404 403 403 200
api-examples          POST    401 404 403 403 201
api-example           PATCH   401 404 403 403 200
api-example           DELETE  401 404 403 403 204
api-imports           GET     401 404 403 403 200
api-imports           POST    401 404 403 403 202
api-import            GET     401 404 403 403 200
api-import-refusals   GET     401 404 403 403 200
api-assignments       POST    401 404 201 201 201
api-comparisons       POST    401 404 201 404 404
api-comparison        DELETE  401 404 204 403 204
api-log               GET     401 404 403 200 200
api-history           GET     401 404 200 200 200
api-ratings           GET     401 404 403 200 200
api-probabilities     GET     401 404 403 400 400
api-runs              GET     401 404 403 403 200
api-recompute         POST    401 404 403 403 202
api-progress          GET     401 404 403 200 200
api-accuracy          GET     401 404 403 200 200
api-agreement         GET     401 404 403 200 200
api-annotators        GET     401 404 403 200 200
api-annotator         PATCH   401 404 403 403 200
api-flags             GET     401 404 403 200 200
api-flag              PATCH   401 404 403 403 200
api-decisions         GET     401 404 403 200 200
api-exports           GET     401 404 403 403 200
api-exports           POST    401 404 403 403 202
api-export            GET     401 404 403 403 200
api-export-download   GET     401 404 403 403 200
api-export-stream     GET     401 404 403 403 200
api-export-card       GET     401 404 403 403 200
api-export-push       GET     401 404 403 403 200
api-export-push       POST    401 404 403 403 202
api-webhooks          GET     401 404 403 403 200
api-webhooks          POST    401 404 403 403 201
api-webhook           GET     401 404 403 403 200
api-webhook           PATCH   401 404 403 403 200
api-webhook           DELETE  401 404 403 403 204
api-webhook-test      POST    401 404 403 403 202
api-deliveries        GET     401 404 403 403 200
api-redeliver         POST    401 404 403 403 202
api-client            GET     200 200 200 200 200
api-schema            GET     401 200 200 200 200
api-docs              GET     302 302 302 302 302
"""
# The page of the documentation is for people: it asks for a login, and takes no token.
PAGES = {"api-docs"}
NO_CREDENTIALS_NEEDED = {"api-token", "api-client"}
# What everybody has, who has an account.
OF_NO_PROJECT = {*PAGES, *NO_CREDENTIALS_NEEDED, "api-projects", "api-tokens", "api-schema"}


def expected() -> dict[tuple[str, str], tuple[int, ...]]:
    table = {}
    for line in TABLE.strip().splitlines():
        name, method, *statuses = line.split()
        table[name, method] = tuple(int(status) for status in statuses)
        if method == "GET":
            table[name, "HEAD"] = table[name, method]
    for name, _ in list(table):
        for method in METHODS:
            anonymous = 302 if name in PAGES else 405 if name in NO_CREDENTIALS_NEEDED else 401
            others = 302 if name in PAGES else 405
            table.setdefault((name, method), (anonymous, others, others, others, others))
    return table


def zipped(*pictures: bytes) -> SimpleUploadedFile:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for n, one in enumerate(pictures):
            archive.writestr(f"{n}.png", one)
    return SimpleUploadedFile("pictures.zip", content.getvalue())


def api_urls(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every URL under /api/, as the resolver has it: its route and its name."""
    for pattern in patterns or get_resolver().url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from api_urls(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith("api/"):
            yield route, pattern.name or ""


class World:
    """A project in which every noun of the API has one, all of it another person's than the asker's."""

    def __init__(self, project: Project, images: list[Image], people: dict[str, User]) -> None:
        self.project, self.people = project, people
        bob = people["annotator"]
        first, second = open_assignments(membership(project, bob), 2).assignments
        self.assignment = second
        self.comparison, _ = record_comparison(bob, first.id, Outcome.LEFT)
        recompute(project.id)
        self.export = request_export(project, people["manager"], "rankings", {})
        run_export(self.export.id)
        self.job = request_import(
            project, people["manager"], "zip", {}, {"file": zipped(picture(80))}
        )
        self.invitation, _ = create_invitation(project, people["manager"], Role.ANNOTATOR)
        used = {first.left_id, first.right_id, second.left_id, second.right_id}
        self.unused = next(image for image in images if image.id not in used)
        self.prompt = Prompt.objects.create(project=project, text="a cat")
        manager = people["manager"]
        self.token, _ = create_token(manager)
        self.webhook, _ = create_webhook(project, manager, "https://hooks.example.org/")
        self.delivery = send_test(self.webhook)
        bob = people["annotator"]
        self.flag = Flag.objects.create(
            project=project, annotator=bob, signal="speed", level="warn", summary="Fast."
        )
        self.pair = {"better": str(first.left_id), "worse": str(first.right_id)}
        self.example = add_example(
            project, project.criteria.get(), better=first.left_id, worse=first.right_id
        )
        self.newcomer = User.objects.create(username="erin")

    def url(self, name: str) -> str:
        nested = {"project_id": self.project.id}
        ids: dict[str, dict[str, Any]] = {
            "member": {**nested, "user_id": self.people["reviewer"].id},
            "annotator": {**nested, "user_id": self.people["annotator"].id},
            "flag": {**nested, "flag_id": self.flag.id},
            "invitation": {**nested, "invitation_id": self.invitation.id},
            "prompt": {**nested, "prompt_id": self.prompt.id},
            "image": {"image_id": self.unused.id},
            "example": {"example_id": self.example.id},
            "import": {"import_id": self.job.id},
            "import-refusals": {"import_id": self.job.id},
            "comparison": {"comparison_id": self.comparison.id},
            "export": {"export_id": self.export.id},
            "export-download": {"export_id": self.export.id},
            "export-card": {"export_id": self.export.id},
            "export-push": {"export_id": self.export.id},
            "token-end": {"token_id": self.token.id},
            "webhook": {"webhook_id": self.webhook.id},
            "webhook-test": {"webhook_id": self.webhook.id},
            "deliveries": {"webhook_id": self.webhook.id},
            "redeliver": {"webhook_id": self.webhook.id, "delivery_id": self.delivery.id},
        }
        top = {"token", "tokens", "projects", "comparisons", "client", "schema", "docs"}
        name = name.removeprefix("api-")
        return url(name, **({} if name in top else ids.get(name, nested)))

    def body(self, name: str, method: str) -> Any:
        bodies: dict[tuple[str, str], Any] = {
            ("api-token", "POST"): {
                "username": "alice",
                "password": "correct horse battery staple",
            },
            ("api-projects", "POST"): {"name": "Moons"},
            ("api-project", "PATCH"): {"name": "Moons"},
            ("api-members", "POST"): {"username": "erin", "role": "annotator"},
            ("api-member", "PATCH"): {"role": "annotator"},
            ("api-invitations", "POST"): {"role": "annotator"},
            ("api-images", "POST"): {"file": SimpleUploadedFile("a.png", picture(90))},
            ("api-imports", "POST"): {"source": "zip", "file": zipped(picture(91))},
            ("api-image", "PATCH"): {"name": "b.png"},
            ("api-examples", "POST"): self.pair,
            ("api-example", "PATCH"): {"practice": True},
            ("api-images-bulk", "POST"): {"images": [str(self.unused.id)], "excluded": True},
            ("api-prompt", "PATCH"): {"text": "a dog"},
            ("api-comparisons", "POST"): {
                "assignment": str(self.assignment.id),
                "outcome": "left",
            },
            ("api-annotator", "PATCH"): {"set_aside": True},
            ("api-flag", "PATCH"): {"dismissed": True},
            ("api-exports", "POST"): {"format": "rankings"},
            ("api-export-push", "POST"): {"repository": "our-team/cats"},
            ("api-webhooks", "POST"): {"url": "https://hooks.example.org/b"},
            ("api-webhook", "PATCH"): {"active": False},
        }
        return bodies.get((name, method))


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


def clients_of(people: dict[str, User]) -> dict[str, APIClient]:
    return {"anonymous": APIClient(), **{role: as_user(user) for role, user in people.items()}}


def status_of(client: APIClient, method: str, where: str, body: Any, name: str) -> int:
    """The status; whatever the request did is undone."""
    with transaction.atomic():
        multipart = name in ("api-images", "api-imports") and method == "POST"
        if body is None:
            answer = client.generic(method, where)
        else:
            send = getattr(client, method.lower())
            answer = send(where, body, format="multipart" if multipart else "json")
        transaction.set_rollback(True)
    if answer.streaming:
        answer.getvalue()
    return int(answer.status_code)


def test_every_url_of_the_api_is_in_the_table():
    named = {name for name, _ in expected()}
    assert {name for _, name in api_urls()} == named


def test_every_url_answers_every_role_as_the_table_says(
    world: World, people: dict[str, User]
) -> None:
    clients = clients_of(people)
    wrong = {}
    for (name, method), statuses in expected().items():
        seen = tuple(
            status_of(clients[role], method, world.url(name), world.body(name, method), name)
            for role in ROLES
        )
        if seen != statuses:
            wrong[name, method] = seen
    assert not wrong


def test_unsafe_methods_are_authorised_before_their_body_is_read(
    world: World, people: dict[str, User]
) -> None:
    """A3: nonsense is refused for who sends it, not for what it is."""
    clients = clients_of(people)
    for (name, method), statuses in expected().items():
        if method not in ("POST", "PATCH", "DELETE") or name in ("api-token", "api-comparisons"):
            continue
        for role, status in zip(ROLES, statuses, strict=True):
            if status < 400:
                continue
            for content, kind in ((b"{", "application/json"), (b"x", "text/plain")):
                answer = send(clients[role], method, world.url(name), content, kind)
                assert answer.status_code == status, (name, method, role)


def test_a_superuser_has_no_short_cut(world: World, dave: User) -> None:
    dave.is_staff = dave.is_superuser = True
    dave.save()
    client = as_user(dave)
    for name, method in expected():
        if name in OF_NO_PROJECT:
            continue
        status = status_of(client, method, world.url(name), world.body(name, method), name)
        assert status in (404, 405), (name, method)


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
    """A10: what a body holds beyond the contract changes nothing."""
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
    answer = {**extra, "assignment": str(world.assignment.id), "outcome": "tie"}
    recorded = bob.post(url("comparisons"), answer).json()
    history = bob.get(url("history", project_id=world.project.id)).json()
    assert recorded["id"] == history["results"][0]["id"] != extra["id"]
    assert not recorded["created_at"].startswith("2001")
    changed = as_user(alice).patch(url("project", project_id=world.project.id), extra)
    assert changed.status_code == 200
    world.project.refresh_from_db()
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
    for name, method in expected():
        if (
            method in ("POST", "PATCH", "PUT", "DELETE")
            and name not in PAGES | NO_CREDENTIALS_NEEDED
        ):
            status = status_of(browser, method, world.url(name), world.body(name, method), name)
            assert status == 403, (name, method)
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
