"""Every URL with every method, asked by everybody: what is asked, and what each asker is answered."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.db.models.functions import Now
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework.test import APIClient

from annotation.imports.jobs import request_import
from annotation.models import Flag, Image, Membership, Outcome, Project, Prompt, Role, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.examples import add_example
from annotation.services.members import create_invitation
from annotation.services.webhooks import create_webhook, send_test
from annotation.tokens import create_token
from rating.exports.jobs import path_of, request_export, run_export
from rating.services import recompute
from tests.api import as_user
from tests.conftest import membership, picture

# By the table's columns. The last four: a superuser and a person whose membership has ended, who are in no
# project; an annotator whose account was deactivated while they were logged in; one who was suspended.
ASKERS = (
    *("anonymous", "stranger", "annotator", "reviewer", "manager"),
    *("superuser", "removed", "deactivated", "suspended"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
TABLE = Path(__file__).with_name("access.txt")
NO_CREDENTIALS_NEEDED = {"api-token", "api-client"}
# The page of the documentation is for people: it asks for a login, and takes no token.
PAGES_OF_API = {"api-docs"}

Statuses = tuple[int, ...]


def urls(patterns: Any = None) -> Iterator[URLPattern]:
    """Every URL that the resolver knows but the admin's, which a test of its own asks."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        elif isinstance(pattern, URLResolver) and pattern.app_name != "admin":
            yield from urls(pattern.url_patterns)


def is_api(name: str) -> bool:
    return name.startswith("api-")


@dataclass(frozen=True)
class Line:
    """What the table says of a method: each asker's status, and the scopes of which a token needs one."""

    statuses: Statuses
    scopes: frozenset[str]


def read_table() -> dict[tuple[str, str], Line]:
    """By the name of the URL and the method; where there is GET, there is HEAD."""
    table: dict[tuple[str, str], Line] = {}
    for text in TABLE.read_text().splitlines():
        if text and not text.startswith("#"):
            name, method, *words = text.split()
            statuses = tuple(map(int, words[: len(ASKERS)]))
            table[name, method] = Line(statuses, frozenset(words[len(ASKERS) :]))
            if method == "GET":
                table[name, "HEAD"] = table[name, method]
    return table


def not_offered(name: str) -> Statuses:
    """What is answered to a method that a URL does not have: 405, to whom the API knows."""
    if not is_api(name) or name in NO_CREDENTIALS_NEEDED:
        return (405,) * len(ASKERS)
    nobody, known = (302, 302) if name in PAGES_OF_API else (401, 405)
    return tuple(nobody if who in ("anonymous", "deactivated") else known for who in ASKERS)


def zipped(*pictures: bytes) -> SimpleUploadedFile:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for n, one in enumerate(pictures):
            archive.writestr(f"{n}.png", one)
    return SimpleUploadedFile("pictures.zip", content.getvalue())


class World:
    """A project in which every noun has one, all of it another person's than the asker's."""

    def __init__(self, project: Project, images: list[Image], people: dict[str, User]) -> None:
        self.project, self.people = project, people
        bob, manager = people["annotator"], people["manager"]
        first, second = open_assignments(membership(project, bob), 2).assignments
        self.assignment = second
        self.comparison, _ = record_comparison(bob, first.id, Outcome.LEFT)
        recompute(project.id)
        self.export = request_export(project, manager, "rankings", {})
        run_export(self.export.id)
        self.job = request_import(project, manager, "zip", {}, {"file": zipped(picture(80))})
        self.invitation, self.invitation_key = create_invitation(project, manager, Role.ANNOTATOR)
        used = {first.left_id, first.right_id, second.left_id, second.right_id}
        self.unused = next(image for image in images if image.id not in used)
        self.prompt = Prompt.objects.create(project=project, text="a cat")
        self.token, _ = create_token(manager)
        self.webhook, _ = create_webhook(project, manager, "https://hooks.example.org/")
        self.delivery = send_test(self.webhook)
        self.flag = Flag.objects.create(
            project=project, annotator=bob, signal="speed", level="warn", summary="Fast."
        )
        self.pair = {"better": str(first.left_id), "worse": str(first.right_id)}
        self.example = add_example(
            project, project.criteria.get(), better=first.left_id, worse=first.right_id
        )
        self.newcomer = User.objects.create(username="erin")
        Membership.objects.filter(project=project).update(introduced_at=Now())
        deleted = (path_of(self.export), settings.UPLOAD_DIR / self.unused.path)
        self.files = {path: path.read_bytes() for path in deleted}

    def url(self, name: str) -> str:
        """The address, with an id for each that it needs."""
        changed = {"api-member", "change_role", "remove_member"}
        ids: dict[str, Any] = {
            "project_id": self.project.id,
            "user_id": self.people["reviewer" if name in changed else "annotator"].id,
            "flag_id": self.flag.id,
            "invitation_id": self.invitation.id,
            "prompt_id": self.prompt.id,
            "image_id": self.unused.id,
            "example_id": self.example.id,
            "import_id": self.job.id,
            "comparison_id": self.comparison.id,
            "export_id": self.export.id,
            "token_id": self.token.id,
            "webhook_id": self.webhook.id,
            "delivery_id": self.delivery.id,
            "token": self.invitation_key,
            "encoded": "unknown",
            "kind": "maskable",
            "size": 192,
        }
        (pattern,) = (one for one in urls() if one.name == name)
        return reverse(name, kwargs={key: ids[key] for key in pattern.pattern.converters})

    def body(self, name: str, method: str) -> Any:
        """What makes it a good request of the API. Forms are sent empty: who asks is looked at first."""
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

    def clients(self) -> dict[str, tuple[Client, APIClient]]:
        """By asker: a browser with their session, and a script with their token."""
        known = {"anonymous": (Client(), APIClient())}
        for who, user in self.people.items():
            browser = Client()
            browser.force_login(user)
            known[who] = (browser, as_user(user))
        if "deactivated" in self.people:
            User.objects.filter(id=self.people["deactivated"].id).update(is_active=False)
        return known

    def status(self, clients: tuple[Client, APIClient], name: str, method: str) -> int:
        """What is answered; whatever the request did is undone."""
        client, body = clients[is_api(name)], self.body(name, method)
        multipart = name in ("api-images", "api-imports") and method == "POST"
        with self.undone(client):
            if body is None:
                answer: Any = client.generic(method, self.url(name))
            else:
                send = getattr(client, method.lower())
                answer = send(self.url(name), body, format="multipart" if multipart else "json")
            if answer.streaming:
                answer.getvalue()
        return int(answer.status_code)

    @contextmanager
    def undone(self, client: Client) -> Iterator[None]:
        """Undo what is done: rows, the files of what is deleted, and the client's cookies (logging out)."""
        cookies = deepcopy(client.cookies)
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
        client.cookies = cookies
        for path, content in self.files.items():
            if not path.exists():
                path.write_bytes(content)


def add_askers(project: Project, people: dict[str, User]) -> dict[str, User]:
    """The cast, and those that the table has besides."""
    for who in ("superuser", "removed", "deactivated", "suspended"):
        people[who] = User.objects.create(username=who)
    User.objects.filter(username="superuser").update(is_staff=True, is_superuser=True)
    for who in ("deactivated", "suspended"):
        Membership.objects.create(project=project, user=people[who], role=Role.ANNOTATOR)
    Membership.objects.filter(user=people["suspended"]).update(paused_at=Now())
    Membership.objects.create(project=project, user=people["removed"], role=Role.MANAGER).delete()
    return people
