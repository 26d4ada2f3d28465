"""Logging in, joining by invitation, and who belongs to a project."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from annotation.accounts import entry_key
from annotation.models import (
    Invitation,
    Membership,
    Project,
    Role,
    User,
)
from annotation.services.members import create_invitation, revoke_invitation
from tests.conftest import PASSWORD, membership
from tests.pages import logged_in

# --- Logging in --------------------------------------------------------------------------------------


def test_login_by_name_and_password(client, bob):
    response = client.post(reverse("account_login"), {"login": "bob", "password": PASSWORD})
    assert response.status_code == 302
    assert response["Location"] == reverse("projects")
    assert client.session["_auth_user_id"] == str(bob.pk)


def test_known_and_unknown_names_answer_alike(client, bob):
    pages = [
        client.post(reverse("account_login"), {"login": name, "password": "wrong"})
        for name in ("bob", "nobody")
    ]
    assert [page.status_code for page in pages] == [200, 200]
    errors = [list(page.context["form"].non_field_errors()) for page in pages]
    assert errors[0] == errors[1] != []


def test_failed_logins_are_throttled_even_with_the_right_password_afterwards(client, bob):
    for _ in range(5):
        client.post(reverse("account_login"), {"login": "bob", "password": "wrong"})
    response = client.post(reverse("account_login"), {"login": "bob", "password": PASSWORD})
    assert response.status_code == 200
    assert "Too many failed login attempts" in response.content.decode()


def test_a_flood_of_logins_gets_a_page_that_says_so(client, db):
    for _ in range(61):
        response = client.post(reverse("account_login"), {"login": "", "password": ""})
    assert response.status_code == 429
    assert "Wait a few minutes" in response.content.decode()


@pytest.mark.parametrize(
    "path", ["/signup/", "/accounts/signup/", "/register/", "/password/reset/"]
)
def test_nobody_can_register(client, path):
    assert client.get(path).status_code == 404
    assert client.post(path, {"username": "eve", "password1": PASSWORD}).status_code == 404
    with pytest.raises(NoReverseMatch):
        reverse("account_signup")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]
)
def test_no_form_leads_out_of_the_site(client, project, alice, target):
    login = client.post(
        f"{reverse('account_login')}?next={target}",
        {"login": "alice", "password": PASSWORD, "next": target},
    )
    assert "evil" not in login["Location"]
    assert "javascript" not in login["Location"]
    state = client.post(
        reverse("project_state", args=[project.id]), {"state": "paused", "next": target}
    )
    assert state["Location"] == reverse("project_settings", args=[project.id])


def test_login_goes_on_to_where_one_wanted(client, project, bob):
    wanted = reverse("compare", args=[project.id])
    response = client.post(
        f"{reverse('account_login')}?next={wanted}", {"login": "bob", "password": PASSWORD}
    )
    assert response["Location"] == wanted


def test_logout_ends_the_session_and_takes_a_post(bob):
    client = logged_in(bob)
    assert client.get(reverse("account_logout")).status_code == 405
    assert client.post(reverse("account_logout")).status_code == 302
    assert client.get(reverse("projects")).status_code == 302


def test_a_deactivated_person_is_out_at_once(client, bob):
    inside = logged_in(bob)
    bob.is_active = False
    bob.save()
    assert inside.get(reverse("projects")).status_code == 302
    response = client.post(
        reverse("account_login"), {"login": "bob", "password": PASSWORD}, follow=True
    )
    assert "_auth_user_id" not in client.session
    assert "switched off" in response.content.decode()


def test_a_new_password_ends_the_other_sessions(bob):
    here, elsewhere = logged_in(bob), logged_in(bob)
    new = "an entirely different one"
    response = here.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": new, "password2": new},
    )
    assert response["Location"] == reverse("projects")
    assert "password is changed" in here.get(response["Location"]).content.decode()
    assert elsewhere.get(reverse("projects")).status_code == 302


def test_the_entry_link_works_once(client, alice):
    url = reverse("enter", args=entry_key(alice))
    assert client.head(url).status_code == 405
    assert client.get(url)["Location"] == reverse("projects")
    assert client.session["_auth_user_id"] == str(alice.pk)
    again = Client().get(url)
    assert again.status_code == 410
    assert reverse("account_login") in again.content.decode()


@pytest.mark.parametrize("parts", [("x", "y"), ("-", "1-2"), ("MQ", "c1-9"), ("_" * 400, "-")])
def test_an_invented_entry_link_is_gone(client, parts, db):
    assert client.get(reverse("enter", args=parts)).status_code == 410


def test_whoever_came_by_link_can_set_a_password(client, alice):
    alice.set_unusable_password()
    alice.save()
    client.force_login(alice)
    page = client.get(reverse("account_change_password"), follow=True)
    assert page.request["PATH_INFO"] == reverse("account_set_password")
    new = "an entirely different one"
    client.post(reverse("account_set_password"), {"password1": new, "password2": new})
    alice.refresh_from_db()
    assert alice.check_password(new)


# --- Invitations -------------------------------------------------------------------------------------


@pytest.fixture
def invited(project: Project, alice: User) -> str:
    """The address of an invitation as reviewer."""
    return reverse("invitation", args=[create_invitation(project, alice, Role.REVIEWER)[1]])


def test_a_new_person_joins_by_an_invitation(client, project, invited):
    assert "Sunsets" in client.get(invited).content.decode()
    response = client.post(invited, {"username": "erik", "password": PASSWORD})
    assert response["Location"] == reverse("compare", args=[project.id])
    assert client.get(response["Location"]).status_code == 200
    member = Membership.objects.get(user__username="erik")
    assert (member.project, member.role) == (project, "reviewer")
    assert not member.user.is_staff


def test_a_known_person_joins_by_one_button(project, invited, dave):
    client = logged_in(dave)
    assert "Join as dave" in client.get(invited).content.decode()
    client.post(invited)
    assert Membership.objects.get(user=dave).role == "reviewer"


def test_a_member_keeps_the_invitation_for_somebody_else(invited, bob, project):
    assert logged_in(bob).post(invited)["Location"] == reverse("projects")
    assert Membership.objects.get(user=bob).role == "annotator"
    assert Invitation.objects.get().accepted_at is None


@pytest.mark.parametrize(
    ("username", "password"),
    [("bob", PASSWORD), ("erik", "12345678"), ("", ""), ("e r i k", PASSWORD)],
)
def test_a_refused_new_person_may_try_again(client, invited, username, password):
    people = User.objects.count()
    response = client.post(invited, {"username": username, "password": password})
    assert response.status_code == 200
    assert response.context["form"].errors
    assert User.objects.count() == people
    assert client.post(invited, {"username": "erik", "password": PASSWORD}).status_code == 302


def test_an_invitation_is_gone_once_used_withdrawn_or_expired(client, project, alice, invited):
    client.post(invited, {"username": "erik", "password": PASSWORD})
    assert Client().get(invited).status_code == 410

    withdrawn, token = create_invitation(project, alice, Role.ANNOTATOR)
    revoke_invitation(project, withdrawn.id)
    assert Client().get(reverse("invitation", args=[token])).status_code == 410

    expired, token = create_invitation(project, alice, Role.ANNOTATOR)
    Invitation.objects.filter(id=expired.id).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )
    response = Client().post(
        reverse("invitation", args=[token]), {"username": "eve", "password": PASSWORD}
    )
    assert response.status_code == 410
    assert "Ask the person who sent it" in response.content.decode()
    assert not User.objects.filter(username="eve").exists()


def test_a_guessed_invitation_is_not_there(client, project):
    assert client.get(reverse("invitation", args=["guess"])).status_code == 404


# --- Members -----------------------------------------------------------------------------------------


def test_an_invitations_link_is_shown_once_and_works(project, alice):
    client = logged_in(alice)
    response = client.post(
        reverse("invite", args=[project.id]), {"role": "annotator", "note": "for Erik"}
    )
    link = response.context["link"]
    assert link in response.content.decode()
    again = client.get(reverse("members", args=[project.id])).content.decode()
    assert link not in again
    assert "for Erik" in again
    assert Client().get(link).status_code == 200


def test_roles_change_people_come_and_go(project, alice, bob, dave):
    client = logged_in(alice)
    client.post(reverse("change_role", args=[project.id, bob.id]), {"role": "reviewer"})
    assert membership(project, bob).role == "reviewer"
    client.post(reverse("add_member", args=[project.id]), {"username": "dave", "role": "annotator"})
    assert membership(project, dave).role == "annotator"
    client.post(reverse("remove_member", args=[project.id, bob.id]))
    assert not project.memberships.filter(user=bob).exists()


@pytest.mark.parametrize(
    ("form", "data", "said"),
    [
        ("change_role", {"role": "annotator"}, "only manager"),
        ("change_role", {"role": "king"}, "A role is"),
        ("remove_member", {}, "only manager"),
        ("add_member", {"username": "nobody", "role": "annotator"}, "no person called"),
        ("add_member", {"username": "bob", "role": "annotator"}, "already a member"),
        ("add_member", {"username": "bob", "role": "king"}, "and a role"),
        ("invite", {"role": "king"}, "Choose a role"),
    ],
)
def test_what_cannot_be_is_said_on_the_members_page(project, alice, form, data, said):
    ids = [project.id] if form in ("add_member", "invite") else [project.id, alice.id]
    response = logged_in(alice).post(reverse(form, args=ids), data, follow=True)
    assert response.status_code == 200
    assert said in " ".join(str(message) for message in response.context["messages"])
    assert membership(project, alice).role == "manager"
