"""Each person's own keys: changed, switched off, and as they came."""

from typing import Any

import pytest
from django.urls import reverse

from annotation.errors import Invalid
from annotation.keys import (
    ACTIONS,
    PAIR,
    conflicts,
    keys_of,
    label_of,
    parsed,
    set_keys,
    shortcuts_of,
)
from annotation.models import Image, Project, User
from tests.pages import logged_in

pytestmark = pytest.mark.django_db


def form_of(user: User, **changed: str) -> dict[str, str]:
    """The form as the page has it, with other keys for some actions."""
    form = logged_in(user).get(reverse("keys")).context["form"]
    return {name: form[name].value() for name in ACTIONS} | changed


def send(user: User, **changed: str) -> Any:
    return logged_in(user).post(reverse("keys"), form_of(user, **changed))


def test_no_two_actions_begin_with_the_same_key() -> None:
    assert conflicts({name: list(action.defaults) for name, action in ACTIONS.items()}) == {}


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        ("", []),
        ("← 1", ["ArrowLeft", "1"]),
        ("left RIGHT arrowup", ["ArrowLeft", "ArrowRight", "ArrowUp"]),
        ("X ?", ["x", "?"]),
        ("shift+ctrl+X alt++", ["Ctrl+Shift+x", "Alt++"]),
        ("Shift+? Shift+Down", ["?", "Shift+ArrowDown"]),
        ("f5 pagedown", ["F5", "PageDown"]),
    ],
)
def test_keys_are_written_as_people_would(written: str, keys: list[str]) -> None:
    assert parsed(written, PAIR["left"]) == keys
    assert parsed(" ".join(map(label_of, keys)), PAIR["left"]) == keys


@pytest.mark.parametrize("written", ["Enter", "Tab", "Escape", "Space", "xy", "ctrl+", "a b c d e"])
def test_what_cannot_be_a_key_is_refused(written: str) -> None:
    with pytest.raises(Invalid, match="key"):
        parsed(written, PAIR["left"])


def test_screen_readers_have_their_own_spelling() -> None:
    assert shortcuts_of(["+", "Ctrl+x", "", "ArrowLeft"]) == "Plus Control+x ArrowLeft"


def test_keys_are_changed_and_the_compare_page_has_them(
    project: Project, images: list[Image], bob: User
) -> None:
    assert send(bob, left="j", right="k →", undo="Ctrl+z", unknown="x").status_code == 302
    bob.refresh_from_db()
    # Only what differs is kept.
    assert bob.keys == {
        "own": {
            "left": ["j"],
            "right": ["k", "ArrowRight"],
            "undo": ["Ctrl+z"],
            "unknown": ["x"],
        }
    }
    page = logged_in(bob).get(reverse("compare", args=[project.id]))
    facts = page.context["facts"]
    assert facts["keys"]["left"] == ["j"]
    assert facts["keys"]["tie"] == ["ArrowDown", "3"]
    html = page.content.decode()
    assert "<kbd>j</kbd>" in html
    assert 'aria-keyshortcuts="Control+z"' in html


def test_one_key_cannot_mean_two_things(bob: User) -> None:
    refused = send(bob, flip="x", difference="x")
    form = refused.context["form"]
    assert form.errors == {
        "difference": ["“x” is already the key for “Hold: the other image on the same spot”."]
    }
    assert b"is already the key for" in refused.content
    assert send(bob, left="j j").context["form"].errors == {"left": ["“j” stands here twice."]}
    assert send(bob, left="Enter").context["form"].errors.keys() == {"left"}
    bob.refresh_from_db()
    assert bob.keys == {}
    with pytest.raises(Invalid, match="already"):
        set_keys(bob, {"left": ["u"]}, no_single=False)
    # What is never meant at the same time may share a key.
    assert send(bob, tag="1 2 3", strength="7 8 9").status_code == 302


def test_single_characters_are_switched_off_and_on_again(bob: User) -> None:
    assert send(bob, no_single="on", undo="u Ctrl+u", pick="Alt+1 2 Alt+3").status_code == 302
    bob.refresh_from_db()
    keys = keys_of(bob)
    assert keys["left"] == ["ArrowLeft"]
    assert keys["undo"] == ["Ctrl+u"]
    assert keys["pick"] == ["Alt+1", "", "Alt+3"]
    assert keys["skip"] == []
    assert keys["strength"] == ["", "", ""]
    # Nothing is forgotten: the form still shows them.
    assert form_of(bob)["undo"] == "u Ctrl+u"
    send(bob)
    bob.refresh_from_db()
    assert keys_of(bob)["undo"] == ["u", "Ctrl+u"]
    logged_in(bob).post(reverse("keys"), {"reset": "1"})
    bob.refresh_from_db()
    assert bob.keys == {}
