"""The translations: `python -m config.translations` compiles them; `update` finds what is to be translated.

One catalogue for all parts, in config/locale, because the templates, which most sentences are in, belong
to no one of them, and so that each word is translated once. django.po is of Python and the templates,
djangojs.po of the scripts. The .po files are kept in the repository; the .mo files that are read at run
time are made of them at set-up. Babel does it all, so nobody needs the programs of gettext.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "config" / "locale"
PARTS = ("annotation", "config", "rating")
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
}

# Sentences of scripts may stand inside of `${…}`.
OPTIONS = {"parse_template_string": True}


# --- Compiling ---------------------------------------------------------------------------------------


def sources() -> list[Path]:
    return sorted(LOCALE.glob("*/LC_MESSAGES/*.po"))


def stale() -> list[Path]:
    """The sources whose compiled file is missing, or older."""
    return [path for path in sources() if not _is_fresh(path)]


def _is_fresh(path: Path) -> bool:
    compiled = path.with_suffix(".mo")
    return compiled.exists() and compiled.stat().st_mtime >= path.stat().st_mtime


def compile_stale() -> None:
    """Replaced whole, so that who reads meanwhile, or compiles too, finds either the old or the new one."""
    for path in stale():
        made = BytesIO()
        mofile.write_mo(made, read(path))
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(made.getvalue())
        draft.replace(path.with_suffix(".mo"))


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return pofile.read_po(file, locale=path.parent.parent.name, abort_invalid=True)


# --- Finding what is to be translated ----------------------------------------------------------------


def extracted(domain: str) -> Catalog:
    """Every sentence of the sources, with the files that it is in."""
    # Loaded where it is used: every process of the program imports this module, and few look for sentences.
    from babel.messages.extract import extract

    found = Catalog(project="Pairwright", charset="utf-8")
    for path, method in _files(domain):
        text = path.read_text()
        if method == "template":
            text, method = _as_python(text), "python"
        for _, message, comments, context in extract(
            method,
            BytesIO(text.encode()),
            KEYWORDS,
            comment_tags=("Translators:",),
            options=OPTIONS,
        ):
            # Without the lines, which change too often to be worth a change of the catalogue.
            where: Any = [(str(path.relative_to(ROOT)), None)]
            found.add(message, locations=where, auto_comments=comments, context=context)
    return found


def _files(domain: str) -> Iterator[tuple[Path, str]]:
    if domain == "djangojs":
        for path in sorted((ROOT / "annotation/static/annotation").glob("*.js")):
            yield path, "javascript"
        return
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            if path != Path(__file__):
                yield path, "python"
    for path in sorted((ROOT / "templates").rglob("*.*")):
        yield path, "template"


def _as_python(template: str) -> str:
    """The template's sentences as calls of gettext; lines begin at the margin, where no depth is wrong."""
    from django.utils.translation.template import templatize

    return re.sub(r"^[ \t]+", "", str(templatize(template)), flags=re.MULTILINE)


def update() -> None:
    """Bring what is new into the .po files; what is gone goes, since the history keeps it."""
    for path in sources():
        catalogue = read(path)
        catalogue.update(extracted(path.stem), no_fuzzy_matching=True, update_creation_date=False)
        catalogue.obsolete.clear()
        with path.open("wb") as file:
            pofile.write_po(file, catalogue, width=100, sort_by_file=True, include_lineno=False)


def untranslated(path: Path) -> list[str]:
    return [
        str(message.id) for message in read(path) if message.id and not is_whole(message.string)
    ]


def is_whole(string: str | Iterable[str] | None) -> bool:
    return bool(string) and all(string or ())


if __name__ == "__main__":
    if sys.argv[1:] == ["update"]:
        update()
        for source in sources():
            missing = untranslated(source)
            print(f"{source.relative_to(ROOT)}: {len(missing)} to translate", *missing, sep="\n  ")
    compile_stale()
