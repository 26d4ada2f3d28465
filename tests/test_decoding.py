"""Decoding within limits: what a picture may cost, who decodes it, and how often."""

import io
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from annotation import images
from annotation.errors import Busy, Invalid
from annotation.images import decoder
from annotation.images.decoder import Pool
from annotation.images.files import one_at_a_time
from annotation.models import Image, Project, User
from annotation.services.derivatives import make_derivatives
from annotation.services.images import add_image
from tests.conftest import picture
from tests.pixels import (
    chunk,
    coloured,
    encoded,
    exif,
    huge_png,
    many_scans,
    motif,
    strange,
    tiny_webp,
    wide_gif,
    with_chunks,
)
from tests.test_derivatives import _nothing_derived_before  # noqa: F401 - a fixture
from tests.waiting import eventually


@pytest.fixture
def pool() -> Any:
    made: list[Pool] = []

    def make(children: int = 1, **limits: Any) -> Pool:
        made.append(Pool(children, **{"megabytes": 400, "seconds": 20, "wait": 30.0} | limits))
        return made[-1]

    yield make
    for one in made:
        one.close()


def noise(side: int) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8)
    return encoded(PIL.Image.fromarray(pixels), "PNG", compress_level=0)


# --- What a picture may cost ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda: tiny_webp(16_383, 6_103), "claims 99 megapixels in .. bytes"),
        (lambda: tiny_webp(16_383, 16_383), "more than 100 megapixels"),
        (lambda: tiny_webp(16_383, 6_103) + bytes(100_000), "too much memory"),
        (lambda: many_scans(200), "more than 50 scans"),
        (wide_gif, "claims 98 megapixels"),
        (
            lambda: with_chunks(picture(), *[chunk(b"tEXt", b"a\0")] * 66_000),
            "more than 65,536 parts",
        ),
    ],
    ids=["webp", "webp beyond", "padded webp", "scans", "gif", "chunks"],
)
def test_a_picture_that_costs_too_much_is_refused_with_a_reason(
    make: Callable[[], bytes], refusal: str
) -> None:
    with pytest.raises(Invalid, match=refusal):
        images.inspect(make())


def test_large_pictures_that_people_have_are_taken() -> None:
    facts = images.inspect(huge_png(10_000, 9_000, channels=1))
    assert (facts.width, facts.height) == (10_000, 9_000)
    photograph = encoded(PIL.Image.new("RGB", (8_000, 6_000), "teal"), "JPEG")
    assert images.inspect(photograph).width == 8_000
    # A webp of 18 megapixels needs more than one of two shares.
    assert images.inspect(tiny_webp(6_000, 3_000)).height == 3_000
    assert images.inspect(many_scans(20)).width == 2_000


def test_what_no_estimate_foresees_is_stopped_by_the_limit_of_memory(pool: Any) -> None:
    small = pool(megabytes=70)
    content = noise(3_000)  # 36 MB of pixels, which fit; encoding them does not
    assert small.do("inspect", lambda: content)[0]["width"] == 3_000
    answer, blobs = small.do("quickest", lambda: content, size="full", formats=["webp"])
    assert (answer["unfit"], len(blobs)) == ("memory", 0)
    assert small.do("inspect", picture)[0]["width"] == 60


def test_what_takes_too_long_is_stopped_and_the_next_picture_decoded(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "WALL_SECONDS_PER_CPU_SECOND", 120)  # a busy machine is slow
    quick = pool(seconds=1)
    content = noise(2_500)
    made = [["large", "avif"], ["large", "webp"], ["medium", "avif"], ["small", "avif"]] * 9
    answer, _ = quick.do("ahead", lambda: content, made=made)
    assert answer["unfit"] == "time"
    assert quick.do("inspect", picture)[0]["width"] == 60


# --- The children ----------------------------------------------------------------------------------------


