"""Projects, their members and their invitations, over the API."""

from typing import Any

import pytest
from django.conf import settings

from annotation.models import Criterion, Invitation, Membership, Project, Role, User
from annotation.services.members import open_invitation
from annotation.services.projects import update_project
from tests.api import as_user, url

pytestmark = pytest.mark.django_db

DEFAULTS = {
    "allow_tie": True,
    "overlap": 1,
    "quota": None,
    "lease_seconds": 1800,
    "strategy": "adaptive",
    "random_share": 0.1,
    "goal": "ranking",
    "top": 10,
    "screen": "pair",
    "screen_size": 4,
    "gold_share": 0.05,
    "repeat_share": 0.0,
    "warn_below": 0.7,
    "pause_below": 0.65,
    "pause_automatically": True,
    "target": "",
    "target_value": 0.9,
    "close_at_target": False,
    "show_prompt": True,
    "criteria_together": False,
    "ask_strength": False,
    "ask_reason": False,
    "tags": [],
    "undo_steps": None,
    "pause_after": 45,
}


def test_a_new_project_is_a_draft_that_asks_which_image_is_better(
    project: Project, alice: User
) -> None:
    answer = as_user(alice).post(url("projects"), {"name": "Moons"})
    assert answer.status_code == 201
    made = answer.json()
    assert made["criteria"] == [{"key": "better", "question": "Which image is better?"}]
    assert (made["state"], made["role"], made["settings"]) == ("draft", "manager", DEFAULTS)
    assert as_user(alice).get(url("project", project_id=made["id"])).json() == made


def test_a_project_is_made_with_all_that_it_can_have(project: Project, alice: User) -> None:
    wanted = {
        "name": "Moons",
        "instructions": "Look at the craters.",
        "state": "open",
        "criteria": [
            {"key": "sharp", "question": "Which is sharper?"},
            {"key": "nice", "question": "Which is nicer?"},
        ],
        "settings": DEFAULTS
        | {"allow_tie": False, "overlap": 3, "quota": 50, "tags": ["hands", "text"]},
    }
    made = as_user(alice).post(url("projects"), wanted).json()
    assert {name: made[name] for name in wanted} == wanted


def test_a_change_leaves_alone_what_it_does_not_name(project: Project, alice: User) -> None:
    client, where = as_user(alice), url("project", project_id=project.id)
    before = client.get(where).json()
    after = client.patch(where, {"settings": {"overlap": 2}}).json()
    assert after == before | {"settings": before["settings"] | {"overlap": 2}}
    assert client.patch(where, {"state": "paused"}).json()["state"] == "paused"
    assert client.patch(where, {}).json()["settings"]["overlap"] == 2


