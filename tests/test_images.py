"""Pictures: what is accepted, what is refused and why, and what is shown of them."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from annotation import images
from annotation.errors import Conflict, Gone, Invalid
from annotation.imports.folder import import_folder
from annotation.models import Image, Outcome, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison
from annotation.services.images import add_image, delete_image, update_image
from tests.conftest import membership, picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_derived_before(settings, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same picture, shown by another test, has its derivative already."""
    settings.DERIVATIVE_DIR = tmp_path_factory.mktemp("derived")


def encoded(image: PIL.Image.Image, format: str, **options) -> bytes:
    content = io.BytesIO()
    image.save(content, format, **options)
    return content.getvalue()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "AVIF", "HEIF"])
def test_each_format_of_the_ancestor_is_read(format: str) -> None:
    facts = images.inspect(picture(10, (64, 48), format))
    assert (facts.format, facts.width, facts.height) == (format, 64, 48)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_a_truncated_picture_is_refused(format: str) -> None:
    noise = PIL.Image.fromarray(np.random.default_rng(1).integers(0, 256, (80, 80, 3), np.uint8))
    content = encoded(noise, format)
    with pytest.raises(Invalid, match=r"damaged|not a picture"):
        images.inspect(content[: int(len(content) * 0.6)])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html><script>alert(1)</script></html>",
        b"%PDF-1.7",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"8BPS\0\1",
        encoded(PIL.Image.new("RGB", (4, 4)), "BMP"),
        encoded(PIL.Image.new("RGB", (4, 4)), "TIFF"),
    ],
)
def test_what_is_not_a_picture_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid, match="not a picture"):
        images.inspect(content)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_001, 20_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    bomb += chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(Invalid, match="megapixels"):
        images.inspect(bomb)


def test_a_file_that_is_too_large_is_refused(settings) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    with pytest.raises(Invalid, match="larger than"):
        images.inspect(picture() + bytes(100))


# --- What a picture looks like ---------------------------------------------------------------------


