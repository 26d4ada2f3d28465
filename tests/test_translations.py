"""No sentence is forgotten: what people read is marked for translation, and what is marked is translated."""

import ast
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from annotation.language import in_forms
from config import translations
from config.translations import KEYWORDS, ROOT
from rating.algorithms.methods import METHODS
from rating.exports import FORMATS
from rating.views import words

# Once for all tests, since it reads every source.
extracted = cache(translations.extracted)
LETTERS = re.compile(r"[A-Za-z]{2}")
SOURCES = pytest.mark.parametrize("source", translations.sources(), ids=lambda path: path.stem)


# --- What is marked is translated ----------------------------------------------------------------------


@SOURCES
def test_every_sentence_of_the_sources_is_translated_and_no_other(source: Path) -> None:
    """`make messages` brings new sentences into the catalogue, and takes old ones out."""
    catalogue = translations.read(source)
    known = {(message.context, message.id) for message in catalogue if message.id}
    asked = {(m.context, m.id) for m in extracted(source.stem) if m.id}
    assert asked - known == set(), "not in the catalogue: make messages"
    assert known - asked == set(), "in no source any more: make messages"
    assert translations.untranslated(source) == []
    assert [message.id for message in catalogue if message.fuzzy] == []
    assert not catalogue.obsolete


@SOURCES
def test_a_translation_keeps_what_stands_in_the_gaps_of_its_sentence(source: Path) -> None:
    catalogue = translations.read(source)
    for message in catalogue:
        if not message.id:
            continue
        assert message.check(catalogue) == [], message.id
        # A sentence of one thing need not have its number.
        asked = [_gaps(sentence) for sentence in in_forms(message.id)]
        for string in in_forms(message.string):
            assert _gaps(string) in asked, message.id


def _gaps(sentence: str) -> list[str]:
    """Names, tags of HTML, doubled per cents, and what surrounds a sentence."""
    found = re.findall(r"%\(\w+\)s|%%|\{\w+\}|</?\w+", sentence)
    return [*sorted(found), *re.findall(r"^\s|\s$", sentence)]


def test_words_of_parts_that_know_no_language_are_marked_in_another() -> None:
    assert {method.title for method in METHODS.values()} <= set(words.METHODS)
    catalogue = {m.id for m in extracted("django")}
    told = [one for format in FORMATS.values() for one in (format.title, format.help)]
    told += [option.help for format in FORMATS.values() for option in format.all_options]
    assert {one for one in told if one} - catalogue == set()


# --- What people read is marked ------------------------------------------------------------------------

# What a template may say in all languages alike.
SAME_EVERYWHERE = {
    "Pairwright",
    "Esc",
    "UTC",
    "SHA-256",
    "mu",
    "sigma",
    "train=0.9,test=0.1",
    "our-team/cats",
}
TAG = re.compile(
    r"{%\s*comment.*?endcomment\s*%}|{%\s*blocktranslate.*?endblocktranslate\s*%}|{#.*?#}|{%.*?%}|{{.*?}}"
    r"|<(script|style)\b.*?</\1>|<!--.*?-->",
    re.DOTALL,
)
READ = re.compile(r"\b(?:title|alt|aria-label|aria-description|placeholder|label)=([\"'])(.*?)\1")


def unmarked(template: str) -> list[str]:
    """What of a template people would read in English in every language."""
    template = re.sub(r"{% block look %}.*?{% endblock %}", "", template)
    # In a date's format, or a word for nothing.
    bare = re.findall(
        r"(?:date|default|default_if_none):[\"']([^\"']*[A-Za-z][^\"']*)[\"']", template
    )
    text = TAG.sub("\0", re.sub(r"&\w+;", " ", template))
    read = [value for _, value in READ.findall(text)]
    read += re.sub(r"<[^>]*>", "\0", text).split("\0")
    parts = [part.strip(" \n·,:;()") for value in read for part in value.split("\0")]
    wrong = [part for part in parts if LETTERS.search(part)]
    # The format of times for machines.
    bare = [one for one in bare if one != "c"]
    return [*(part for part in wrong if part not in SAME_EVERYWHERE), *bare]


@pytest.mark.parametrize(
    "path",
    # The page of the API's documentation is the work of another program.
    [path for path in sorted((ROOT / "templates").rglob("*.*")) if path.parent.name != "api"],
    ids=lambda path: path.name,
)
def test_a_template_says_nothing_unmarked(path: Path) -> None:
    assert unmarked(path.read_text()) == []


def test_unmarked_words_of_a_template_are_found() -> None:
    assert unmarked(
        """<p title="Why">Hello {{ name|date:"j M" }} {% if x %}there{% endif %}</p>"""
    ) == [*("Why", "Hello", "there", "j M")]


# Whose first argument, or second for messages, people read.
REFUSALS = {
    *("Refused", "Invalid", "Conflict", "Gone", "Unavailable", "Refusal", "PermissionDenied"),
    *("PayloadTooLarge", "PreconditionFailed", "ConflictRefusal"),
}
ARGUMENTS = {"label", "help_text", "placeholder", "empty_label"}