def test_a_child_is_kept_and_one_that_was_killed_is_replaced(pool: Any) -> None:
    mine = pool()
    mine.do("inspect", picture)
    (child,) = mine.idle
    mine.do("inspect", picture)
    assert mine.idle == [child]
    child.process.send_signal(signal.SIGKILL)
    assert mine.do("inspect", picture)[0]["width"] == 60
    (other,) = mine.idle
    assert other is not child


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_child_knows_no_secret_and_can_write_no_file(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret of the server")
    mine = pool()
    mine.do("inspect", picture)
    folder = Path(f"/proc/{mine.idle[0].process.pid}")
    assert b"secret" not in (folder / "environ").read_bytes()
    limits = (folder / "limits").read_text().splitlines()
    assert any(line.split()[:4] == ["Max", "file", "size", "0"] for line in limits)


def test_children_end_with_their_parent(tmp_path: Path) -> None:
    code = (
        "import django; django.setup()\n"
        "from annotation import images\n"
        "from tests.conftest import picture\n"
        "images.inspect(picture())\n"
        "print(images.REQUESTS.idle[0].process.pid, flush=True)\n"
        "input()"
    )
    environ = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    parent.stdin.close()

    def gone() -> bool:
        try:
            return "State:\tZ" in Path(f"/proc/{child}/status").read_text()
        except OSError:
            return True

    eventually(gone, 30)


def _inspect_in_a_fork() -> None:
    os._exit(0 if images.inspect(picture()).width == 60 else 1)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_daemonic_process_that_was_forked_has_children_of_its_own() -> None:
    images.inspect(picture())
    forked = multiprocessing.get_context("fork").Process(target=_inspect_in_a_fork, daemon=True)
    forked.start()
    forked.join(60)
    assert forked.exitcode == 0
    assert images.inspect(picture()).width == 60


# --- How many, and how often ---------------------------------------------------------------------------


def test_at_most_two_are_decoded_at_once_and_a_third_is_told_when_to_come_back(
    pool: Any,
) -> None:
    two = pool(2, wait=0.2)
    begun, go_on = threading.Semaphore(0), threading.Event()

    def slowly() -> bytes:
        begun.release()
        assert go_on.wait(60)
        return picture()

    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(two.do, "inspect", slowly) for _ in range(2)]
        for _ in running:
            assert begun.acquire(timeout=60)
        with pytest.raises(Busy):
            two.do("inspect", picture)
        go_on.set()
        assert [one.result()[0]["width"] for one in running] == [60, 60]
    assert two.do("inspect", picture)[0]["width"] == 60


def test_of_many_that_wait_some_are_sent_away_so_that_votes_have_threads(pool: Any) -> None:
    two = pool(2)
    with ExitStack() as places:
        for _ in range(6):
            places.enter_context(two.place())
        with pytest.raises(Busy), two.place():
            pass
    with two.place():
        assert two.do("inspect", picture)[0]["width"] == 60


@pytest.mark.django_db
def test_a_rendition_that_many_ask_for_at_once_is_made_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = add_image(project, encoded(motif((900, 600)), "PNG"), name="x.png")
    image.folder  # noqa: B018 - asked here, since threads must not ask the database
    decoded: list[str] = []
    everybody = threading.Barrier(6)
    do = Pool.do

    def counted(pool: Pool, does: str, *args: Any, **more: Any) -> Any:
        decoded.append(does)
        return do(pool, does, *args, **more)

    def ask(_: int) -> Path:
        everybody.wait(60)
        return images.derivative(image, "small", ("jpeg",))

    monkeypatch.setattr(Pool, "do", counted)
    monkeypatch.setattr(images.REQUESTS, "wait", 60.0)
    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(ask, range(6)))) == 1
    assert decoded == ["quickest"]


