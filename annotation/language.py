"""A reader's language, beside what Django does: the sentences of scripts, and those that were stored."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from django.conf import settings
from django.utils.formats import get_format
from django.utils.translation import get_language

# What a sentence with gaps must have beside them, so that it cannot be mistaken for another.
LEAST_LETTERS = 4
GAP = re.compile(r"%\((\w+)\)[sd]")
NUMBER = re.compile(r"\d{1,3}(,\d{3})+|\d+\.\d+")


def script_sentences() -> dict[str, str | list[str]]:
    """The catalogue of our scripts as annotation/i18n.js reads it; empty where they say what they say."""
    return _script_sentences(get_language() or "en")


@cache
def _script_sentences(language: str) -> dict[str, str | list[str]]:
    return {
        message.id if isinstance(message.id, str) else message.id[0]: message.string
        if isinstance(message.string, str)
        else list(message.string)
        for message in _catalogue(language, "djangojs")
        if message.id
    }


def said(stored: str) -> str:
    """A sentence that the program has stored, in the reader's language; what people wrote stays as it is.

    Sentences are stored in English, by workers and for every reader: that which looks like one of the
    catalogue's is said as the catalogue has it, with what stands in its gaps.
    """
    language = get_language() or "en"
    whole, gapped = _stored_sentences(language)
    if stored in whole:
        return whole[stored]
    for letters, pattern, sentence in gapped:
        # Nearly none comes as far as the pattern, which would be slow on a text made to be so.
        if all(part in stored for part in letters) and (match := pattern.fullmatch(stored)):
            gaps = match.groupdict(default="").items()
            return sentence({name: _gap(value) for name, value in gaps}).rstrip()
    return stored


def _gap(value: str) -> str:
    if NUMBER.fullmatch(value):
        return number(value)
    # A single word is somebody's name more often than one of ours.
    return "; ".join(said(part) if " " in part else part for part in value.split("; "))


def number(text: str) -> str:
    """A number, or several, as English writes them: `1,234.5`; as the reader's language does."""
    marks = {".": get_format("DECIMAL_SEPARATOR"), ",": get_format("THOUSAND_SEPARATOR")}
    return "".join(marks.get(mark, mark) for mark in text)


Sentence = Callable[[dict[str, str]], str]
# What it has beside its gaps, the whole of it with groups for them, and its translation.
Gapped = list[tuple[list[str], re.Pattern[str], Sentence]]


@cache
def _stored_sentences(language: str) -> tuple[dict[str, str], Gapped]:
    """Those without gaps, and the others, that with the most letters first."""
    whole: dict[str, str] = {}
    gapped: Gapped = []
    for original, translated in _sentences(_catalogue(language, "django")):
        if not GAP.search(original):
            whole[original.replace("%%", "%")] = translated.replace("%%", "%")
            continue
        letters = [part.replace("%%", "%").strip() for part in GAP.split(original)[::2]]
        if len(re.sub(r"\W", "", "".join(letters))) >= LEAST_LETTERS:
            gapped.append((letters, _pattern(original), translated.__mod__))
    return whole, sorted(gapped, key=lambda one: -len("".join(one[0])))


def _sentences(catalogue: Catalog) -> Iterator[tuple[str, str]]:
    for message in catalogue:
        if not message.id or message.context:
            continue
        ids, strings = in_forms(message.id), in_forms(message.string)
        yield ids[0], strings[0]
        if len(ids) > 1:
            yield ids[1], strings[-1]


def in_forms(text: str | Sequence[str] | None) -> Sequence[str]:
    """A message's sentence, or its sentences, one for each form of the plural."""
    return (text,) if isinstance(text, str) else text or ("",)


def _pattern(sentence: str) -> re.Pattern[str]:
    parts, known = [], set()
    for at, part in enumerate(GAP.split(sentence)):
        if at % 2 == 0:
            parts.append(re.escape(part.replace("%%", "%")))
        elif part in known:
            parts.append(f"(?P={part})")
        else:
            known.add(part)
            parts.append(f"(?P<{part}>.+?)")
    if len(parts) > 2 and parts[-1] == "":
        # What others have said of it comes last, and may be missing.
        parts[-3:] = [parts[-3].removesuffix("\\ "), f"(?:\\ ?{parts[-2]})?"]
    return re.compile("".join(parts), re.DOTALL)


def _catalogue(language: str, domain: str) -> Any:
    for folder in settings.LOCALE_PATHS:
        path = Path(folder) / language / "LC_MESSAGES" / f"{domain}.mo"
        if path.exists():
            with path.open("rb") as file:
                return read_mo(file)
    return Catalog()
