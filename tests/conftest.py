"""The cast: alice manages, rita reviews, bob and carol annotate, dave is a stranger to the project."""

from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from typing import Any

import PIL.Image
import pillow_heif
import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations

from annotation import log_guard
from annotation.models import Image, Membership, Project, Role, User
from annotation.services.images import add_image
from annotation.services.projects import create_project

# So that tests can write HEIC; the program only reads it, in a child.
pillow_heif.register_heif_opener()

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True, scope="session")
def _flush_may_empty_the_log() -> Iterator[None]:
    """Between tests the database is emptied, which its guard of the log rightly refuses."""
    original = BaseDatabaseOperations.execute_sql_flush

    def flush(operations: Any, sql_list: list[str]) -> None:
        _set_guard(enabled=False)
        original(operations, sql_list)
        _set_guard(enabled=True)

    patch = pytest.MonkeyPatch()
    patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush)
    yield
    patch.undo()


def _set_guard(*, enabled: bool) -> None:
    if connection.vendor == "postgresql":
        verb = "ENABLE" if enabled else "DISABLE"
        statements = [f"ALTER TABLE annotation_comparison {verb} TRIGGER USER"]
    elif enabled:
        log_guard.install()
        return
    else:
        statements = [
            "DROP TRIGGER IF EXISTS guard_log_update",
            "DROP TRIGGER IF EXISTS guard_log_delete",
        ]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def picture(shade: int = 0, size: tuple[int, int] = (60, 40), format: str = "PNG") -> bytes:
    """The bytes of a small picture; another shade, another picture."""
    content = BytesIO()
    PIL.Image.new("RGB", size, (shade % 256, 80, 160)).save(content, format)
    return content.getvalue()


@cache
def _password_hash() -> str:
    """Made once: a good hash is slow, and each test needs several people."""
    return make_password(PASSWORD)


def _person(name: str) -> User:
    return User.objects.create(username=name, password=_password_hash())


@pytest.fixture
def alice(db: None) -> User:
    return _person("alice")


@pytest.fixture
def bob(db: None) -> User:
    return _person("bob")


@pytest.fixture
def carol(db: None) -> User:
    return _person("carol")


@pytest.fixture
def rita(db: None) -> User:
    return _person("rita")


@pytest.fixture
def dave(db: None) -> User:
    return _person("dave")


@pytest.fixture
def project(alice: User, bob: User, carol: User, rita: User) -> Project:
    """An open project without images."""
    project = create_project(alice, name="Sunsets", state=Project.State.OPEN)
    for user, role in ((rita, Role.REVIEWER), (bob, Role.ANNOTATOR), (carol, Role.ANNOTATOR)):
        Membership.objects.create(project=project, user=user, role=role)
    return project


@pytest.fixture
def add_images(project: Project) -> Callable[..., list[Image]]:
    """`add_images(3, prompt="a cat")`: small pictures with real files, named 0.png, 1.png, …"""

    def add(count: int, *, to: Project = project, **fields: Any) -> list[Image]:
        have = to.images.count()
        return [
            add_image(to, picture(7 * n), name=f"{n}.png", **fields)
            for n in range(have, have + count)
        ]

    return add


@pytest.fixture
def images(add_images: Callable[..., list[Image]]) -> list[Image]:
    return add_images(4)


def membership(project: Project, user: User) -> Membership:
    return Membership.objects.select_related("project", "user").get(project=project, user=user)
