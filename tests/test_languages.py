"""Pages in a person's language: chosen by the browser or by the person, and whole, down to the last word."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import trans_real

from annotation import language
from annotation.models import Flag, Image, Project, Role, Scope, User
from annotation.services.flags import dismiss_flag, pause_person, raise_flag
from annotation.services.images import update_image
from annotation.services.members import create_invitation
from annotation.services.projects import update_project
from annotation.services.webhooks import create_webhook, send_test
from annotation.tokens import create_token
from config import translations
from rating import services
from rating.exports import FORMATS
from rating.exports.jobs import request_export, run_export
from rating.services import recompute
from tests.conftest import PASSWORD
from tests.pages import compare_some, logged_in
from tests.test_pages import PAGES, url_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _speak_english_again() -> Iterator[None]:
    """A request's language stays in its thread until the next request."""
    yield
    translation.deactivate()


GERMAN: Any = {"headers": {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}}


# --- Choosing ----------------------------------------------------------------------------------------


def test_the_browser_chooses_the_language_until_the_person_does(client, bob):
    assert '<html lang="en"' in client.get("/login/").text
    page = client.get("/login/", **GERMAN).text
    assert '<html lang="de"' in page
    assert "Auf diesem Computer angemeldet bleiben" in page
    french = {"headers": {"accept-language": "fr"}}
    assert '<html lang="en"' in client.get("/login/", **french).text
    client.post(reverse("set_language"), {"language": "de", "next": "/login/"})
    assert '<html lang="de"' in client.get("/login/").text


def test_the_chosen_language_survives_login_and_logout(client, bob):
    answer = client.post(reverse("set_language"), {"language": "de", "next": "/login/"})
    assert answer["Location"] == "/login/"
    cookie = answer.cookies["language"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert int(cookie["max-age"]) > 100 * 24 * 3600
    client.post("/login/", {"login": "bob", "password": PASSWORD})
    assert "Sie sind noch in keinem Projekt." in client.get("/").text
    assert "Sie sind abgemeldet." in client.post("/logout/", follow=True).text
    client.post(reverse("set_language"), {"language": "en", "next": "/login/"})
    assert "Log in" in client.get("/login/", **GERMAN).text


def test_the_switch_leads_nowhere_else_and_needs_a_post_with_a_token(bob):
    own = logged_in(bob)
    away = own.post(reverse("set_language"), {"language": "de", "next": "https://evil.example/"})
    assert away["Location"] == "/"
    unknown = own.post(reverse("set_language"), {"language": "xx", "next": "/"})
    assert "language" not in unknown.cookies
    assert own.get(reverse("set_language"), {"language": "de"}).status_code == 405
    strict = logged_in(bob, enforce_csrf_checks=True)
    assert strict.post(reverse("set_language"), {"language": "de"}).status_code == 403


# --- The API -----------------------------------------------------------------------------------------


def test_the_api_says_its_sentences_in_the_language_of_who_asks_and_keeps_its_words(
    project, images, bob
):
    update_project(project.id, state=Project.State.PAUSED)
    url = reverse("api-assignments", args=[project.id])
    own = logged_in(bob)
    german = own.post(url, {}, content_type="application/json", **GERMAN)
    assert german.json()["reason"] == "Das Projekt ist pausiert: Es gibt nichts zu vergleichen."
    assert german["Content-Language"] == "de"
    assert "Accept-Language" in german["Vary"]
    english = own.post(url, {}, content_type="application/json")
    assert english.json()["reason"] == "The project is paused: there is nothing to compare."
    told = own.get(reverse("api-project", args=[project.id]), **GERMAN).json()
    assert (told["state"], told["role"]) == ("paused", "annotator")


def test_the_schema_of_the_api_is_english_for_everybody(alice):
    own = logged_in(alice)
    assert own.get("/api/v1/schema/", **GERMAN).content == own.get("/api/v1/schema/").content


# --- What was stored ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "german"),
    [
        ("image excluded", "Bild ausgeschlossen"),
        (
            "12 of 20 known answers are right: 60 % (40–78 %), surely below 65 %.",
            "12 von 20 bekannten Antworten sind richtig: 60 % (40–78 %), sicher unter 65 %.",
        ),
        (
            "Kendall’s tau of the ranking is 0.81 to 0.90 with 95 % certainty; 0.8 was wanted.",
            "Kendalls Tau der Rangliste liegt mit 95 % Sicherheit bei 0,81 bis 0,90; gewünscht war 0,8.",
        ),
        ("The hub refused with status 500.", "Der Hub hat mit dem Status 500 abgelehnt."),
        ("Duplicate of a b.png", "Duplikat von a b.png"),
        ("line 3: a.png", "Zeile 3: a.png"),
        ("too blurred, says bob", "too blurred, says bob"),
        ("", ""),
    ],
)
def test_a_stored_sentence_is_said_in_the_readers_language(stored, german):
    assert language.said(stored) == stored
    with translation.override("de"):
        assert language.said(stored) == german


