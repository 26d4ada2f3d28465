"""What we make of a picture looks as Chromium itself shows the original: colours, transparency, turns."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from annotation.images import REQUESTS
from tests.pixels import coloured, strange, turned

pytestmark = pytest.mark.browser

GRID = 8
TOLERANCE = 4
# Chromium blends it by another alpha; ours is that of the pixels that were encoded.
TOLERANCES = {"avif RGBA": 15}
# The size, and the mean colour of each cell of a grid, on white.
CELLS = """async ([url, grid]) => {
    const image = new Image();
    image.src = url;
    try {
        await image.decode();
    } catch {
        return null;
    }
    document.body.append(image);  // turned by its EXIF only where it is part of a page
    const {naturalWidth: width, naturalHeight: height} = image;
    const canvas = Object.assign(document.createElement("canvas"), {width, height});
    const context = canvas.getContext("2d", {colorSpace: "srgb"});
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.drawImage(image, 0, 0);
    image.remove();
    const cells = [];
    for (let row = 0; row < grid; row++) for (let column = 0; column < grid; column++) {
        const [left, right] = [column, column + 1].map((at) => Math.floor(at * width / grid));
        const [top, bottom] = [row, row + 1].map((at) => Math.floor(at * height / grid));
        const {data} = context.getImageData(left, top, right - left, bottom - top);
        const sums = [0, 0, 0];
        for (let at = 0; at < data.length; at++) if (at % 4 < 3) sums[at % 4] += data[at];
        cells.push(...sums.map((sum) => 4 * sum / data.length));
    }
    return {size: [width, height], cells};
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def seen(page: Page, content: bytes, type: str) -> dict[str, Any] | None:
    """What Chromium shows; None of a picture that it does not."""
    url = f"data:image/{type};base64,{base64.b64encode(content).decode()}"
    return page.evaluate(CELLS, [url, GRID])


def differences(page: Page, cases: Iterator[tuple[str, bytes]]) -> dict[str, str]:
    """Of each picture that looks another than its original, how."""
    found = {}
    for name, content in cases:
        answer, blobs = REQUESTS.do("quickest", lambda: content, size="full", formats=["webp"])  # noqa: B023
        if "unfit" in answer:
            found[name] = str(answer)
            continue
        original = seen(page, content, name.split()[0].rstrip(":,"))
        ours = seen(page, blobs[0], "webp")
        assert ours is not None
        if original is None:
            found[name] = "Chromium refuses it"
            continue
        if original["size"] != ours["size"]:
            found[name] = f"{original['size']}, ours {ours['size']}"
            continue
        pairs = zip(original["cells"], ours["cells"], strict=True)
        worst = max(abs(theirs - our) for theirs, our in pairs)
        if worst > TOLERANCES.get(name, TOLERANCE):
            found[name] = f"{worst:.0f} off"
    return found


def test_colours_are_those_of_the_original_in_every_mode_and_format(page: Page) -> None:
    assert differences(page, coloured()) == {}


def test_each_orientation_stands_as_in_a_browser(page: Page) -> None:
    assert differences(page, turned()) == {}


def test_metadata_that_makes_no_sense_changes_nothing(page: Page) -> None:
    assert differences(page, iter(strange().items())) == {
        "avif: profile of noise": "Chromium refuses it"
    }