def unmarked_in_python(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        read: list[Any] = []
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in REFUSALS:
                read = node.args[:1] if name != "Refusal" else node.args[1:2]
            elif re.fullmatch(r"messages\.(success|error|info|warning)", name):
                read = node.args[1:2]
            elif name.startswith("forms.") or name == "FilesField":
                read = [one.value for one in node.keywords if one.arg in ARGUMENTS]
        elif isinstance(node, ast.ClassDef) and any(
            ast.unparse(base).endswith("TextChoices") for base in node.bases
        ):
            pairs = [one.value for one in node.body if isinstance(one, ast.Assign)]
            read = [pair.elts[1] for pair in pairs if isinstance(pair, ast.Tuple)]
        found += [ast.unparse(one) for one in read if _is_bare(one)]
    return found


def _is_bare(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr):
        return any(
            isinstance(part, ast.Constant) and LETTERS.search(str(part.value))
            for part in node.values
        )
    return isinstance(node, ast.Constant) and bool(LETTERS.search(str(node.value or "")))


# The purposes of assignments are shown to nobody, filters are asked for by programs.
UNSEEN = {"annotation/models/assignment.py", "annotation/api/filters.py"}


@pytest.mark.parametrize("part", ["annotation", "rating", "config"])
def test_python_says_nothing_unmarked(part: str) -> None:
    """Not looked at: what the API tells developers, commands and the pages of the administration."""
    found = {
        str(path.relative_to(ROOT)): wrong
        for path in sorted((ROOT / part).rglob("*.py"))
        if not {"migrations", "management", "serializers"} & set(path.parts)
        and not (path.parts[-2] == "api" and part == "rating")
        and path.name != "admin.py"
        and str(path.relative_to(ROOT)) not in UNSEEN
        and (wrong := unmarked_in_python(path.read_text()))
    }
    assert found == {}


def test_unmarked_words_of_python_are_found() -> None:
    text = """
class State(models.TextChoices):
    OPEN = "open", "Open"
raise Invalid(f"No {name} here", "name")
messages.error(request, "Wrong.")
raise Invalid(_("Well said"), "name")
"""
    assert sorted(unmarked_in_python(text)) == ["'Open'", "'Wrong.'", "f'No {name} here'"]


STRING = re.compile(
    r"""//[^\n]*|/\*.*?\*/|(["'])((?:\\.|(?!\1)[^\\\n])*)\1|`((?:\\.|[^`\\])*)`""", re.DOTALL
)


def unmarked_in_script(text: str) -> list[str]:
    """Strings with a word and a space, or that begin large, which are not gettext's own."""
    marked = re.compile(r"""\bn?gettext\(\s*("[^"]*"\s*(,\s*"[^"]*")?)""")
    text = marked.sub("gettext(", text)
    found = []
    for match in STRING.finditer(text):
        said = match[2] or re.sub(r"\$\{[^{}]*(\{[^{}]*\}[^{}]*)*\}", "", match[3] or "")
        if re.search(r"[A-Za-z]{2,} +[A-Za-z]|^[A-Z][a-z]+", re.sub(r"<[^>]*>", "", said)):
            found.append(said)
    return found


# Keys, headers, events and names of things of the browser.
NOT_SAID = re.compile(
    r"Arrow\w+|Backspace|Enter|Escape|Tab|Shift|Control|Ctrl|Alt|AltGraph|Meta|CapsLock|Dead|Unidentified|Plus"
    r"|Home|End|Page\w+|Files|Accept|Content-Type|Retry-After"
    r"|GET|POST|PATCH|DELETE|taken back|use strict|Worst|Best"
)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "annotation/static/annotation").glob("*.js")), ids=lambda path: path.name
)
def test_a_script_says_nothing_unmarked(path: Path) -> None:
    found = unmarked_in_script(path.read_text())
    assert [said for said in found if not NOT_SAID.fullmatch(said)] == []


def test_unmarked_words_of_a_script_are_found() -> None:
    text = """say(`You have ${a.map(({ x }) => x)} left`); say(gettext("Well said")); // nothing here
    say("Done"); say(ngettext("One thing", "Many things", 3)); import { a } from "./here.js";"""
    assert unmarked_in_script(text) == ["You have  left", "Done"]


def test_a_page_whose_script_speaks_carries_its_sentences() -> None:
    speaking = {
        path.name
        for path in (ROOT / "annotation/static/annotation").glob("*.js")
        if _imports(path) and path.name != "i18n.js"
    }
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        if set(re.findall(r"annotation/([\w-]+\.js)", text)) & speaking:
            assert '{% include "_catalogue.html" %}' in text, path


def _imports(path: Path, seen: frozenset[Path] = frozenset()) -> bool:
    """Whether a script, or one that it imports, says something."""
    text = path.read_text()
    if "./i18n.js" in text:
        return True
    others = [path.parent / name for name in re.findall(r"from \"\./([\w-]+\.js)\"", text)]
    return any(_imports(other, seen | {path}) for other in others if other not in seen)


# --- What is compiled ----------------------------------------------------------------------------------


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of our own, with one sentence, that is not compiled."""
    path = tmp_path / "de" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_text('msgid ""\nmsgstr "Language: de\\n"\n\nmsgid "Save"\nmsgstr "Sichern"\n')
    monkeypatch.setattr(translations, "LOCALE", tmp_path)
    monkeypatch.setattr(translations, "ROOT", tmp_path)
    return path


def test_who_forgets_to_compile_is_told(copied: Path, capsys: Any) -> None:
    call_command("check", "--tag", "translation")
    told = capsys.readouterr().err
    assert "pairwright.W004" in told
    assert "python -m config.translations" in told
    translations.compile_stale()
    assert translations.stale() == []
    os.utime(copied, (copied.stat().st_mtime + 60,) * 2)
    assert translations.stale() == [copied]


def test_all_ways_to_mark_a_sentence_are_known() -> None:
    used = set()
    for part in translations.PARTS:
        for path in (ROOT / part).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
                    used |= {name.asname or name.name for name in node.names}
    assert {name for name in used if "gettext" in name} <= set(KEYWORDS)