def test_sentences_are_stored_in_english_whoever_asks(project, images, alice, bob):
    """What a manager does in German is not German for everybody."""
    compare_some(project, bob)
    own = logged_in(alice)
    own.post(reverse("pause_person", args=[project.id, bob.id]), {"reason": ""}, **GERMAN)
    assert "Pausiert" in own.get(reverse("dashboard", args=[project.id]), **GERMAN).text
    assert "Paused" in own.get(reverse("dashboard", args=[project.id])).text


# --- Down to the last word ---------------------------------------------------------------------------

OPEN, CLOSE, STOPS = "«", "»", " ,·:.;()\n"


@pytest.fixture
def pseudo(tmp_path: Path, settings: Any) -> Iterator[re.Pattern[str]]:
    """Every sentence of ours translated by marks around it; what Django and allauth say, for itself."""
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    for source in translations.sources():
        marked = Catalog(locale="de")
        for message in translations.read(source):
            if message.id:
                marked.add(message.id, _marked(message.id), context=message.context)
        with (folder / f"{source.stem}.mo").open("wb") as file:
            write_mo(file, marked)
    settings.LOCALE_PATHS = [tmp_path]
    _forget_catalogues()
    with translation.override("de"):
        catalogue: Any = trans_real.catalog()
    foreign = {str(string) for _, string in catalogue._catalog.items()}
    # With their gaps filled; what is nearly only gaps would be anything.
    gap = re.compile(r"%(\\\(\w+\\\))?[sd]")
    said = [re.escape(string.strip(STOPS)) for string in foreign if OPEN not in string]
    patterns = [gap.sub(".+", one) for one in said if len(re.sub(r"\W", "", gap.sub("", one))) > 2]
    yield re.compile("|".join(patterns))
    _forget_catalogues()


def _marked(id: Any) -> Any:
    if isinstance(id, tuple | list):
        return tuple(_marked(one) for one in id)
    return f"{OPEN}{id}{CLOSE}"


def _forget_catalogues() -> None:
    trans_real._translations = {}  # type: ignore[attr-defined]
    trans_real._default = None  # type: ignore[attr-defined]
    trans_real._active = translation.trans_real.Local()  # type: ignore[attr-defined]
    language._script_sentences.cache_clear()
    language._stored_sentences.cache_clear()


class Words(HTMLParser):
    """What is read on a page: its text, and the attributes that are read out or shown."""

    READ = {"title", "alt", "aria-label", "placeholder"}

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.unread = 0
        self.depth = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.unread += tag in ("script", "style")
        for name, value in attributes:
            if name in self.READ and value:
                self.found.append(_outside(value, 0)[0])

    def handle_endtag(self, tag: str) -> None:
        self.unread -= tag in ("script", "style")

    def handle_data(self, text: str) -> None:
        if not self.unread:
            # A sentence with a link in it begins in one text and ends in another.
            outside, self.depth = _outside(text, self.depth)
            self.found.append(outside)


def _outside(text: str, depth: int) -> tuple[str, int]:
    """What stands outside all marks; the depth at the end."""
    kept = []
    for mark in text:
        depth -= mark == CLOSE
        if depth == 0:
            kept.append(mark if mark != CLOSE else " ")
        depth += mark == OPEN
    return "".join(kept).replace(OPEN, " ").strip(), depth


# What people have named, and words that are the same everywhere.
NAMES = re.compile(
    r"alice|bob|carol|rita|dave|Sunsets|a cat|\w+\.png|blurred|a script|for Erik|Which image is better\?"
    r"|better"
    r"|https?://\S+|msg_\w+|webhook\.test|\w+\.\w+_changed|run\.finished|\w+\.(finished|milestone|flagged)"
    r"|Pairwright|UTC|SHA-256|mu|sigma|KB|Bytes|kB|MB|English|Deutsch|train=0.9,test=0.1|our-team/cats"
    # What stands on keys.
    r"|(Shift\+|Ctrl\+)?(←|→|↑|↓)|Backspace|Esc"
    # Keys and formats of the API and of exports.
    r"|read|annotate|export|manage|path|/[\w/.-]+|[0-9a-f]{8,}"
)
# The names of an export's options and their values are those of the API.
EXPORT_WORDS = {
    word
    for format in FORMATS.values()
    for word in (
        format.key,
        *format.files,
        *(f".{file}" for file in format.files),
        *(option.name.replace("_", " ") for option in format.all_options),
        *(choice for option in format.all_options for choice in getattr(option, "choices", ())),
    )
}


def not_translated(page: str, foreign: re.Pattern[str]) -> list[str]:
    reader = Words()
    reader.feed(page)
    left = []
    for text in reader.found:
        text = text.strip(STOPS)
        bare = NAMES.sub("", text)
        if (
            re.search(r"[^\W\d_]{2}", bare)
            and not foreign.fullmatch(text)
            and text not in EXPORT_WORDS
        ):
            left.append(text)
    return left


