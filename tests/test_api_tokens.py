"""POST token/: the scripts' way in, as hard to force as the login page."""

from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from annotation.models import User
from tests.api import url
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_counted_yet(bob: User, settings: Any) -> None:
    """Nobody has failed yet; and a password is checked fast, since these tests check many."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    bob.set_password(PASSWORD)
    bob.save()
    cache.clear()


def ask(username: object, password: object) -> Any:
    return APIClient().post(url("token"), {"username": username, "password": password})


def test_a_token_is_given_for_a_password_and_works(bob: User) -> None:
    answer = ask("bob", PASSWORD)
    assert answer.status_code == 200
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
    assert client.get(url("projects")).status_code == 200


def test_known_and_unknown_names_are_answered_alike(bob: User) -> None:
    """A23."""
    wrong, unknown = ask("bob", "wrong"), ask("nobody", "wrong")
    assert wrong.status_code == unknown.status_code == 400
    assert wrong.json() == unknown.json() == {"detail": ["The username or the password is wrong."]}


@pytest.mark.parametrize("name", ["bob", "nobody"])
def test_after_too_many_failures_even_the_right_password_waits(bob: User, name: str) -> None:
    """A21: and the answer tells nobody whether the name exists."""
    statuses = [ask(name, "wrong").status_code for _ in range(8)]
    assert set(statuses) == {400, 429}
    refused = ask(name, PASSWORD)
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert "detail" in refused.json()


def test_a_whole_team_behind_one_address_gets_its_tokens(bob: User) -> None:
    assert {ask("bob", PASSWORD).status_code for _ in range(25)} == {200}


def test_logins_are_counted_by_the_address_of_the_connection_not_by_what_the_client_says(
    bob: User,
) -> None:
    """A22: another X-Forwarded-For each time changes nothing."""
    statuses = [
        APIClient()
        .post(
            url("token"),
            {"username": f"name{n}", "password": "wrong"},
            HTTP_X_FORWARDED_FOR=f"10.0.0.{n}",
        )
        .status_code
        for n in range(25)
    ]
    assert statuses[-1] == 429


@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize("value", [None, "", [], {}, "x" * 5000])
def test_bad_credentials_are_bad_input(db: None, field: str, value: object) -> None:
    answer = ask(**({"username": "bob", "password": "p"} | {field: value}))
    assert answer.status_code == 400
    assert isinstance(answer.json()[field], list)
