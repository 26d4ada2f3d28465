"""The directions between the parts, read from the imports: config → rating → annotation, never back."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("config", "rating", "annotation")
NUMERICS = {"numpy", "scipy", "numba", "trueskill"}
STANDARD = {
    "collections",
    "dataclasses",
    "functools",
    "heapq",
    "importlib",
    "math",
    "statistics",
    "typing",
}


def modules_of(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute, so that they can be read"
            yield node.module or ""


def offenders(folder: str, forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of(folder)
        for name in imports_of(path)
        if any(name == part or name.startswith(part + ".") for part in forbidden)
    ]


def test_annotation_knows_nothing_of_ratings_and_of_how_the_parts_run() -> None:
    assert offenders("annotation", {"rating", "config"}) == []


def test_rating_knows_nothing_of_how_the_parts_run() -> None:
    assert offenders("rating", {"config"}) == []


def test_the_numerics_know_only_numbers() -> None:
    allowed = NUMERICS | STANDARD
    foreign = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of("rating/algorithms")
        for name in imports_of(path)
        if name.split(".")[0] not in allowed and not name.startswith("rating.algorithms")
    ]
    assert foreign == []


def test_what_decodes_strangers_pictures_knows_only_pictures() -> None:
    allowed = {"PIL", "pillow_heif", *sys.stdlib_module_names}
    foreign = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of("annotation/pixels")
        for name in imports_of(path)
        if name.split(".")[0] not in allowed and not name.startswith("annotation.pixels")
    ]
    assert foreign == []


@pytest.mark.parametrize(
    "folder", ["annotation/services", "annotation/models", "annotation/imports"]
)
def test_services_know_no_request_no_task_and_no_serializer(folder: str) -> None:
    outside = {"rest_framework", "celery", "knox", "annotation.api", "annotation.views"}
    assert offenders(folder, outside | {"annotation.tasks", "annotation.forms"}) == []


def test_the_ratings_services_know_no_request_no_task_and_no_serializer() -> None:
    modules = [*modules_of("rating/services"), *modules_of("rating/selectors")]
    for module in [*modules, *modules_of("annotation/selectors")]:
        names = set(imports_of(module))
        assert not {name for name in names if name.startswith(("rest_framework", "celery"))}
        assert "rating.tasks" not in names


# What writes rows, of a manager, a query set, an instance, a relation or a form; and raw SQL.
WRITING = {"create", "save", "delete", "update", "bulk_create", "bulk_update", "get_or_create"}
WRITING |= {"update_or_create", "set", "clear", "save_m2m", "save_base", "cursor", "execute"}
WRITING |= {f"a{name}" for name in WRITING}


def writes_in(source: str) -> list[tuple[int, str]]:
    """Each line that names something that writes, called or handed on, with its name."""
    return sorted(
        (node.lineno, node.attr)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in WRITING
    )


def test_pages_and_api_write_through_services() -> None:
    """No view creates, saves or deletes a row by itself."""
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for folder in ("annotation/views", "annotation/api", "annotation/forms", "rating/views")
        for path in (*modules_of(folder), *modules_of("rating/api"))
        for line, name in writes_in(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "Flag.objects.create(project=project)",
        "flag.save(update_fields=['decision'])",
        "project.flags.filter(id=id).update(decision='open')",
        "image.delete()",
        "Image.objects.filter(project=project).delete()",
        "project.tags.set(tags)",
        "await flag.asave()",
        "Flag.objects.bulk_create(flags)",
        "connection.cursor()",
        "write = flag.save",
    ],
)
def test_a_view_that_wrote_by_itself_would_be_found(line: str) -> None:
    source = f"async def view(request):\n    {line}\n"
    assert [number for number, _ in writes_in(source)] == [2]


def test_no_room_is_called_after_nothing() -> None:
    vague = {"utils", "helpers", "common", "core", "misc"}
    found = [path for part in (*PARTS, "tests") for path in modules_of(part) if path.stem in vague]
    assert found == []


def test_a_module_stays_short_enough_to_be_read() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for part in PARTS
        for path in modules_of(part)
        if "migrations" not in path.parts and (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