@pytest.fixture
def lived_in(
    project: Project, images: list[Image], alice: User, bob: User, carol: User, settings: Any
) -> dict[str, Any]:
    """A project in which everything has happened that a page may tell of."""
    settings.WEBHOOK_TARGETS = ["hooks.example.org"]
    settings.HUB_ENABLED = True
    changed: dict[str, Any] = {
        "target": "tau",
        "target_value": 0.9,
        "instructions": "Sunsets",
        "overlap": 3,
    }
    update_project(project.id, **changed)
    for image in images[:3]:
        update_image(image, prompt="a cat")
    project.refresh_from_db()
    compare_some(project, bob, 2)
    compare_some(project, carol, 1)
    update_image(images[3], excluded=True, reason="blurred")
    for person, level in ((bob, "warn"), (carol, "pause")):
        raise_flag(
            project,
            person.id,
            Flag.Signal.GOLD,
            Flag.Level(level),
            "1 of 20 known answers are right: 5 % (1–20 %), surely below 65 %.",
            {},
        )
    pause_person(
        project, carol.id, None, "1 of 20 known answers are right: 5 % (1–20 %), surely below 65 %."
    )
    dismiss_flag(project, Flag.objects.get(annotator=bob).id, alice)
    services.set_aside(project, bob.id, alice, "blurred")
    create_invitation(project, alice, Role.ANNOTATOR, "for Erik")
    create_token(user=alice, name="a script", scopes=[Scope.READ], days=30)
    webhook, _ = create_webhook(project, alice, "https://hooks.example.org/")
    send_test(webhook)
    export = request_export(project, alice, "rankings", {})
    run_export(export.id)
    request_export(project, alice, "pairs", {})
    recompute(project.id)
    # Who has read the introduction comes to the first pair.
    project.memberships.update(introduced_at=timezone.now())
    return {"project": project.id, "image": images[0].id, "webhook": webhook.id}


def test_every_word_of_every_page_is_translated(lived_in, pseudo, alice):
    own = logged_in(alice)
    pages = {at: own.get(url_of(at, lived_in), **GERMAN).text for at in PAGES if at[0] != "image"}
    assert [at for at, text in pages.items() if OPEN not in text] == []
    found = {at: not_translated(text, pseudo) for at, text in pages.items()}
    assert {at: left for at, left in found.items() if left} == {}


def test_every_word_of_the_pages_for_strangers_and_of_failures_is_translated(
    client, lived_in, pseudo
):
    _, token = create_invitation(
        Project.objects.get(), User.objects.get(username="alice"), Role.REVIEWER
    )
    for url in ("/login/", "/inactive/", "/nowhere/", f"/invitations/{token}/", "/invitations/x/"):
        assert not_translated(client.get(url, **GERMAN).text, pseudo) == [], url
    for status in (400, 403, 429, 500, 503):
        with translation.override("de"):
            page = render_to_string(f"{status}.html")
        assert not_translated(page, pseudo) == [], status
    strict = logged_in(User.objects.get(username="bob"), enforce_csrf_checks=True)
    assert not_translated(strict.post("/logout/", **GERMAN).text, pseudo) == []


def test_untranslated_words_of_a_page_are_found():
    page = f'<p title="why">{OPEN}ok {OPEN}x{CLOSE} <a>y</a>{CLOSE} not so <b>bob</b> 3 %</p>'
    assert not_translated(page, re.compile("nothing")) == ["why", "not so"]


# --- German ------------------------------------------------------------------------------------------


def test_numbers_and_dates_are_as_the_language_has_them(project, images, alice, bob):
    compare_some(project, bob, 3)
    recompute(project.id)
    own = logged_in(alice)
    ranking = own.get(reverse("ranking", args=[project.id]), **GERMAN).text
    assert re.search(r'<td class="number">\d+,\d\d</td>', ranking)
    assert re.search(r'x1="\d+(\.\d+)?"', ranking)
    assert not re.search(r'(x1|x2|y1|y2|width|height|value|max)="\d+,', ranking)
    members = own.get(reverse("members", args=[project.id]), **GERMAN).text
    assert re.search(r"\d+\. \w+\.? \d{4}", members)
    dashboard = own.get(reverse("dashboard", args=[project.id]), **GERMAN).text
    assert not re.search(r'(x1|x2|y1|y2|width|height|value|max|points)="\d+,\d+"', dashboard)
    with translation.override("en"):
        assert language.number("1,234.5") == "1,234.5"
    with translation.override("de"):
        assert language.number("1,234.5") == "1.234,5"


def test_a_script_is_given_its_sentences_only_where_it_needs_them(project, images, bob):
    own = logged_in(bob)
    german = own.get(reverse("compare", args=[project.id]), **GERMAN).text
    assert '<script id="catalogue" type="application/json">' in german
    assert "Warten auf den Server" in german
    assert 'id="catalogue"' not in own.get(reverse("compare", args=[project.id])).text