def test_criteria_are_replaced_as_a_whole_and_keep_their_order(
    project: Project, alice: User
) -> None:
    client, where = as_user(alice), url("project", project_id=project.id)
    wanted = [{"key": "z", "question": "Z?"}, {"key": "a", "question": "A?"}]
    assert client.patch(where, {"criteria": wanted}).json()["criteria"] == wanted
    assert list(Criterion.objects.filter(project=project).values_list("key", flat=True)) == [
        "z",
        "a",
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"state": "asleep"}, "state"),
        ({"criteria": []}, "criteria"),
        ({"criteria": "better"}, "criteria"),
        ({"criteria": [{"question": "?"}]}, "criteria.0.key"),
        ({"criteria": [{"key": "Not A Key"}]}, "criteria.0.key"),
        ({"criteria": [{"key": "a"}, {"key": "a"}]}, "criteria"),
        ({"settings": 7}, "settings"),
        ({"settings": {"overlap": 0}}, "settings.overlap"),
        ({"settings": {"overlap": 10**30}}, "settings.overlap"),
        ({"settings": {"quota": -1}}, "settings.quota"),
        ({"settings": {"lease_seconds": True}}, "settings.lease_seconds"),
        ({"settings": {"strategy": "luck"}}, "settings.strategy"),
        ({"settings": {"random_share": 1.5}}, "settings.random_share"),
        ({"settings": {"random_share": "NaN"}}, "settings.random_share"),
        ({"settings": {"random_share": "1e999"}}, "settings.random_share"),
        ({"settings": {"tags": "hands"}}, "settings.tags"),
        ({"settings": {"tags": ["hands", "hands"]}}, "settings.tags"),
        ({"settings": {"tags": ["hands, feet"]}}, "settings.tags"),
        ({"settings": {"tags": [str(n) for n in range(10)]}}, "settings.tags"),
        ({"settings": {"tags": ["x" * 51]}}, "settings.tags.0"),
        ({"settings": {"undo_steps": -1}}, "settings.undo_steps"),
        ({"settings": {"pause_after": 2000}}, "settings.pause_after"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_its_field(
    project: Project, alice: User, body: Any, field: str
) -> None:
    for answer in (
        as_user(alice).patch(url("project", project_id=project.id), body),
        as_user(alice).post(url("projects"), {"name": "Moons"} | body),
    ):
        assert answer.status_code == 400
        assert list(answer.json()) == [field]
        assert all(isinstance(message, str) for message in answer.json()[field])


def test_projects_come_in_pages_of_ones_own(project: Project, alice: User, dave: User) -> None:
    client = as_user(alice)
    for n in range(4):
        client.post(url("projects"), {"name": f"P{n}"})
    names, where = [], url("projects") + "?page_size=2"
    while where:
        page = client.get(where).json()
        assert set(page) == {"next", "previous", "results"}
        names += [row["name"] for row in page["results"]]
        where = page["next"]
    assert names == ["Sunsets", "P0", "P1", "P2", "P3"]
    assert as_user(dave).get(url("projects")).json()["results"] == []


def test_members_are_added_changed_and_removed(project: Project, alice: User, dave: User) -> None:
    client, members = as_user(alice), url("members", project_id=project.id)
    added = client.post(members, {"username": "dave", "role": "reviewer"})
    assert added.status_code == 201
    assert added.json() == added.json() | {
        "id": str(dave.id),
        "username": "dave",
        "role": "reviewer",
    }
    names = [row["username"] for row in client.get(members).json()["results"]]
    assert names == ["alice", "bob", "carol", "dave", "rita"]
    member = url("member", project_id=project.id, user_id=dave.id)
    assert client.patch(member, {"role": "manager"}).json()["role"] == "manager"
    assert client.delete(member).status_code == 204
    assert client.delete(member).status_code == 404
    assert client.post(members, {"username": "bob"}).status_code == 409


def test_a_name_that_nobody_has_is_refused_with_a_hint(project: Project, alice: User) -> None:
    answer = as_user(alice).post(url("members", project_id=project.id), {"username": "zoe"})
    assert answer.status_code == 400
    assert "Invite them" in answer.json()["username"][0]


def test_the_last_manager_stays(project: Project, alice: User) -> None:
    member = url("member", project_id=project.id, user_id=alice.id)
    assert as_user(alice).patch(member, {"role": "annotator"}).status_code == 409
    assert as_user(alice).delete(member).status_code == 409
    assert Membership.objects.get(project=project, user=alice).role == Role.MANAGER


def test_an_invitation_shows_its_link_once(project: Project, alice: User) -> None:
    client, where = as_user(alice), url("invitations", project_id=project.id)
    made = client.post(where, {"role": "reviewer", "note": "for Zoe"})
    assert made.status_code == 201
    link = made.json()["url"]
    assert link.startswith(f"{settings.PUBLIC_URL}/")
    token = link.rstrip("/").split("/")[-1]
    invitation = open_invitation(token)
    assert (invitation.role, made.json()["role"]) == ("reviewer", "reviewer")
    assert made.json()["expires_at"] > made.json()["created_at"]
    listed = client.get(where)
    assert token not in listed.content.decode()
    assert listed.json()["results"][0]["note"] == "for Zoe"


def test_a_withdrawn_invitation_stays_withdrawn(project: Project, alice: User) -> None:
    client = as_user(alice)
    made = client.post(url("invitations", project_id=project.id), {}).json()
    where = url("invitation", project_id=project.id, invitation_id=made["id"])
    assert client.delete(where).status_code == client.delete(where).status_code == 204
    assert Invitation.objects.get().revoked_at is not None


# --- Settings by role --------------------------------------------------------------------------------

SHARED = {
    *("allow_tie", "screen", "screen_size", "show_prompt", "criteria_together"),
    *("ask_strength", "ask_reason", "tags", "undo_steps", "pause_after"),
}
KEPT_BACK = {
    *("overlap", "quota", "lease_seconds", "strategy", "random_share", "goal", "top"),
    *("gold_share", "repeat_share", "warn_below", "pause_below", "pause_automatically"),
    *("target", "target_value", "close_at_target"),
}
SEEN_BY = {
    "annotator": SHARED,
    "reviewer": SHARED | KEPT_BACK,
    "manager": SHARED | KEPT_BACK,
}


def test_settings_are_told_by_role(project: Project, bob: User, rita: User, alice: User) -> None:
    """A setting that is in no list fails here: decide who may see it."""
    for user in (bob, rita, alice):
        client = as_user(user)
        role = Membership.objects.get(user=user).role
        one = client.get(url("project", project_id=project.id)).json()
        (listed,) = client.get(url("projects")).json()["results"]
        assert set(one["settings"]) == set(listed["settings"]) == SEEN_BY[role]
        assert set(one) == {
            *("id", "name", "instructions", "criteria", "state", "settings", "role", "created_at")
        }


def test_a_hidden_setting_changes_nothing_that_an_annotator_sees(
    project: Project, bob: User
) -> None:
    where = url("project", project_id=project.id)
    before = as_user(bob).get(where)
    update_project(project.id, gold_share=0.4, quota=7)
    after = as_user(bob).get(where, headers={"if-none-match": before["ETag"]})
    assert after.status_code == 304
