"""`make screenshots`: the README's pictures, or with ALL=1 every page at every width, of the running program.

PHOTOS=folder shows pictures of your own; otherwise the demo is shown, which the program paints itself.
The README's go to docs/, the others to build/screenshots/.
"""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import PIL.Image

from bench.program import ROOT, running
from bench.walk import HEIGHTS, Walker, chromium

DOCS, REVIEW = ROOT / "docs", ROOT / "build" / "screenshots"
MOST_BYTES = 200_000
PHONE = 600  # narrower than so, and it is one: touched, not pointed at
# File, stop, width and height in CSS pixels, scheme.
README = (
    ("compare", "compare", 1440, 900, "dark"),
    ("compare-phone", "compare", 390, 844, "dark"),
    ("dashboard", "dashboard", 1440, 900, "light"),
    ("ranking-phone", "ranking", 390, 844, "light"),
)


def main() -> None:
    photos = os.environ.get("PHOTOS")
    with running(Path(photos).expanduser() if photos else None) as program, chromium() as browser:
        world = json.loads(program.run("bench.world", "400"))
        walker = Walker(browser, program.url, world)
        if os.environ.get("ALL"):
            for path in review(walker):
                print(path.relative_to(ROOT))
        else:
            for path in readme(walker):
                print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1000} kB")
        walker.close()


def readme(walker: Walker) -> Iterator[Path]:
    stops = {stop["name"]: stop for stop in walker.stops()}
    for name, stop, width, height, scheme in README:
        page = walker.look(stops[stop], width, scheme, phone=width < PHONE)
        page.set_viewport_size({"width": width, "height": height})
        _settle(page)
        path = DOCS / f"{name}.jpg"
        path.write_bytes(small_enough(page.screenshot()))
        yield path


def review(walker: Walker) -> Iterator[Path]:
    """Every page; ONLY=dashboard,ranking narrows it to stops with such a name, WIDTHS=360,1440 to these."""
    only = os.environ.get("ONLY", "").split(",")
    widths = [int(width) for width in os.environ.get("WIDTHS", "").split(",") if width] or HEIGHTS
    REVIEW.mkdir(parents=True, exist_ok=True)
    for stop in walker.stops():
        if not any(word in stop["name"] for word in only):
            continue
        for width in widths:
            for scheme in ("light", "dark"):
                page = walker.look(stop, width, scheme, phone=width < PHONE)
                _settle(page)
                path = REVIEW / f"{stop['name']}-{width}-{scheme}.png"
                page.screenshot(path=path, full_page=True)
                yield path


def _settle(page: Any) -> None:
    """All pictures that are on the screen are painted; those further down are fetched too."""
    page.evaluate(
        """async () => {
            document.querySelectorAll("img").forEach((img) => { img.loading = "eager"; });
            await Promise.all([...document.images].map((img) => img.decode().catch(() => {})));
        }"""
    )


def small_enough(png: bytes) -> bytes:
    """The picture as JPEG of as good a quality as fits."""
    picture = PIL.Image.open(io.BytesIO(png)).convert("RGB")
    for quality in range(90, 30, -5):
        encoded = io.BytesIO()
        picture.save(encoded, "JPEG", quality=quality, optimize=True, progressive=True)
        if encoded.tell() < MOST_BYTES:
            break
    return encoded.getvalue()


if __name__ == "__main__":
    main()