def test_another_process_waits_for_the_rendition_that_is_being_made(
    settings, tmp_path: Path
) -> None:
    settings.DERIVATIVE_DIR = tmp_path
    path = tmp_path / "a-rendition"
    code = (
        "import sys, django; django.setup()\n"
        "from pathlib import Path\n"
        "from django.conf import settings\n"
        "from annotation.images.files import one_at_a_time\n"
        "settings.DERIVATIVE_DIR = Path(sys.argv[1])\n"
        "with one_at_a_time([Path(sys.argv[1]) / 'a-rendition'], wait=None):\n"
        "    print('held', flush=True)\n"
        "    input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Busy), one_at_a_time([path], wait=0.1):
            pass
        other.kill()
        other.wait()
        with one_at_a_time([path], wait=60):
            pass
    finally:
        other.kill()
        other.communicate()


# --- What a request may not make --------------------------------------------------------------------


@pytest.mark.django_db
def test_the_worker_makes_what_is_larger_than_any_screen(
    project: Project, rita: User, client: Client
) -> None:
    image = add_image(project, encoded(motif((3_000, 40)), "PNG"), name="x.png")
    client.force_login(rita)

    def ask(size: str = "full", accept: str = "image/webp,*/*") -> Any:
        where = reverse("image", args=[image.id])
        return client.get(where, {"size": size}, headers={"accept": accept})

    for _ in range(2):
        not_yet = ask()
        assert (not_yet.status_code, not_yet["Retry-After"]) == (503, "5")
    assert ask("large").status_code == 200
    make_derivatives(60)
    assert ask()["Content-Type"] == "image/webp"
    assert ask(accept="image/jpeg").status_code == 503
    make_derivatives(60)
    assert ask(accept="image/jpeg")["Content-Type"] == "image/jpeg"
    image.refresh_from_db()
    assert (image.wanted, image.wanted_at) == ("", None)


@pytest.mark.django_db
def test_what_takes_more_memory_than_a_request_may_take_is_made_by_the_worker(
    project: Project, rita: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = add_image(project, encoded(motif((2_000, 1_500)), "PNG"), name="x.png")
    client.force_login(rita)
    where = reverse("image", args=[image.id])
    monkeypatch.setattr(images.REQUESTS, "memory", 10 * 2**20)
    assert client.get(where).status_code == 503
    make_derivatives(60)
    assert client.get(where).status_code == 200


@pytest.mark.django_db
def test_what_even_the_worker_cannot_make_is_refused_and_not_tried_for_ever(
    project: Project, rita: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = add_image(project, encoded(motif((3_000, 400)), "PNG"), name="x.png")
    client.force_login(rita)
    where = reverse("image", args=[image.id]) + "?size=full"
    assert client.get(where).status_code == 503
    with monkeypatch.context() as patch:
        patch.setattr(images.AHEAD, "memory", 9 * 2**20)
        make_derivatives(60)
    answer = client.get(where)
    assert answer.status_code == 400
    assert "Ask for a smaller one" in answer.content.decode()
    assert client.get(reverse("image", args=[image.id])).status_code == 200


@pytest.mark.django_db
def test_an_upload_that_has_to_wait_too_long_is_told_so_and_leaves_nothing(
    project: Project, alice: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(alice)
    monkeypatch.setattr(images.REQUESTS, "wait", 0.0)
    monkeypatch.setattr(images.REQUESTS, "busy", 2)
    file = SimpleUploadedFile("a.png", picture(), "image/png")
    answer = client.post(f"/api/v1/projects/{project.id}/images/", {"file": file})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Try again" in answer.json()["detail"]
    assert not Image.objects.exists()


# --- Metadata ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", strange())
def test_metadata_that_makes_no_sense_never_refuses_pixels(name: str) -> None:
    facts = images.inspect(strange()[name])
    assert (facts.width, facts.height) == (96, 64)


def test_a_text_over_the_limit_hides_no_other() -> None:
    png = encoded(motif(), "PNG")
    texts = chunk(b"tEXt", b"note\0" + b"x" * (5 * 2**20)), chunk(b"tEXt", b"parameters\0a cat")
    assert images.inspect(with_chunks(png, *texts)).texts == {"parameters": "a cat"}


@pytest.mark.parametrize("number", range(10))
def test_only_the_eight_orientations_turn_a_picture(number: int) -> None:
    facts = images.inspect(encoded(motif(), "JPEG", exif=exif(number)))
    assert (facts.width, facts.height) == ((64, 96) if number in (5, 6, 7, 8) else (96, 64))


def test_one_profile_gives_the_same_colours_in_every_mode() -> None:
    """The corner of each, which is opaque; of greys and palettes there is a test with a browser."""
    corners = {}
    for name, content in coloured():
        _answer, (blob,) = images.REQUESTS.do(
            "quickest",
            lambda content=content: content,  # type: ignore[misc]
            size="full",
            formats=["webp"],
        )
        if name in ("png RGB", "png RGBA, opaque", "png RGBA", "png 16 bits", "webp RGBA"):
            corners[name] = PIL.Image.open(io.BytesIO(blob)).convert("RGB").getpixel((2, 50))
    expected = corners.pop("png RGB")
    assert expected != pytest.approx(motif().getpixel((2, 50)), abs=8)
    for name, corner in corners.items():
        assert corner == pytest.approx(expected, abs=8), name
