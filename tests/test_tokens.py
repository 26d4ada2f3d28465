"""Tokens: many a person, each with a name, with scopes and an end; shown once."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import get_resolver, reverse
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from annotation.api.authentication import scopes_of
from annotation.models import Comparison, Image, Project, Scope, Token, User
from annotation.services.assignments import open_assignments
from annotation.tokens import create_token
from tests.access import NO_CREDENTIALS_NEEDED, PAGES_OF_API, is_api, urls
from tests.api import as_user, url
from tests.conftest import PASSWORD, membership
from tests.pages import logged_in

pytestmark = pytest.mark.django_db


def ask(**body: Any) -> Any:
    return APIClient().post(url("token"), {"username": "bob", "password": PASSWORD, **body})


def test_a_token_has_a_name_scopes_and_an_end_and_is_listed_without_its_key(bob: User) -> None:
    made = ask(name="nightly", scopes=["export", "read"], days=7).json()
    assert (made["name"], made["scopes"]) == ("nightly", ["read", "export"])
    listed = as_user(bob).get(url("tokens")).json()["results"]
    (shown,) = [token for token in listed if token["id"] == made["id"]]
    assert "token" not in shown
    assert shown == {key: value for key, value in made.items() if key != "token"}
    week = AuthToken.objects.get(about=made["id"]).expiry - timezone.now()
    assert timedelta(days=6, hours=23) < week <= timedelta(days=7)


@pytest.mark.parametrize(
    ("field", "value"),
    [("scopes", ["all"]), ("scopes", "read"), ("days", 0), ("days", 366), ("name", "x" * 101)],
)
def test_what_a_token_cannot_be_is_said(bob: User, field: str, value: Any) -> None:
    answer = ask(**{field: value})
    assert answer.status_code == 400
    assert any(name.startswith(field) for name in answer.json())


def test_an_export_token_cannot_vote(project: Project, images: list[Image], bob: User) -> None:
    """A32."""
    (given,) = open_assignments(membership(project, bob)).assignments
    vote = {"assignment": str(given.id), "outcome": "left"}
    refused = as_user(bob, {"scopes": ["export", "read"]}).post(url("comparisons"), vote)
    assert refused.status_code == 403
    assert "“annotate”" in refused.json()["detail"]
    assert not Comparison.objects.exists()
    allowed = as_user(bob, {"scopes": ["annotate"]}).post(url("comparisons"), vote)
    assert allowed.status_code == 201


def test_a_scope_gives_no_right_that_its_person_has_not(project: Project, bob: User) -> None:
    client = as_user(bob, {"scopes": ["manage", "read", "export"]})
    assert client.get(url("members", project_id=project.id)).status_code == 403
    assert client.get(url("ratings", project_id=project.id)).status_code == 403


def test_a_picture_is_shown_to_tokens_with_a_scope_for_it(
    project: Project, images: list[Image], alice: User
) -> None:
    where = reverse("image", args=[images[0].id])
    assert as_user(alice, {"scopes": ["annotate"]}).get(where).status_code == 200
    assert as_user(alice, {"scopes": ["manage"]}).get(where).status_code == 403


def test_a_scoped_token_neither_sees_nor_ends_tokens(bob: User) -> None:
    client = as_user(bob, {"scopes": [*Scope.values]})
    token = Token.objects.get()
    assert client.get(url("tokens")).status_code == 403
    assert client.delete(url("token-end", token_id=token.id)).status_code == 403


def parts_of(included: Any) -> list[Any]:
    """The API's patterns of an included list of URLs."""
    patterns = getattr(included, "url_patterns", [])
    return [each for each in patterns if (getattr(each, "name", "") or "").startswith("api-")]


def test_every_operation_says_what_a_token_needs_for_it(db: None) -> None:
    """A view that declares no scope is closed to tokens with scopes; it should say which opens it."""
    patterns = [pattern for each in get_resolver().url_patterns for pattern in parts_of(each)]
    views = {pattern.name: pattern.callback.view_class for pattern in patterns}
    silent = []
    for pattern in urls():
        name = pattern.name or ""
        if not is_api(name) or name in PAGES_OF_API | NO_CREDENTIALS_NEEDED | {"api-schema"}:
            continue
        view = views[name]
        for method in ("get", "post", "put", "patch", "delete"):
            if hasattr(view, method) and scopes_of(getattr(view, method)) is None:
                silent.append(f"{method} {name}")
    assert silent == []


def test_without_a_declared_scope_a_method_is_closed_to_scoped_tokens(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from annotation.api.views.members import MembersView

    monkeypatch.delattr(MembersView.get, "scopes")
    where = url("members", project_id=project.id)
    assert as_user(alice, {"scopes": [*Scope.values]}).get(where).status_code == 403
    assert as_user(alice).get(where).status_code == 200


def test_a_revoked_token_works_no_more_and_others_do(bob: User, carol: User) -> None:
    mine, other = as_user(bob), as_user(bob)
    shown = mine.get(url("tokens")).json()["results"]
    gone = Token.objects.order_by("key__created").last()
    assert gone is not None
    assert len(shown) == 2
    assert as_user(carol).delete(url("token-end", token_id=gone.id)).status_code == 404
    assert mine.delete(url("token-end", token_id=gone.id)).status_code == 204
    assert mine.get(url("projects")).status_code == 200
    assert other.get(url("projects")).status_code == 401


def test_the_last_use_is_told_once_a_minute(bob: User) -> None:
    client = as_user(bob)

    def last_use() -> Any:
        client.get(url("projects"))
        return Token.objects.get().last_used_at

    assert Token.objects.get().last_used_at is None
    first = last_use()
    assert first is not None
    assert last_use() == first
    Token.objects.update(last_used_at=first - timedelta(minutes=2))
    assert last_use() > first


def test_a_token_from_before_names_gets_one_at_its_first_use(bob: User) -> None:
    _, key = AuthToken.objects.create(bob)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    assert client.get(url("tokens")).json()["results"][0]["scopes"] == []


# --- The page ----------------------------------------------------------------------------------------


def test_the_page_makes_a_token_shows_it_once_and_revokes_it(bob: User) -> None:
    browser = logged_in(bob)
    page = reverse("tokens")
    made = browser.post(
        page, {"name": "laptop", "scopes": ["read"], "days": 30, "password": PASSWORD}
    )
    secret = made.context["secret"]
    assert secret in made.content.decode()
    again = browser.get(page).content.decode()
    assert secret not in again
    assert "laptop" in again
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
    assert client.get(url("projects")).status_code == 200
    browser.post(reverse("revoke_token", args=[Token.objects.get().id]))
    assert client.get(url("projects")).status_code == 401


def test_the_page_says_what_cannot_be(bob: User) -> None:
    answer = logged_in(bob).post(
        reverse("tokens"), {"name": "", "days": 4000, "password": PASSWORD}
    )
    assert answer.context["form"].errors.keys() == {"name", "days"}
    assert not Token.objects.exists()


def test_nobody_revokes_the_token_of_another_on_the_page(bob: User, carol: User) -> None:
    token, _ = create_token(carol)
    answer = logged_in(bob).post(reverse("revoke_token", args=[token.id]))
    assert answer.status_code == 404
    assert Token.objects.count() == 1
