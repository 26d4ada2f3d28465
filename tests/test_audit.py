"""A package with a known vulnerability is refused before it is installed."""

import pytest

from deploy.audit import FLOORS, LOCK_FILES, ROOT, below_floor, floors

WANTED = floors("pillow>=12.1.1  # why\n# a remark\n\n")


def test_a_pin_below_its_floor_is_named_with_what_is_needed() -> None:
    lock = "pillow==12.1.0 \\\n    --hash=sha256:00\npillow-heif==0.1 ; python_version > '3'\n"
    assert below_floor(lock, WANTED) == [
        "pillow 12.1.0 has a known vulnerability: pillow>=12.1.1 is needed."
    ]
    assert below_floor(lock.replace("12.1.0", "12.1.1"), WANTED) == []


@pytest.mark.parametrize("name", LOCK_FILES)
def test_what_the_lock_files_install_is_above_every_floor(name: str) -> None:
    wanted = floors(FLOORS.read_text())
    assert len(wanted) > 10
    assert below_floor((ROOT / name).read_text(), wanted) == []


def test_every_floor_is_of_a_package_that_we_install() -> None:
    locked = "".join((ROOT / name).read_text() for name in LOCK_FILES)
    for floor in floors(FLOORS.read_text()):
        assert f"\n{floor.name}==" in locked, floor.name
