"""What the keys do where images are judged, and each person's own choice of them.

Keys of one character are a trap for people who speak to their computer, or whose hands tremble: so each
can be changed, and all of them switched off (WCAG 2.1.4). A person keeps what differs from the defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.errors import Invalid
from annotation.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MOST_KEYS = 4  # for one action


@dataclass(frozen=True)
class Action:
    """Something that keys do. With places, its keys stand for the first, second … of several things."""

    label: StrOrPromise
    defaults: tuple[str, ...]
    places: int = 0


def _digits(last: int) -> tuple[str, ...]:
    return tuple(str(digit) for digit in range(1, last + 1))


ANYWHERE = {
    "undo": Action(gettext_lazy("Undo"), ("u",)),
    "skip": Action(gettext_lazy("Skip; pressed again, at once"), ("s",)),
    "flip": Action(gettext_lazy("Hold: the other image on the same spot"), ("f",)),
    "difference": Action(gettext_lazy("The difference of the two"), ("d",)),
    "reference": Action(gettext_lazy("Hold: the reference image"), ("r",)),
    "zoom_in": Action(gettext_lazy("Larger"), ("+", "=")),
    "zoom_out": Action(gettext_lazy("Smaller"), ("-",)),
    "zoom_reset": Action(gettext_lazy("The whole image"), ("0",)),
    "pan": Action(
        gettext_lazy("Move what is enlarged: left, right, up, down"),
        ("Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"),
        places=4,
    ),
    "help": Action(gettext_lazy("Show the keys"), ("?",)),
}
PAIR = {
    "left": Action(gettext_lazy("The left or top image"), ("ArrowLeft", "1")),
    "right": Action(gettext_lazy("The right or bottom image"), ("ArrowRight", "2")),
    "tie": Action(gettext_lazy("Tie"), ("ArrowDown", "3")),
    "both_bad": Action(gettext_lazy("Both bad"), ("ArrowUp", "4")),
}
SEVERAL = {
    "pick": Action(gettext_lazy("Choose image 1, 2, 3 …"), _digits(9), places=9),
    "take_back": Action(gettext_lazy("Take the last choice back"), ("Backspace",)),
}
DETAILS = {
    "strength": Action(gettext_lazy("Slightly, clearly, much better"), _digits(3), places=3),
    "tag": Action(gettext_lazy("Tick tag 1, 2, 3 …"), tuple("abcdefghi"), places=9),
}
CAUSES = {
    "broken": Action(gettext_lazy("An image is broken"), ("b",)),
    # Not u: whoever skips and wants to undo that at once shall not report an image.
    "unsafe": Action(gettext_lazy("An image is not safe to show"), ("n",)),
    "unknown": Action(gettext_lazy("I cannot tell"), ("k",)),
}
# As the page that changes them and the help show them.
GROUPS: list[tuple[StrOrPromise, dict[str, Action]]] = [
    (gettext_lazy("Two images"), PAIR),
    (gettext_lazy("Several images"), SEVERAL),
    (gettext_lazy("Always"), ANYWHERE),
    (gettext_lazy("After an answer, if the project asks for more"), DETAILS),
    (gettext_lazy("After “Skip”"), CAUSES),
]
ACTIONS = {name: action for _label, actions in GROUPS for name, action in actions.items()}
# What may be meant at the same time: in each of these, a key means one thing.
TOGETHER = [
    {**ANYWHERE, **PAIR},
    {**ANYWHERE, **SEVERAL},
    DETAILS,
    {**CAUSES, "skip": ANYWHERE["skip"]},
]

ARROWS = {"ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓"}
NAMED = [*ARROWS, "Backspace", "Delete", "Insert", "Home", "End", "PageUp", "PageDown"]
NAMED += [f"F{number}" for number in range(1, 13)]
# As people write them.
SPELLINGS = {
    **{name.lower(): name for name in NAMED},
    **{arrow: name for name, arrow in ARROWS.items()},
    **{name.removeprefix("Arrow").lower(): name for name in ARROWS},
}
MODIFIERS = ("Ctrl", "Alt", "Shift")
_KEY = re.compile(r"((?:(?:ctrl|alt|shift)\+)*)(\S+)", re.IGNORECASE)


def keys_of(user: User) -> dict[str, list[str]]:
    """The keys of each action, as this person has them; of places, "" where one has no key."""
    own: Mapping[str, Any] = user.keys.get("own", {})
    keys = {name: list(own.get(name, action.defaults)) for name, action in ACTIONS.items()}
    if user.keys.get("no_single"):
        for name, action in ACTIONS.items():
            keys[name] = (
                ["" if _is_single(key) else key for key in keys[name]]
                if action.places
                else [key for key in keys[name] if not _is_single(key)]
            )
    return keys


def set_keys(user: User, chosen: Mapping[str, list[str]], *, no_single: bool) -> None:
    """Keep what differs from the defaults. Refused while one key means two things."""
    wanted = {name: chosen.get(name, list(action.defaults)) for name, action in ACTIONS.items()}
    if conflict := conflicts(wanted):
        name, sentence = next(iter(conflict.items()))
        raise Invalid(sentence, name)
    own = {name: keys for name, keys in wanted.items() if keys != list(ACTIONS[name].defaults)}
    user.keys = {"own": own} if own else {}
    if no_single:
        user.keys["no_single"] = True
    user.save(update_fields=["keys"])


def conflicts(keys: Mapping[str, list[str]]) -> dict[str, str]:
    """By the action that comes second: which key is taken, and by what."""
    found: dict[str, str] = {}
    for actions in TOGETHER:
        taken: dict[str, str] = {}
        for name in actions:
            for key in filter(None, keys.get(name, [])):
                other = taken.setdefault(key, name)
                if other != name:
                    found[name] = _("“%(key)s” is already the key for “%(action)s”.") % {
                        "key": label_of(key),
                        "action": ACTIONS[other].label,
                    }
                elif keys[name].count(key) > 1:
                    found[name] = _("“%(key)s” stands here twice.") % {"key": label_of(key)}
    return found


def parsed(text: str, action: Action) -> list[str]:
    """The keys that somebody has written, separated by spaces. Raises Invalid."""
    keys = [_parsed(word) for word in text.split()]
    most = action.places or MOST_KEYS
    if len(keys) > most:
        raise Invalid(_("There can be at most %(most)s keys here.") % {"most": most})
    return keys


def _parsed(word: str) -> str:
    match = _KEY.fullmatch(word)
    assert match, "a word has no spaces, and is not empty"
    given, key = match.groups()
    key = SPELLINGS.get(key.lower(), key.lower())
    if len(key) > 1 and key not in NAMED:
        raise Invalid(
            _(
                "“%(word)s” cannot be a key here. Write a character, or Left, Right, Up, Down, Backspace, "
                "Delete, Insert, Home, End, PageUp, PageDown, F1 to F12; before it Ctrl+, Alt+ or Shift+. "
                "Enter, Escape, Tab and Space always press buttons and move about."
            )
            % {"word": word}
        )
    modifiers = [one for one in MODIFIERS if one.lower() + "+" in given.lower()]
    if len(key) == 1 and key == key.upper() and "Shift" in modifiers:
        modifiers.remove("Shift")  # it has made this sign of another, on this keyboard or that
    return "+".join([*modifiers, key])


def label_of(key: str) -> str:
    """As it stands on a button."""
    *modifiers, last = _parts(key)
    return "+".join([*modifiers, ARROWS.get(last, last)])


def labels_of(keys: Iterable[str]) -> str:
    return " ".join(label_of(key) for key in keys if key)


def shortcuts_of(keys: Iterable[str]) -> str:
    """As the attribute aria-keyshortcuts spells them."""
    spelled = []
    for key in filter(None, keys):
        *modifiers, last = _parts(key)
        names = ["Control" if one == "Ctrl" else one for one in modifiers]
        spelled.append("+".join([*names, "Plus" if last == "+" else last]))
    return " ".join(spelled)


def _parts(key: str) -> list[str]:
    """The modifiers and the key itself, which may be a plus."""
    modifiers, _plus, last = key[:-1].rpartition("+")
    return [*modifiers.split("+"), last + key[-1]] if modifiers else [key]


def _is_single(key: str) -> bool:
    """A letter, digit or sign, typed without Ctrl or Alt; Shift makes it but another one."""
    *modifiers, last = _parts(key) if key else [""]
    return len(last) == 1 and not {"Ctrl", "Alt"} & set(modifiers)
