"""What a person's account withstands: others' failures, guesses, links of those who left, open sessions."""

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.test import Client
from django.urls import NoReverseMatch, reverse
from knox.models import AuthToken
from rest_framework.test import APIClient

from annotation.accounts import entry_key
from annotation.models import Invitation, Membership, Project, Role, User
from annotation.selectors import invitations_of
from annotation.services.members import (
    change_role,
    create_invitation,
    remove_member,
)
from tests.api import as_user, url
from tests.conftest import PASSWORD, _password_hash
from tests.pages import logged_in

pytestmark = pytest.mark.django_db

LOGIN = "account_login"


@pytest.fixture(autouse=True)
def _nothing_counted_yet(db: None, settings: Any) -> None:
    """Nobody has failed yet; and a password is checked fast, since these tests check many."""
    # The cast's own hash is made once, and for all tests: before the fast hasher is chosen.
    _password_hash()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()


@pytest.fixture
def bob(bob: User) -> User:
    bob.password = make_password(PASSWORD)
    bob.save(update_fields=["password"])
    return bob


def logs_in(client: Client, name: str, password: str, address: str) -> bool:
    client.post(reverse(LOGIN), {"login": name, "password": password}, REMOTE_ADDR=address)
    return "_auth_user_id" in client.session


# --- Failures of others ------------------------------------------------------------------------------


def test_failures_from_elsewhere_lock_nobody_out(bob: User) -> None:
    """Five failures from five addresses kept a known name locked out for everybody."""
    for n in range(25):
        assert not logs_in(Client(), "bob", "wrong", f"10.0.0.{n % 5}")
    assert logs_in(Client(), "bob", PASSWORD, "10.0.1.1")


def test_failures_at_one_address_keep_even_the_right_password_out_there(bob: User) -> None:
    for _ in range(5):
        assert not logs_in(Client(), "bob", "wrong", "10.0.0.1")
    assert not logs_in(Client(), "BOB", PASSWORD, "10.0.0.1")
    assert logs_in(Client(), "bob", PASSWORD, "10.0.0.2")


def test_many_addresses_together_get_so_many_guesses_and_no_more(bob: User, settings: Any) -> None:
    """The bound on brute force from everywhere; a device that bob has used is let in all the same."""
    own = Client()
    assert logs_in(own, "bob", PASSWORD, "10.0.1.1")
    own.post(reverse("account_logout"))
    limit = int(settings.ACCOUNT_RATE_LIMITS["login_failed_by_name"].split("/")[0])
    for n in range(limit):
        assert not logs_in(Client(), "bob", "wrong", f"10.1.{n // 200}.{n % 200}")
    assert not logs_in(Client(), "bob", PASSWORD, "10.0.1.2"), "a stranger's right guess waits, too"
    assert logs_in(own, "bob", PASSWORD, "10.0.1.2")


def test_a_device_is_let_in_at_an_address_where_others_have_failed(bob: User) -> None:
    own = Client()
    assert logs_in(own, "bob", PASSWORD, "10.0.0.1")
    own.post(reverse("account_logout"))
    for n in range(30):
        logs_in(Client(), f"name{n}", "wrong", "10.0.0.1")
        logs_in(Client(), "bob", "wrong", "10.0.0.1")
    assert not logs_in(Client(), "bob", PASSWORD, "10.0.0.1")
    assert logs_in(own, "bob", PASSWORD, "10.0.0.1")


def test_a_device_has_five_guesses_too(bob: User) -> None:
    own = Client()
    assert logs_in(own, "bob", PASSWORD, "10.0.0.1")
    own.post(reverse("account_logout"))
    for _ in range(5):
        assert not logs_in(own, "bob", "wrong", "10.0.0.1")
    assert not logs_in(own, "bob", PASSWORD, "10.0.0.1")


def test_a_device_is_known_for_its_own_people_only(bob: User, carol: User) -> None:
    """Whoever has an account does not guess others' passwords with the cookie of their own."""
    own = Client()
    assert logs_in(own, "bob", PASSWORD, "10.0.0.1")
    own.post(reverse("account_logout"))
    for _ in range(5):
        assert not logs_in(own, "carol", "wrong", "10.0.0.9")
    assert not logs_in(own, "carol", PASSWORD, "10.0.0.9")


