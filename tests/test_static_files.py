"""Scripts and styles: how much of them there is, and that nobody gets those of another version."""

import gzip
import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Project, User
from annotation.views.compare import MODULES
from config import static_files
from tests.servers import ROOT

FOLDER = ROOT / "annotation" / "static" / "annotation"
TEMPLATE = ROOT / "templates" / "annotation" / "compare.html"
STATIC_IMPORT = re.compile(r'^(?:import|export)\b[^;]*?"\./(\w+\.js)";', re.MULTILINE | re.DOTALL)
LAZY_IMPORT = re.compile(r'\bimport\(\s*"\./(\w+\.js)"')


def imported(script: str, *ways: re.Pattern[str]) -> set[str]:
    """The modules that a script imports, by which way ever, itself included."""
    found, new = set[str](), {script}
    while new:
        name = new.pop()
        found.add(name)
        text = (FOLDER / name).read_text()
        new |= {other for way in ways for other in way.findall(text)} - found
    return found


def scripts_of_the_page() -> list[str]:
    return re.findall(r"static 'annotation/(\w+\.js)'", TEMPLATE.read_text())


def test_the_compare_page_names_each_module_that_it_will_need() -> None:
    (script,) = scripts_of_the_page()
    needed = imported(script, STATIC_IMPORT) - {script}
    assert {f"{name}.js" for name in MODULES} == needed, (
        "see MODULES in annotation/views/compare.py"
    )
    assert list(MODULES) == sorted(MODULES)


@pytest.mark.django_db
def test_the_modules_are_asked_for_in_one_round_trip(
    project: Project, bob: User, client: Client
) -> None:
    client.force_login(bob)
    page = client.get(reverse("compare", args=[project.id])).content.decode()
    preloaded = re.findall(r'<link rel="modulepreload" href="/static/annotation/(\w+)\.js">', page)
    assert preloaded == list(MODULES)


def test_script_and_style_of_the_compare_page_are_small() -> None:
    (script,) = scripts_of_the_page()
    files = {*imported(script, STATIC_IMPORT, LAZY_IMPORT), "style.css"}
    sizes = {name: len(gzip.compress((FOLDER / name).read_bytes())) for name in files}
    assert sum(sizes.values()) < 50_000, sizes


# --- Collecting ----------------------------------------------------------------------------------------


@pytest.fixture
def installed(settings: Any, tmp_path: Path) -> Path:
    """The folder of a package; what it holds is served by an embedded installation."""
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATICFILES_DIRS = [tmp_path / "package"]
    settings.STATIC_ROOT = tmp_path / "data" / "static"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "config.storage.HashedStaticFiles"}
    }
    (tmp_path / "data").mkdir()
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "page.css").write_text("body { color: green }\n" * 50)
    return tmp_path / "package"


def collected(settings: Any) -> set[str]:
    return {path.name for path in settings.STATIC_ROOT.glob("page.*")}


def test_an_embedded_start_collects_compressed_files_once(installed: Path, settings: Any) -> None:
    static_files.collect()
    made = collected(settings)
    assert {"page.css", "page.css.gz"} < made
    assert any(re.fullmatch(r"page\.[0-9a-f]{12}\.css\.gz", name) for name in made)
    before = (settings.STATIC_ROOT / "staticfiles.json").stat().st_mtime_ns
    static_files.collect()
    assert (settings.STATIC_ROOT / "staticfiles.json").stat().st_mtime_ns == before


def test_an_upgrade_leaves_nothing_old_even_if_its_files_are_older(
    installed: Path, settings: Any
) -> None:
    static_files.collect()
    old = collected(settings)
    (installed / "page.css").write_text("body { color: blue }\n" * 50)
    os.utime(installed / "page.css", (1, 1))
    static_files.collect()
    assert "blue" in (settings.STATIC_ROOT / "page.css").read_text()
    assert old & collected(settings) == {"page.css", "page.css.gz"}


def test_a_start_that_was_killed_while_collecting_is_made_up_for(
    installed: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*args: Any, **options: Any) -> None:
        settings.STATIC_ROOT.mkdir()
        (settings.STATIC_ROOT / "staticfiles.json").write_text("{")
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(static_files, "call_command", killed)
        with pytest.raises(SystemExit):
            static_files.collect()
    static_files.collect()
    assert "page.css.gz" in collected(settings)