def landscape(seed: int, size: tuple[int, int] = (480, 320)) -> PIL.Image.Image:
    """Soft blots of light, another picture for another seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 10, 3), np.uint8)
    return PIL.Image.fromarray(coarse).resize(size, PIL.Image.Resampling.BICUBIC)


def differing_bits(one: int, other: int) -> int:
    return ((one ^ other) & (2**64 - 1)).bit_count()


@pytest.mark.parametrize("seed", range(5))
def test_nearly_the_same_picture_looks_nearly_the_same(seed: int) -> None:
    original = landscape(seed)
    look = images.inspect(encoded(original, "PNG")).look
    variants = {
        "as JPEG": encoded(original, "JPEG", quality=50),
        "as WebP": encoded(original, "WEBP", quality=50),
        "half the size": encoded(original.resize((240, 160)), "PNG"),
        "larger": encoded(original.resize((900, 600)), "JPEG"),
        "few colours": encoded(original.quantize(64), "PNG"),
        "with transparency": encoded(original.convert("RGBA"), "PNG"),
    }
    for name, content in variants.items():
        assert differing_bits(images.inspect(content).look, look) <= 4, name
    assert -(2**63) <= look < 2**63


def test_different_pictures_look_different() -> None:
    looks = [images.look_of(landscape(seed)) for seed in range(12)]
    apart = [differing_bits(a, b) for n, a in enumerate(looks) for b in looks[:n]]
    assert min(apart) > 12


def test_a_picture_looks_as_it_is_displayed_upright() -> None:
    upright = landscape(3)
    exif = PIL.Image.Exif()
    exif[images.EXIF_ORIENTATION] = 6
    lying = upright.transpose(PIL.Image.Transpose.ROTATE_90)
    facts = images.inspect(encoded(lying, "JPEG", exif=exif, quality=95))
    assert (facts.width, facts.height) == upright.size
    assert differing_bits(facts.look, images.look_of(upright)) <= 4


def test_an_upload_and_an_import_remember_the_same_look(project: Project, tmp_path: Path) -> None:
    content = encoded(landscape(1), "PNG")
    (tmp_path / "a.png").write_bytes(content)
    import_folder(project, tmp_path)
    add_image(project, content, name="b.png")
    looks = set(project.images.values_list("look", flat=True))
    assert looks == {images.look_of(landscape(1))}


# --- Folders -----------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.png").write_bytes(picture(1))
    (tmp_path / "sub" / "b.JPG").write_bytes(picture(2, format="JPEG"))
    return tmp_path


def names(project: Project) -> list[str]:
    return sorted(project.images.values_list("name", flat=True))


def written(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """What would show that something was written, moved or copied; reading may touch the time of access."""
    return {
        path: (path.stat().st_ino, path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def test_a_folder_is_imported_where_it_lies(project: Project, folder: Path) -> None:
    before = written(folder)
    report = import_folder(project, folder)
    assert (report.added, report.known, report.refused) == (2, 0, [])
    assert names(project) == ["a.png", "sub/b.JPG"]
    assert written(folder) == before
    image = project.images.get(name="a.png")
    assert images.source_path(image) == folder / "a.png"


def test_a_second_import_adds_only_what_is_new(project: Project, folder: Path) -> None:
    import_folder(project, folder)
    (folder / "c.webp").write_bytes(picture(3, format="WEBP"))
    report = import_folder(project, folder)
    assert (report.added, report.known) == (1, 2)


def test_what_cannot_be_used_is_listed_with_its_reason_and_the_rest_comes_in(
    project: Project, folder: Path
) -> None:
    (folder / "broken.png").write_bytes(picture()[:40])
    (folder / "text.jpg").write_text("hello")
    (folder / "notes.txt").write_text("not looked at")
    (folder / ".hidden.png").write_bytes(picture())
    report = import_folder(project, folder)
    assert report.added == 2
    assert {name for name, _ in report.refused} == {"broken.png", "text.jpg"}


def test_links_and_pipes_do_not_lead_out_of_the_folder(
    project: Project, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.png"
    secret.write_bytes(picture(9))
    (folder / "leads-out.png").symlink_to(secret)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "outside").symlink_to(secret.parent)
    os.mkfifo(folder / "pipe.png")
    report = import_folder(project, folder)
    assert report.added == 2
    assert {name for name, _ in report.refused} == {"leads-out.png", "loop.png", "pipe.png"}


def test_a_file_swapped_for_a_link_after_the_import_is_not_served(
    project: Project, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import_folder(project, folder)
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.png"
    secret.write_bytes(picture(9))
    (folder / "a.png").unlink()
    (folder / "a.png").symlink_to(secret)
    with pytest.raises(Gone, match="no longer inside"):
        images.derivative(project.images.get(name="a.png"), "medium", ("webp",))


def test_a_file_that_changed_or_went_after_the_import_is_not_served(
    project: Project, folder: Path
) -> None:
    import_folder(project, folder)
    image = project.images.get(name="a.png")
    (folder / "a.png").write_bytes(picture(200))
    with pytest.raises(Gone, match="has changed"):
        images.derivative(image, "medium", ("webp",))
    (folder / "a.png").unlink()
    with pytest.raises(Gone, match="gone from the server"):
        images.derivative(image, "medium", ("webp",))


def test_a_folder_that_is_not_there_is_refused(project: Project, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="There is no folder"):
        import_folder(project, tmp_path / "nowhere")


# --- A project's images --------------------------------------------------------------------------------


def test_an_upload_is_kept_under_a_name_of_our_own(project: Project, settings) -> None:
    image = add_image(project, picture(), name="../../etc/passwd\n.png")
    path = images.source_path(image)
    assert path.is_relative_to(settings.UPLOAD_DIR)
    assert path.name == f"{image.id}.png"
    assert path.read_bytes() == picture()


def test_an_image_that_was_shown_is_excluded_and_not_deleted(
    project: Project, images: list[Image], bob: User
) -> None:
    (opened,) = open_assignments(membership(project, bob)).assignments
    record_comparison(bob, opened.id, Outcome.LEFT)
    with pytest.raises(Conflict, match="Exclude it instead"):
        delete_image(opened.left)
    never_shown = project.images.exclude(id__in=[opened.left_id, opened.right_id])[0]
    delete_image(never_shown)
    assert project.images.count() == 3


def test_the_prompt_of_an_image_that_was_compared_stays(
    project: Project, images: list[Image], bob: User
) -> None:
    (opened,) = open_assignments(membership(project, bob)).assignments
    with pytest.raises(Conflict, match="present prompt"):
        update_image(opened.left, prompt="another")
    other = project.images.exclude(id__in=[opened.left_id, opened.right_id])[0]
    changed = update_image(other, prompt="another")
    assert changed.prompt is not None
    assert changed.prompt.text == "another"
