"""What counts as a credential, and what other sites learn: nothing."""

import pytest
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from annotation.models import Project, User
from tests.api import as_user, key_of, url

pytestmark = pytest.mark.django_db


def test_a_token_in_the_address_is_no_credential(project: Project, bob: User) -> None:
    """A30: addresses end in logs and histories."""
    client = as_user(bob)
    key = key_of(client)
    where = url("project", project_id=project.id)
    for name in ("token", "auth_token", "access_token", "Authorization"):
        assert APIClient().get(where, {name: key}).status_code == 401


@pytest.mark.parametrize(
    "header",
    ["Token", "Token a b", "Token \xff\xfe", "Token " + "x" * 9000, "Bearer x", "Token \0"],
)
def test_unusable_credentials_are_no_credentials(project: Project, header: str) -> None:
    answer = APIClient().get(url("project", project_id=project.id), HTTP_AUTHORIZATION=header)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Token")


def test_only_a_digest_of_a_token_is_kept_and_it_expires(bob: User, project: Project) -> None:
    """A31."""
    client = as_user(bob)
    key = key_of(client)
    token = AuthToken.objects.get(user=bob)
    assert key not in (token.digest, token.token_key)
    assert client.get(url("projects")).status_code == 200
    token.expiry = token.created
    token.save()
    assert client.get(url("projects")).status_code == 401


def test_other_sites_are_told_nothing(project: Project, bob: User) -> None:
    """A37, A38: no answer for a forged host, and no permission for scripts of other origins."""
    client = as_user(bob)
    where = url("projects")
    assert client.get(where, HTTP_HOST="evil.example").status_code == 400
    answer = client.get(where, HTTP_ORIGIN="https://evil.example")
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
    assert answer["Cache-Control"] == "private, no-store"
    preflight = client.options(where, HTTP_ORIGIN="https://evil.example")
    assert not [name for name in preflight.headers if name.startswith("Access-Control")]


def test_a_new_password_ends_the_tokens_and_sessions_of_the_old_one(
    project: Project, bob: User, carol: User, client: Client
) -> None:
    """A26."""
    mine, hers = as_user(bob), as_user(carol)
    client.force_login(bob)
    where = url("projects")
    bob.set_password("another long password")
    bob.save()
    assert mine.get(where).status_code == 401
    assert client.get(where).status_code == 401
    assert hers.get(where).status_code == 200


def test_a_deactivated_person_is_out_at_once(project: Project, bob: User, client: Client) -> None:
    """A13."""
    mine = as_user(bob)
    client.force_login(bob)
    bob.is_active = False
    bob.save()
    assert mine.get(url("projects")).status_code == 401
    assert client.get(url("projects")).status_code == 401
