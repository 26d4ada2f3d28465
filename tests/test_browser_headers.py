"""Every response tells browsers what the page may use, and that other sites may not embed it."""

import pytest
from django.test import Client
from django.urls import reverse

from config.browser_headers import SWITCHED_OFF
from tests.conftest import PASSWORD

ADDRESSES = [
    "/healthz",
    reverse("account_login"),
    "/nothing/here/",
    "/api/v1/projects/",
    "/static/nothing.js",
]


@pytest.mark.django_db
@pytest.mark.parametrize("address", ADDRESSES)
def test_every_response_switches_off_what_the_pages_do_not_use(
    client: Client, address: str
) -> None:
    response = client.get(address)
    policy = response["Permissions-Policy"]
    assert "camera=()" in policy
    assert policy.count("=()") == len(SWITCHED_OFF)
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin" or address.startswith("/static/")


def test_a_browser_accepts_every_cookie_of_a_login_by_tls(alice, client: Client, settings) -> None:
    """A browser drops a `__Host-` cookie without Secure, with a Domain, or with another path than `/`."""
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    page = client.get(reverse("account_login"), secure=True)
    answer = client.post(
        reverse("account_login"), {"login": "alice", "password": PASSWORD}, secure=True
    )
    assert answer.status_code == 302
    cookies = [*page.cookies.values(), *answer.cookies.values()]
    hosted = [cookie for cookie in cookies if cookie.key.startswith("__Host-")]
    assert {cookie.key for cookie in hosted} == {"__Host-sessionid", "__Host-csrftoken"}
    for cookie in hosted:
        assert cookie["secure"]
        assert cookie["httponly"]
        assert (cookie["path"], cookie["domain"]) == ("/", "")