def test_people_who_share_a_device_are_all_known_to_it(bob: User, carol: User) -> None:
    carol.password = bob.password
    carol.save(update_fields=["password"])
    shared = Client()
    for name in ("bob", "carol"):
        assert logs_in(shared, name, PASSWORD, "10.0.0.1")
        shared.post(reverse("account_logout"))
    for name in ("bob", "carol"):
        for _ in range(6):
            logs_in(Client(), name, "wrong", "10.0.0.1")
    for name in ("bob", "carol"):
        assert logs_in(shared, name, PASSWORD, "10.0.0.1")
        shared.post(reverse("account_logout"))


@pytest.mark.parametrize("cookie", ["", "x", "WyJkIl0:1x:forged"])
def test_a_forged_device_is_a_stranger(bob: User, cookie: str) -> None:
    client = Client()
    client.cookies["device"] = cookie
    for _ in range(5):
        assert not logs_in(client, "bob", "wrong", "10.0.0.1")
        client.cookies["device"] = cookie
    assert not logs_in(client, "bob", PASSWORD, "10.0.0.1")


def test_links_make_a_device_known_and_its_cookie_is_for_no_script(
    bob: User, project: Project
) -> None:
    by_link = Client().get(reverse("enter", args=entry_key(bob)))
    manager = User.objects.get(username="alice")
    where = reverse("invitation", args=[create_invitation(project, manager, Role.ANNOTATOR)[1]])
    joined = Client().post(where, {"username": "erik", "password": PASSWORD})
    for answer in (by_link, joined):
        cookie = answer.cookies["device"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert str(bob.pk) not in cookie.value


# --- Invitations of those who left -------------------------------------------------------------------


@pytest.fixture
def mia(project: Project) -> User:
    """A second manager."""
    mia = User.objects.create(username="mia", password=make_password(PASSWORD))
    Membership.objects.create(project=project, user=mia, role=Role.MANAGER)
    return mia


def removed(project: Project, mia: User) -> None:
    remove_member(project, mia.pk)


def demoted(project: Project, mia: User) -> None:
    change_role(project, mia.pk, Role.REVIEWER)


def deactivated(project: Project, mia: User) -> None:
    mia.is_active = False
    mia.save()


LEAVING = pytest.mark.parametrize("leave", [removed, demoted, deactivated])


@LEAVING
@pytest.mark.parametrize("role", list(Role))
def test_an_invitation_ends_with_its_makers_right(
    project: Project, mia: User, dave: User, leave: Any, role: Role
) -> None:
    """A removed or demoted manager came back, as manager, by a link made before."""
    where = reverse("invitation", args=[create_invitation(project, mia, role)[1]])
    assert Client().get(where).status_code == 200
    leave(project, mia)
    people = User.objects.count()
    form = {"username": "mia2", "password": PASSWORD}
    for client in (Client(), logged_in(dave), logged_in(mia)):
        assert client.post(where, form).status_code in (302, 410)
    assert User.objects.count() == people
    assert not Membership.objects.filter(project=project, user=dave).exists()
    assert [
        *Membership.objects.filter(project=project, role=Role.MANAGER, user__is_active=True)
    ] == [Membership.objects.get(project=project, user__username="alice")]
    assert not invitations_of(project).exists(), "nor is it listed as open"
    assert Invitation.objects.get().accepted_at is None


@LEAVING
def test_other_managers_invitations_go_on(project: Project, mia: User, leave: Any) -> None:
    alice = User.objects.get(username="alice")
    where = reverse("invitation", args=[create_invitation(project, alice, Role.ANNOTATOR)[1]])
    leave(project, mia)
    assert Client().post(where, {"username": "erik", "password": PASSWORD}).status_code == 302


# --- Tokens ------------------------------------------------------------------------------------------


def test_a_session_alone_makes_no_token(bob: User) -> None:
    """A session that was left open made one of 365 days with all rights."""
    browser, page = logged_in(bob), reverse("tokens")
    for password in (None, "", "wrong"):
        form = {"name": "mine", "days": 365} | ({} if password is None else {"password": password})
        answer = browser.post(page, form)
        assert answer.context["form"].errors["password"]
        assert not answer.context["secret"]
    assert not AuthToken.objects.exists()
    assert browser.post(page, {"name": "mine", "days": 365, "password": PASSWORD}).context["secret"]
    assert AuthToken.objects.count() == 1


def test_the_password_is_not_guessed_on_the_page_of_tokens(bob: User) -> None:
    browser, page = logged_in(bob), reverse("tokens")
    form = {"name": "mine", "days": 365}
    for _ in range(5):
        browser.post(page, form | {"password": "wrong"})
    answer = browser.post(page, form | {"password": PASSWORD})
    assert "Too many" in str(answer.context["form"].errors)
    assert not AuthToken.objects.exists()


def test_who_has_no_password_is_told_to_set_one_first(bob: User) -> None:
    bob.set_unusable_password()
    bob.save()
    answer = logged_in(bob).post(
        reverse("tokens"), {"name": "mine", "days": 9, "password": PASSWORD}
    )
    assert "Set one in the menu" in str(answer.context["form"].errors)
    assert not AuthToken.objects.exists()


def test_the_api_makes_no_token_by_session_or_token(bob: User) -> None:
    browser = APIClient()
    browser.force_login(bob)
    for client in (browser, as_user(bob)):
        before = AuthToken.objects.count()
        assert client.post(url("token"), {"name": "mine", "days": 365}).status_code == 400
        assert client.post(url("tokens"), {"name": "mine"}).status_code == 405
        assert AuthToken.objects.count() == before


def test_the_admin_pages_make_no_token(db: None) -> None:
    chief = User.objects.create(username="chief", is_staff=True, is_superuser=True)
    client = logged_in(chief)
    for name in ("knox_authtoken", "annotation_token"):
        try:
            add = reverse(f"admin:{name}_add")
        except NoReverseMatch:
            continue
        assert client.post(add, {"user": str(chief.pk)}).status_code == 403
    assert not AuthToken.objects.exists()


# --- Passwords ---------------------------------------------------------------------------------------

LIKE_THE_NAME = ["erik1234567", "ERIK-erik-12", "1234kireeee", "ｅｒｉｋ12345"]  # noqa: RUF001


@pytest.mark.parametrize("password", LIKE_THE_NAME)
def test_a_password_gains_nothing_from_the_name(project: Project, password: str) -> None:
    manager = User.objects.get(username="alice")
    where = reverse("invitation", args=[create_invitation(project, manager, Role.ANNOTATOR)[1]])
    answer = Client().post(where, {"username": "Erik", "password": password})
    assert answer.context["form"].errors["password"]
    assert not User.objects.filter(username="Erik").exists()


@pytest.mark.parametrize("password", ["erik and six more words", PASSWORD])
def test_a_password_that_is_long_without_the_name_is_taken(password: str, bob: User) -> None:
    validate_password(password, User(username="erik"))


def test_a_short_name_may_be_anywhere_but_alone() -> None:
    validate_password("borrowing-24", User(username="bo"))
    with pytest.raises(ValidationError):
        validate_password("bobobobo", User(username="bo"))


def test_every_way_to_set_a_password_refuses_one_like_the_name(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = "bob-bob-1234"
    browser = logged_in(bob)
    form = {"oldpassword": PASSWORD, "password1": bad, "password2": bad}
    assert browser.post(reverse("account_change_password"), form).status_code == 200
    chief = User.objects.create(username="chief", is_staff=True, is_superuser=True)
    admin = logged_in(chief)
    change = reverse("admin:auth_user_password_change", args=[bob.pk])
    form = {"usable_password": "true", "password1": bad, "password2": bad}
    assert admin.post(change, form).status_code == 200
    add = reverse("admin:annotation_user_add")
    form |= {"username": "robin", "password1": "robin-robin-1", "password2": "robin-robin-1"}
    assert admin.post(add, form).status_code == 200
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)
    bob.set_unusable_password()
    bob.save()
    browser.force_login(bob)
    form = {"password1": bad, "password2": bad}
    assert browser.post(reverse("account_set_password"), form).status_code == 200
    bob.refresh_from_db()
    assert not bob.has_usable_password()
    monkeypatch.setenv("ADMIN_PASSWORD", "admin-admin-1")
    from annotation.management.commands.bootstrap import Command

    with pytest.raises(CommandError, match="ADMIN_PASSWORD cannot be used"):
        Command()._admin()
