"""Lists in pages: walked while rows change, each row that stays is there once, and the list ends."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from django.db import models, transaction
from django.db.models import ProtectedError
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings

from annotation.models import (
    Comparison,
    Decision,
    Delivery,
    Example,
    Flag,
    Image,
    Import,
    ImportRefusal,
    Invitation,
    Membership,
    Outcome,
    Project,
    Prompt,
    Role,
    Token,
    User,
    Webhook,
)
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.images import add_image
from annotation.services.members import create_invitation
from annotation.services.projects import create_project
from annotation.tokens import create_token
from annotation.views.page import Cut
from rating.models import Export, HubPush, RatingRun
from rating.services import recompute
from tests.api import as_user, operations, url
from tests.conftest import membership, picture
from tests.pages import logged_in

pytestmark = pytest.mark.django_db

ROWS = 5
numbers = count()


@dataclass(frozen=True)
class Listed:
    """One list: where it is, what one of its results is called, its rows, and how another comes to it."""

    where: Callable[["World"], str]
    rows: Callable[["World"], Any]
    add: Callable[["World", int], Any] | None = None
    key: Callable[[Any], Any] = lambda result: result["id"]
    page: str = ""  # of a page, what its template calls the list


class World:
    """A project whose every list has some rows."""

    def __init__(self, project: Project, people: list[User]) -> None:
        self.project, self.people = project, people
        self.alice = people[0]
        self.criterion = project.criteria.get()
        self.webhook = Webhook.objects.create(
            project=project, created_by=self.alice, url="https://hooks.example.org/"
        )
        self.job = Import.objects.create(project=project, source="zip", created_by=self.alice)
        self.images = [self.image(n) for n in range(4)]
        self.judge()
        recompute(project.id)
        self.export = self.exported(0)
        for name, listed in LISTS.items():
            for n in range(ROWS - len(listed.rows(self)) if listed.add else 0):
                listed.add(self, n)
            rows = listed.rows(self)
            assert len(rows) > 2, name
            self.even(rows)

    def even(self, rows: Any) -> None:
        """Give some rows one time, a whole second, which has no fraction to write."""
        model = getattr(rows, "model", None)
        if model and model is not Comparison and hasattr(model, "created_at"):
            then = timezone.now().replace(microsecond=0) - timedelta(hours=1)
            some = [row.pk for row in rows[:2]]
            model._default_manager.filter(pk__in=some).update(created_at=then)

    def judge(self) -> None:
        for person in self.people:
            while opened := open_assignments(membership(self.project, person)).assignments:
                record_comparison(person, opened[0].id, Outcome.LEFT)

    def image(self, n: int, **fields: Any) -> Image:
        name = f"{next(numbers) * 7 % 10}-{uuid4()}.png"
        return add_image(self.project, picture(n * 9), name=name, **fields)

    def twins(self, n: int) -> None:
        self.image(n), self.image(n)

    def person(self) -> User:
        return User.objects.create(username=f"{next(numbers) * 7 % 10}-{uuid4()}")

    def member(self, n: int) -> Membership:
        return Membership.objects.create(project=self.project, user=self.person())

    def flag(self, n: int) -> Flag:
        return Flag.objects.create(
            project=self.project, annotator=self.person(), signal="speed", level="warn"
        )

    def exported(self, n: int) -> Export:
        return Export.objects.create(
            project=self.project, created_by=self.alice, format="rankings", file="csv"
        )

    def run(self, n: int) -> RatingRun:
        return RatingRun.objects.create(
            project=self.project, method="x", revision=n // 2, comparisons=0, seconds=0
        )

    def example(self, n: int) -> Example:
        better, worse = self.images[:2]
        return Example.objects.create(
            project=self.project,
            criterion=self.criterion,
            better=better,
            worse=worse,
            position=n // 2,
        )


def in_project(name: str) -> Callable[[World], str]:
    return lambda world: url(name, project_id=world.project.id)


def on_page(name: str) -> Callable[[World], str]:
    return lambda world: reverse(name, args=[world.project.id])


def of(model: type[models.Model]) -> Callable[[World], Any]:
    return lambda world: model._default_manager.all()


def clusters(world: World) -> list[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for image in Image.objects.filter(excluded=False):
        found.setdefault(image.sha256, set()).add(str(image.id))
    return [frozenset(ids) for ids in found.values() if len(ids) > 1]


def deliver(world: World, n: int) -> Delivery:
    return Delivery.objects.create(webhook=world.webhook, key=str(uuid4()), event="x", payload={})


def add_image_again(world: World, n: int) -> Image:
    return world.image(n, prompt=f"p{next(numbers) * 7 % 10} {uuid4()}")


LISTS = {
    "api-projects": Listed(
        lambda world: url("projects"),
        lambda world: Project.objects.filter(memberships__user=world.alice),
        lambda world, n: create_project(world.alice, name=f"P{n}"),
    ),
    "api-tokens": Listed(
        lambda world: url("tokens"),
        lambda world: Token.objects.filter(key__user=world.alice),
        lambda world, n: create_token(world.alice),
    ),
    "api-members": Listed(
        in_project("members"),
        lambda world: User.objects.filter(memberships__project=world.project),
        World.member,
    ),
    "api-invitations": Listed(
        in_project("invitations"),
        of(Invitation),
        lambda world, n: create_invitation(world.project, world.alice, Role.ANNOTATOR),
    ),
    "api-images": Listed(in_project("images"), of(Image), add_image_again),
    "api-prompts": Listed(in_project("prompts"), of(Prompt), add_image_again),
    "api-examples": Listed(in_project("examples"), of(Example), World.example),
    "api-imports": Listed(
        in_project("imports"),
        of(Import),
        lambda world, n: Import.objects.create(project=world.project, source="zip"),
    ),
    "api-import-refusals": Listed(
        lambda world: url("import-refusals", import_id=world.job.id),
        of(ImportRefusal),
        lambda world, n: ImportRefusal.objects.create(of=world.job, place=str(uuid4())),
        key=lambda result: result["place"],
    ),
    "api-log": Listed(in_project("log"), of(Comparison)),
    "api-history": Listed(
        in_project("history"),
        lambda world: Comparison.objects.filter(annotator=world.alice, retracted_at=None),
    ),
    "api-annotators": Listed(
        in_project("annotators"),
        lambda world: User.objects.filter(memberships__project=world.project),
        World.member,
    ),
    "api-flags": Listed(in_project("flags"), of(Flag), World.flag),
    "api-decisions": Listed(
        in_project("decisions"),
        of(Decision),
        lambda world, n: Decision.objects.create(
            project=world.project, annotator=world.alice, kind="paused"
        ),
    ),
    "api-ratings": Listed(
        in_project("ratings"),
        lambda world: Image.objects.filter(ratings__run__comparisons__gt=0),
        key=lambda result: result["image"],
    ),
    "api-runs": Listed(in_project("runs"), of(RatingRun), World.run),
    "api-exports": Listed(in_project("exports"), of(Export), World.exported),
    "api-export-push": Listed(
        lambda world: url("export-push", export_id=world.export.id),
        of(HubPush),
        lambda world, n: HubPush.objects.create(
            export=world.export, created_by=world.alice, repository="a/b"
        ),
    ),
    "api-webhooks": Listed(
        in_project("webhooks"),
        of(Webhook),
        lambda world, n: Webhook.objects.create(
            project=world.project, created_by=world.alice, url=f"https://hooks.example.org/{n}"
        ),
    ),
    "api-deliveries": Listed(
        lambda world: url("deliveries", webhook_id=world.webhook.id), of(Delivery), deliver
    ),
    "api-agreement": Listed(
        in_project("agreement"),
        lambda world: {
            frozenset({str(one.left_id), str(one.right_id)}) for one in Comparison.objects.all()
        },
        key=lambda result: frozenset({result["first"], result["second"]}),
    ),
    "api-duplicates": Listed(
        in_project("duplicates"),
        clusters,
        World.twins,
        key=lambda result: frozenset(image["id"] for image in result["images"]),
    ),
    "project_images": Listed(
        on_page("project_images"), of(Image), add_image_again, lambda row: str(row.id), "images"
    ),
    "prompts": Listed(
        on_page("prompts"), of(Prompt), add_image_again, lambda row: str(row.id), "prompts"
    ),
    "duplicates": Listed(
        on_page("duplicates"),
        clusters,
        World.twins,
        lambda row: frozenset(map(str, row["ids"])),
        "shown",
    ),
    "history": Listed(
        on_page("history"),
        lambda world: Comparison.objects.filter(annotator=world.alice, retracted_at=None),
        None,
        lambda row: str(row.id),
        "found",
    ),
    "webhook": Listed(
        lambda world: reverse("webhook", args=[world.webhook.id]),
        of(Delivery),
        deliver,
        lambda row: str(row.id),
        "deliveries",
    ),
}
# What a test may do to a row while a list is walked.
CHANGES = ("save", "delete", "add")


def key_of(listed: Listed, row: Any) -> Any:
    """What the list will call this row."""
    if isinstance(row, ImportRefusal):
        return row.place
    return str(row.pk) if isinstance(row, models.Model) else row


def keys_of(listed: Listed, world: World) -> set[Any]:
    return {key_of(listed, row) for row in listed.rows(world)}


def change(world: World, listed: Listed, how: str, number: int) -> None:
    """Do something to a row that does not move it: it is saved as Django saves, or is gone."""
    rows = list(listed.rows(world))
    row = rows[number % len(rows)] if rows else None
    if isinstance(row, Comparison):
        if how == "save":
            mine = Comparison.objects.filter(id=row.id, retracted_at=None)
            mine.update(retracted_at=Now(), retracted_by=row.annotator)
    elif isinstance(row, models.Model) and how == "save":
        row.save()
        if isinstance(row, Token):
            row.key.save()
    elif isinstance(row, models.Model) and how == "delete":
        try:
            with transaction.atomic():
                row.delete()
        except ProtectedError:
            pass


def walk(client: Any, world: World, listed: Listed, size: int) -> Iterator[list[Any]]:
    """Page by page what the list names its rows."""
    where: str | None = f"{listed.where(world)}?page_size={size}"
    while where:
        answer = client.get(where)
        assert answer.status_code == 200, answer.content
        if listed.page:
            shown = answer.context[listed.page]
            assert isinstance(shown, Cut)
            results, where = list(shown), shown.next
        else:
            results, where = answer.json()["results"], answer.json()["next"]
        yield [listed.key(result) for result in results]


@pytest.fixture
def world(
    project: Project, alice: User, rita: User, bob: User, settings: Any, tmp_path: Any
) -> World:
    for name in ("EXPORT_DIR", "UPLOAD_DIR", "DERIVATIVE_DIR"):
        setattr(settings, name, tmp_path / name.lower())
    settings.WEBHOOK_TARGETS = ["hooks.example.org"]
    Project.objects.filter(id=project.id).update(overlap=3)
    return World(project, [alice, rita, bob])


@pytest.mark.parametrize("pages", [False, True], ids=["API", "pages"])
def test_a_list_that_is_walked_while_rows_change_has_each_that_stays_once_and_ends(
    world: World, pages: bool
) -> None:
    client: Any = logged_in(world.alice) if pages else as_user(world.alice)
    for name, listed in LISTS.items():
        if bool(listed.page) is pages:
            walked_in_any_way(client, world, listed, name)


def walked_in_any_way(client: Any, world: World, listed: Listed, name: str) -> None:
    @settings(
        max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(
        size=st.integers(1, 3),
        changes=st.lists(
            st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 9)), max_size=3),
            min_size=ROWS,
            max_size=ROWS,
        ),
    )
    def walked(size: int, changes: list[list[tuple[str, int]]]) -> None:
        with transaction.atomic():
            before, seen = keys_of(listed, world), []
            for page, after in zip(
                walk(client, world, listed, size), endless(changes), strict=False
            ):
                seen += page
                for how, number in after:
                    if how == "add" and listed.add:
                        listed.add(world, number)
                    change(world, listed, how, number)
                assert len(seen) <= 100, f"{name} does not end"
            assert len(seen) == len(set(seen)), f"{name} repeats a row"
            missed = (before & keys_of(listed, world)) - set(seen)
            assert not missed, name
            transaction.set_rollback(True)

    walked()


def endless(changes: list[Any]) -> Iterator[Any]:
    """The changes after each page; after some pages there are no more, so that the list can end."""
    yield from changes
    while True:
        yield []


def test_every_list_of_the_api_is_walked() -> None:
    paged = {
        name for name, _, method in operations() if "cursor" in getattr(method, "parameters", ())
    }
    assert paged == {name for name in LISTS if name.startswith("api-")}
