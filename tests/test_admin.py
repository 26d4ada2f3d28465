"""Django's admin: every model is there to be looked at, and the log cannot be changed through it."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from annotation.models import Comparison, Image, Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from rating.services import recompute
from tests.conftest import PASSWORD, membership

pytestmark = pytest.mark.django_db
MODELS = [
    *apps.get_app_config("annotation").get_models(),
    *apps.get_app_config("rating").get_models(),
]


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root", password=PASSWORD))
    return client


@pytest.fixture
def judged(project: Project, images: list[Image], bob: User) -> Comparison:
    (opened,) = open_assignments(membership(project, bob)).assignments
    comparison, _ = record_comparison(bob, opened.id, Outcome.LEFT)
    recompute(project.id)
    return comparison


def address(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_can_be_listed_searched_and_opened(
    root: Client, judged: Comparison, model: Any
) -> None:
    registered = admin.site._registry[model]
    assert registered.search_fields
    assert root.get(address(model, "changelist")).status_code == 200
    assert root.get(address(model, "changelist"), {"q": "a"}).status_code == 200
    for row in model._default_manager.all()[:1]:
        assert root.get(address(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("verb", ["add", "change", "delete"])
def test_the_log_is_read_only_even_for_a_superuser(
    root: Client, judged: Comparison, verb: str
) -> None:
    args = () if verb == "add" else (judged.id,)
    response = root.post(address(Comparison, verb, *args), {"outcome": "right", "post": "yes"})
    assert response.status_code == 403
    assert Comparison.objects.get().outcome == "left"


def test_excluding_an_image_here_does_what_it_does_everywhere(
    root: Client, project: Project, images: list[Image], bob: User
) -> None:
    (opened,) = open_assignments(membership(project, bob)).assignments
    image, before = opened.left, Project.objects.get().revision
    form = {"name": image.name, "metadata": "{}", "excluded": "on", "excluded_reason": "blurred"}
    assert root.post(address(Image, "change", image.id), form).status_code == 302
    image.refresh_from_db()
    opened.refresh_from_db()
    assert (image.excluded, image.excluded_reason, opened.state) == (True, "blurred", "released")
    assert Project.objects.get().revision > before


def test_staff_cannot_make_themselves_superusers(client: Client, dave: User) -> None:
    dave.is_staff = True
    dave.save()
    from django.contrib.auth.models import Permission

    dave.user_permissions.add(*Permission.objects.filter(codename__in=["view_user", "change_user"]))
    client.force_login(dave)
    page = address(User, "change", dave.id)
    form = {"username": "dave", "is_superuser": "on", "is_staff": "on", "is_active": "on"}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    client.post(page, form)
    dave.refresh_from_db()
    assert not dave.is_superuser
    other = User.objects.create_superuser("root", password=PASSWORD)
    assert client.post(address(User, "change", other.id), form).status_code == 403


def test_people_who_are_not_staff_do_not_get_in(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get("/admin/").status_code in (302, 403)
