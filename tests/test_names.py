# ruff: noqa: RUF001
"""One normal form for names: made and looked up alike, so that nobody can take, or block, another's name."""

import hashlib
import unicodedata
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from annotation.models import Membership, Project, Role, User
from annotation.names import file_key, fold_text, look_alike, mixes_alphabets, name_key
from annotation.services.members import create_invitation
from annotation.services.prompts import prompt_for
from tests.api import as_user, url
from tests.conftest import PASSWORD
from tests.pages import logged_in

# Spellings of one name.
ALICES = ["Alice", "ALICE", "ａｌｉｃｅ", "alice\u200b", " alice "]
# Other names that a reader takes for alice, admin or Bill.
LOOK_ALIKES = [("alice", "аlice"), ("alice", "АLICE"), ("alice", "a1ice"), ("Bill", "BiII")]


@pytest.fixture(autouse=True)
def _nothing_counted_yet(settings: Any, request: pytest.FixtureRequest) -> None:
    if "db" in request.fixturenames or "transactional_db" in request.fixturenames:
        request.getfixturevalue("db")
        cache.clear()


# --- The normal form ---------------------------------------------------------------------------------


@given(st.text(max_size=60))
def test_a_key_is_its_own_key_and_that_of_every_composition(name: str) -> None:
    key = name_key(name)
    assert len(key) <= 150
    assert name_key(unicodedata.normalize("NFD", name)) == name_key(
        unicodedata.normalize("NFC", name)
    )
    if len(key) < 150:
        assert name_key(key) == key


@pytest.mark.parametrize("spelling", ALICES)
def test_spellings_of_one_name_have_one_key(spelling: str) -> None:
    assert name_key(spelling) == "alice"


@pytest.mark.parametrize(("name", "other"), LOOK_ALIKES)
def test_what_looks_alike_is_told(name: str, other: str) -> None:
    assert name_key(name) != name_key(other)
    assert look_alike(name, other)


@pytest.mark.parametrize(
    ("name", "other"), [("alice", "alicia"), ("bob", "rob"), ("Саша", "Маша"), ("p1", "p2")]
)
def test_what_reads_otherwise_is_another_name(name: str, other: str) -> None:
    assert not look_alike(name, other)


def test_alphabets_that_look_alike_are_not_mixed_and_others_may_be() -> None:
    assert mixes_alphabets("pаypal")
    assert not any(map(mixes_alphabets, ["alice", "Саша", "たなか太郎", "張Ken", "o.k-1_@+"]))


def test_a_text_is_folded_as_it_reads_and_keeps_its_case() -> None:
    assert fold_text("\u200ba  red\u00a0\r\nfox \ufeff") == "a red fox"
    assert fold_text("Cafe\u0301") == "Café"
    assert fold_text("👩\u200d🚀") == "👩\u200d🚀"


def test_a_path_is_folded_as_every_system_writes_it() -> None:
    assert file_key("./a\\b//cafe\u0301.png") == "a/b/café.png"


# --- Making a name -----------------------------------------------------------------------------------


def join(project: Project, name: str, password: str = PASSWORD) -> Any:
    """What comes of signing up by a fresh invitation, as a stranger."""
    manager = User.objects.get(username="alice")
    token = create_invitation(project, manager, Role.ANNOTATOR)[1]
    where = reverse("invitation", args=[token])
    return Client().post(where, {"username": name, "password": password})


@pytest.mark.parametrize("spelling", ALICES)
def test_an_invitation_gives_nobody_the_name_of_another(project: Project, spelling: str) -> None:
    answer = join(project, spelling)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert User.objects.filter(name_key="alice").count() == 1


@pytest.mark.parametrize("name", ["аlice", "АLICE", "a1ice", "aIice"])
def test_an_invitation_gives_nobody_a_name_that_looks_like_anothers(
    project: Project, name: str
) -> None:
    people = User.objects.count()
    assert set(join(project, name).context["form"].errors) == {"username"}
    assert User.objects.count() == people


def test_nobody_can_lock_out_the_admin(project: Project) -> None:
    """Somebody with an invitation called themselves Admin, and from then on neither could log in."""
    User.objects.create(username="admin", password=make_password(PASSWORD), is_superuser=True)
    assert join(project, "Admin").context["form"].errors["username"]
    for spelling in ("admin", "Admin", "ＡＤＭＩＮ", "admin\u200b"):
        client = Client()
        client.post(reverse("account_login"), {"login": spelling, "password": PASSWORD})
        assert "_auth_user_id" in client.session, spelling
        answer = APIClient().post(url("token"), {"username": spelling, "password": PASSWORD})
        assert answer.status_code == 200, spelling


def test_a_name_is_kept_as_its_person_writes_it(project: Project) -> None:
    assert join(project, "Erik").status_code == 302
    assert User.objects.called("ERIK").get().username == "Erik"


