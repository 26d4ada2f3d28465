"""What is shown of a picture: its sizes, its formats, and what does not come along."""

import io
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageDraw
import pytest
from django.test import Client
from django.urls import reverse

from annotation import images
from annotation.models import Image, Project, User
from annotation.services.images import add_image
from tests.test_images import encoded, landscape

pytestmark = pytest.mark.django_db

CHROMIUM = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


@pytest.fixture(autouse=True)
def _nothing_derived_before(settings, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same picture, shown by another test, has its derivative already."""
    settings.DERIVATIVE_DIR = tmp_path_factory.mktemp("derived")


def shown(image: Image, size: str = "medium", *formats: str) -> PIL.Image.Image:
    """As a request gets it; what a request may not make, a worker has made before."""
    wanted = formats or ("webp", "jpeg")
    try:
        path = images.derivative(image, size, wanted)
    except images.ForWorker:
        path = images.derivative(image, size, wanted, images.AHEAD)
    with PIL.Image.open(path) as opened:
        opened.load()
        return opened


def files(settings: Any) -> set[str]:
    """The kinds of what is kept: “1600.avif”."""
    return {path.name.split("-")[-1] for path in settings.DERIVATIVE_DIR.rglob("*.*")}


def glass(size: tuple[int, int] = (60, 40)) -> PIL.Image.Image:
    """A red disc, and nothing around it."""
    drawn = PIL.Image.new("RGBA", size)
    PIL.ImageDraw.Draw(drawn).ellipse((20, 10, 40, 30), fill="red")
    return drawn


# --- Pixels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["avif", "webp", "jpeg"])
def test_what_is_shown_has_no_metadata_and_fits_the_screen(project: Project, format: str) -> None:
    exif = PIL.Image.Exif()
    exif[0x010F] = "a camera with a serial number"
    content = encoded(
        PIL.Image.new("RGB", (4000, 1000), "teal"), "JPEG", exif=exif, comment=b"a serial number"
    )
    image = add_image(project, content, name="x.jpg")
    images.derive(image)
    for size, width in {"small": 800, "medium": 1600, "large": 2560}.items():
        derived = shown(image, size, format)
        assert (derived.format or "").lower() == format
        assert derived.size == (width, width // 4)
        assert not derived.getexif()
        assert not {"icc_profile", "exif", "xmp", "comment"} & set(derived.info)
        assert b"serial" not in images.derivative(image, size, (format,)).read_bytes()
    assert shown(image, "thumb").size == (320, 80)
    assert shown(image, "full").size == (4000, 1000)


def test_a_rotated_photograph_is_shown_upright(project: Project) -> None:
    lying = PIL.Image.new("RGB", (80, 40), "white")
    lying.paste("red", (0, 0, 40, 40))
    exif = PIL.Image.Exif()
    exif[images.EXIF_ORIENTATION] = 6
    image = add_image(project, encoded(lying, "JPEG", exif=exif, quality=95), name="x.jpg")
    assert (image.width, image.height) == (40, 80)
    images.derive(image)
    for size, format in (("medium", "avif"), ("medium", "webp"), ("full", "jpeg")):
        upright = shown(image, size, format)
        assert upright.size == (40, 80)
        red, green, _ = upright.convert("RGB").split()
        assert red.getpixel((20, 10)) == pytest.approx(255, abs=30)
        assert green.getpixel((20, 10)) == pytest.approx(0, abs=30)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "I;16", "1"])
def test_every_mode_of_pixels_is_shown_with_its_brightness(project: Project, mode: str) -> None:
    grey = PIL.Image.new("L", (20, 20), 200)
    if mode == "I;16":
        sixteen = np.full((20, 20), 200 * 257, dtype=np.uint16)
        content = encoded(PIL.Image.fromarray(sixteen), "PNG")
    elif mode == "CMYK":
        content = encoded(grey.convert("RGB").convert("CMYK"), "JPEG", quality=95)
    elif mode == "1":
        content = encoded(PIL.Image.new("1", (20, 20), 1), "PNG")
    else:
        content = encoded(grey.convert(mode), "PNG")
    pixel = shown(add_image(project, content, name="x")).convert("RGB").getpixel((10, 10))
    expected = 255 if mode == "1" else 200
    assert pixel == pytest.approx((expected,) * 3, abs=6)


def test_a_colour_profile_is_applied_since_the_derivative_carries_none(project: Project) -> None:
    lab = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB"))
    content = encoded(PIL.Image.new("RGB", (9, 9), (10, 200, 30)), "PNG", icc_profile=lab.tobytes())
    derived = shown(add_image(project, content, name="x"))
    assert "icc_profile" not in derived.info
    assert derived.convert("RGB").getpixel((4, 4)) == pytest.approx((10, 200, 30), abs=8)


def test_a_broken_colour_profile_costs_the_profile_and_not_the_picture(project: Project) -> None:
    content = encoded(PIL.Image.new("RGB", (9, 9), "red"), "PNG", icc_profile=b"nonsense")
    assert shown(add_image(project, content, name="x")).size == (9, 9)


def test_what_is_transparent_stays_so_without_loss_and_is_white_in_a_jpeg(
    project: Project, settings
) -> None:
    image = add_image(project, encoded(glass(), "PNG"), name="x.png")
    assert shown(image, "medium", "jpeg").getpixel((2, 2)) == (255, 255, 255)
    images.derive(image)
    assert files(settings) == {"60.flat.jpeg", "60.webp", "thumb.webp"}
    for formats in (("avif", "webp", "jpeg"), ("jpeg", "webp")):
        seen = shown(image, "medium", *formats)
        assert seen.getchannel("A").getpixel((2, 2)) == 0
        assert seen.getpixel((30, 20)) == (255, 0, 0, 255)


def test_a_picture_with_an_idle_alpha_channel_is_like_any_other(project: Project, settings) -> None:
    image = add_image(project, encoded(landscape(1).convert("RGBA"), "PNG"), name="x.png")
    images.derive(image)
    assert files(settings) == {"480.avif", "480.webp", "thumb.webp"}


def test_the_full_size_is_without_loss_where_the_original_is(project: Project) -> None:
    noise = PIL.Image.fromarray(np.random.default_rng(1).integers(0, 256, (70, 90, 3), np.uint8))
    drawn = add_image(project, encoded(noise, "PNG"), name="x.png")
    photo = add_image(project, encoded(noise, "JPEG", quality=95), name="x.jpg")
    full = shown(drawn, "full", "avif", "webp", "jpeg")
    assert full.format == "WEBP"
    assert np.array_equal(np.array(full.convert("RGB")), np.array(noise))
    assert shown(photo, "full", "avif", "webp", "jpeg").format == "JPEG"
    # Nobody gets less because somebody else who reads only JPEG has asked before.
    assert shown(drawn, "full", "jpeg").format == "JPEG"
    assert shown(drawn, "full", "jpeg", "webp").format == "WEBP"


def test_a_picture_too_long_for_webp_is_a_jpeg_in_full(project: Project) -> None:
    image = add_image(project, encoded(PIL.Image.new("L", (16_400, 2)), "PNG"), name="x.png")
    full = shown(image, "full", "avif", "webp")
    assert (full.format, full.size) == ("JPEG", (16_400, 2))


def test_nothing_is_made_larger_and_the_same_is_kept_once(project: Project, settings) -> None:
    image = add_image(project, encoded(landscape(2, (1000, 700)), "JPEG"), name="x.jpg")
    images.derive(image)
    assert files(settings) == {
        *("thumb.webp", "800.avif", "800.webp"),
        *("1000.avif", "1000.webp"),
    }
    assert shown(image, "large").size == shown(image, "medium").size == (1000, 700)


@pytest.mark.parametrize(("size", "format"), [("medium", "avif"), ("medium", "webp")])
def test_no_encoders_artefacts_can_decide(project: Project, size: str, format: str) -> None:
    """The signal to the noise of the encoder, in dB; from about 40 on nobody tells the two apart."""
    original = landscape(3)
    image = add_image(project, encoded(original, "PNG"), name="x.png")
    images.derive(image)
    seen = np.array(shown(image, size, format).convert("RGB"), dtype=float)
    error = seen - np.array(original)
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 42


# --- Negotiation -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "formats"),
    [
        (CHROMIUM, ("avif", "webp", "jpeg")),
        ("image/webp,image/png,image/*;q=0.8,*/*;q=0.5", ("webp", "jpeg")),
        ("image/png,image/*;q=0.8", ("webp", "jpeg")),
        ("*/*", ("webp", "jpeg")),
        ("", ("webp", "jpeg")),
        ("image/jpeg", ("jpeg",)),
        ("image/avif;q=0, image/webp;q=0, */*", ("jpeg",)),
        ("IMAGE/AVIF ; Q=0.5, image/jpeg;q=0.9", ("jpeg", "avif")),
        ("image/jpeg;q=0, */*", ("webp",)),
        ("text/html", ("jpeg",)),
        ("image/webp;q=nonsense, image/avif;q=, ;;;,", ("jpeg",)),
        ("image/webp;q*=foo'a'%41", ("webp",)),
    ],
)
def test_each_asker_gets_a_format_that_it_takes(header: str, formats: tuple[str, ...]) -> None:
    assert images.accepted(header) == formats


def test_the_web_makes_the_quick_one_and_sends_the_best_once_it_is_there(
    project: Project, rita: User, client: Client, settings
) -> None:
    image = add_image(project, encoded(landscape(4), "PNG"), name="x.png")
    client.force_login(rita)
    where = reverse("image", args=[image.id])

    def ask(accept: str = CHROMIUM, size: str = "", **headers: str) -> Any:
        query = {"size": size} if size else {}
        return client.get(where, query, headers={"accept": accept} | headers)

    first = ask()
    assert first["Content-Type"] == "image/jpeg"
    assert files(settings) == {"480.jpeg"}
    images.derive(image)
    best = ask()
    assert best["Content-Type"] == "image/avif"
    content = b"".join(best.streaming_content)
    assert PIL.Image.open(io.BytesIO(content)).format == "AVIF"
    for accept, type in (("*/*", "image/webp"), ("image/jpeg", "image/jpeg")):
        assert ask(accept)["Content-Type"] == type
    assert ask(size="thumb")["Content-Type"] == "image/webp"
    for answer in (best, ask(size="full")):
        assert "Accept" in answer["Vary"]
        assert answer["Cache-Control"] == "private, max-age=600"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer["X-Content-Type-Options"] == "nosniff"
    # Nothing that was sent before is sent again; nor does its mark tell which picture of the world it is.
    again = ask(**{"if-none-match": best["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["Content-Security-Policy"] == best["Content-Security-Policy"]
    assert again["Vary"] == best["Vary"]
    assert ask("image/jpeg", **{"if-none-match": best["ETag"]}).status_code == 200
    assert image.sha256[:12] not in best["ETag"]
    assert client.get(where, {"size": "display"}).status_code == 400
