"""One normal form for whatever people name and look up: users, prompts, tags, files.

What is stored is shown as it was given; what is compared is its key. Both sides, making and looking up, use
the same key, so that no two things can have one name, and no name can lead to two things.
"""

import unicodedata
from functools import cache

# Long enough for every name that may be given; a compatibility letter can grow to eighteen.
KEY_LENGTH = 150
# Letters that nobody sees. The joiners are not among them: emoji and Persian need them.
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u2060\ufeff"))
# Alphabets that have letters in common to the eye.
ALPHABETS = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"}


def fold_text(text: str) -> str:
    """Return the text as it reads: composed (NFC), without invisible letters, single spaces, none around."""
    return " ".join(unicodedata.normalize("NFC", text).translate(INVISIBLE).split())


def prompt_key(text: str) -> str:
    """Return what two prompts that read the same have in common: `fold_text`, with case folded, too.

    It says which prompts belong together in a split, in every project; which is one prompt in a project,
    `fold_text` says.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = "".join(sign for sign in folded if unicodedata.category(sign) != "Cf")
    return " ".join(seen.split())


def name_key(name: str) -> str:
    """Return what two spellings of one name have in common: NFKC, case and white space folded."""
    folded = unicodedata.normalize("NFKC", name).translate(INVISIBLE).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())[:KEY_LENGTH]


def file_key(name: str) -> str:
    """Return the path as every system writes it: composed (NFC), with slashes, without empty steps."""
    steps = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    return "/".join(step for step in steps if step not in ("", "."))


def look_alike(one: str, other: str) -> bool:
    """Return whether a reader may take one name for the other, though their keys differ (Unicode TS 39)."""
    return bool(set(_looks(one)) & set(_looks(other)))


def mixes_alphabets(name: str) -> bool:
    """Return whether letters are of alphabets that look alike, as in a Latin name with a Cyrillic letter."""
    from confusable_homoglyphs import categories

    aliases = categories.unique_aliases(unicodedata.normalize("NFKC", name))
    return len(ALPHABETS & aliases) > 1


def _looks(name: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """How the name looks as it is written, and in small letters: "BiII" is "Bill" only as it is written."""
    shown = unicodedata.normalize("NFKC", name)
    return ("written", _skeleton(shown).casefold()), ("small", _skeleton(shown.casefold()))


def _skeleton(text: str) -> str:
    prototypes = _prototypes()
    return "".join(prototypes.get(letter, letter) for letter in unicodedata.normalize("NFD", text))


@cache
def _prototypes() -> dict[str, str]:
    """Unicode's table of letters that look alike, read once when a name is made: each letter's prototype.

    The library lists for each letter those that look like it; the prototype is the one with the longest list.
    """
    from confusable_homoglyphs.confusables import confusables_data

    likes = {
        letter: [other["c"].strip("\u200e") for other in others]
        for letter, others in confusables_data.items()
    }
    return {
        letter: max([letter, *others], key=lambda one: (len(likes.get(one, ())), one))
        for letter, others in likes.items()
        if len(letter) == 1
    }