def test_the_database_refuses_a_second_spelling_whoever_writes_it(alice: User) -> None:
    for make in (
        lambda: User.objects.create(username="Alice"),
        lambda: User.objects.bulk_create([User(username="Alice")]),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            make()


def test_a_new_name_takes_its_key_along(alice: User) -> None:
    alice.username = "Alicia"
    alice.save(update_fields=["username"])
    assert User.objects.called("alicia").get() == alice
    assert not User.objects.called("alice").exists()


def test_the_admin_pages_refuse_the_name_of_another_and_what_looks_like_it(
    alice: User, bob: User
) -> None:
    chief = User.objects.create(username="chief", is_staff=True, is_superuser=True)
    client = logged_in(chief)
    add = reverse("admin:annotation_user_add")
    for name in ("Alice", "аlice", "ａｌｉｃｅ"):
        form = {"username": name, "usable_password": "true"}
        answer = client.post(add, form | {"password1": PASSWORD, "password2": PASSWORD})
        assert answer.status_code == 200, name
        assert answer.context["adminform"].form.errors["username"], name
    assert User.objects.count() == 3


def test_the_admin_pages_save_a_person_whose_name_looked_like_anothers_before(alice: User) -> None:
    """Else an impostor could not be switched off."""
    impostor = User.objects.create(username="аlice")
    impostor.full_clean(exclude=["password"])


def test_the_command_that_makes_a_superuser_refuses_a_second_spelling(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    for name, problem in (("ALICE", "taken"), ("a1ice", "looks like")):
        with pytest.raises(CommandError, match=problem):
            call_command("createsuperuser", interactive=False, username=name, email="a@b.org")


# --- Looking one up ----------------------------------------------------------------------------------


def test_members_are_added_by_any_spelling(project: Project, alice: User, dave: User) -> None:
    where = reverse("add_member", args=[project.id])
    logged_in(alice).post(where, {"username": "ＤAVE", "role": "annotator"})
    assert Membership.objects.filter(project=project, user=dave).exists()


def test_comparisons_are_listed_by_any_spelling(project: Project, alice: User, bob: User) -> None:
    client = as_user(alice)
    answer = client.get(url("log", project_id=project.id), {"annotator": "BOB"})
    assert answer.status_code == 200


def test_commands_know_people_by_any_spelling(alice: User, capsys: Any) -> None:
    call_command("login_link", "Alice")
    call_command("create_project", "Sunsets", "--manager", "ALICE")
    assert Membership.objects.get(user=alice).role == Role.MANAGER


def test_the_bootstrap_makes_no_second_admin(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from annotation.management.commands.bootstrap import Command

    User.objects.create(username="Admin")
    assert Command()._admin().username == "Admin"
    assert User.objects.count() == 1


# --- Twins of before ---------------------------------------------------------------------------------


BEFORE, AFTER = ("annotation", "0012_looking"), ("annotation", "0013_one_name")


@pytest.mark.django_db(transaction=True)
def test_twins_of_before_all_keep_a_way_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate([BEFORE])
    try:
        old = executor.loader.project_state([BEFORE]).apps.get_model("annotation", "User")
        projects = executor.loader.project_state([BEFORE]).apps.get_model("annotation", "Project")
        round = projects.objects.create(name="Round", pseudonym_key="0" * 64)
        texts = ["a red  fox", "a red fox", "two  dogs", "a cat"]
        for text in texts:
            digest = hashlib.sha256(text.encode()).hexdigest()
            round.prompts.create(text=text, digest=digest)
        made = {}
        for name, more in {
            "Bob": {},
            "bob": {"is_active": False},
            "BOB": {},
            "bob-2": {},
            "Admin": {},
            "admin": {"is_superuser": True},
            "carol": {},
            "\ufdfa" * 150: {},
        }.items():
            password = make_password(f"the password of {name}")
            made[name] = old.objects.create(username=name, password=password, **more).pk
        capsys.readouterr()
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    told = capsys.readouterr().err
    digests = dict(Project.objects.get(pk=round.pk).prompts.values_list("text", "digest"))
    assert set(digests) == set(texts), "nothing is merged or lost"
    for text in ("a red fox", "two dogs", "a cat"):
        found = prompt_for(Project.objects.get(pk=round.pk), text)
        assert found is not None
        assert " ".join(found.text.split()) == text
    assert Project.objects.get(pk=round.pk).prompts.count() == len(texts)
    names = {name: User.objects.get(pk=pk).username for name, pk in made.items()}
    assert names["admin"] == "admin"
    assert names["Admin"] == "Admin-2"
    assert names["Bob"] == "Bob"
    assert names["BOB"] == "BOB-3", "bob-2 is the name of a third person"
    assert names["bob"] == "bob-4"
    assert (names["bob-2"], names["carol"]) == ("bob-2", "carol")
    assert "“Admin” is now “Admin-2”" in told
    for name in ("Bob", "BOB", "Admin", "admin", "carol", "bob-2"):
        for spelling in {name, names[name]}:
            client = Client()
            form = {"login": spelling, "password": f"the password of {name}"}
            page = client.post(reverse("account_login"), form, follow=True)
            assert client.session.get("_auth_user_id") == str(made[name]), spelling
            if spelling != names[name]:
                assert names[name] in page.content.decode()
    for user in User.objects.all():
        assert user.name_key == name_key(user.username)
