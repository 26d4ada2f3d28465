"""What an annotator waits for on the compare page, in a real browser, on the program as `make run` starts it.

python -m bench.page                   on pictures that it paints, in a few minutes
PHOTOS=folder python -m bench.page     on real photographs; of few, tinted copies are made
QUICK=1 python -m bench.page           in about a minute

Chromium presses real keys and judges at 100 images and again at 1,000: at a person's pace, when what comes
next had time to be decoded, and as fast as it goes. bench/page.js says what exactly is timed. For the ratio,
which does not depend on the machine, the same pairs are judged once more as pages without a look ahead do
it: the answer is sent, then the next pair is asked for, its pictures loaded and decoded, and shown.
"""

import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import PIL.Image
from playwright.sync_api import Browser, Page, Response, sync_playwright

from bench.size import QUICK, sized
from config.children import die_with
from tests.browser.chromium import OPTIONS, chromium
from tests.test_supervisor import free_port

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = Path("build/bench/page.json")
COUNTS = sized((100, 1_000), (100, 1_000), (20,))
VOTES = sized(200, 30, 4)
COLD_VOTES = sized(30, 10, 4)
PACE = 300  # ms between a pair's painting and the next key
# How long the worker may make sizes before the judging begins; then it goes on beside it, as in real use.
HEAD_START = sized(30.0, 10.0, 1.0)
LONGEST_START = 240.0
PASSWORD = "a password of the benchmark"  # noqa: S105
SCREEN = {"width": 1440, "height": 900}
LENIENT = {"warn_below": 0, "pause_below": 0, "pause_automatically": False}
CITED = (
    "ancestor (Image Ranker), 100 images: 170-260 ms; 1,000 images: 5,700 ms",
    "Label Studio: 900-1,200 ms, two clicks and no keys",
)

# A vote as pages without a look ahead have it; from the answer to the second frame with the next pair.
COLD_VOTE = """async ([votes]) => {
    const facts = JSON.parse(document.getElementById("facts").textContent);
    const token = document.querySelector("meta[name=csrf-token]").content;
    const post = async (url, body) => {
        const headers = {"Content-Type": "application/json", "X-CSRFToken": token};
        const answer = await fetch(url, {method: "POST", headers, body: JSON.stringify(body)});
        if (!answer.ok) throw new Error(await answer.text());
        return answer.json();
    };
    const decoded = async ({image}) => {
        const picture = new Image();
        for (let tries = 5; ; tries -= 1) {
            picture.src = `${image}?cold=${Math.random()}`;
            try {
                await picture.decode();
                return picture;
            } catch (error) { // too many are being made at once: the server says when to ask again
                if (!tries) throw error;
                await new Promise((then) => setTimeout(then, 1000));
            }
        }
    };
    const next = async () => {
        const {results: [pair]} = await post(facts.assignments, {count: 1});
        const both = await Promise.all([decoded(pair.left), decoded(pair.right)]);
        ["left", "right"].forEach((side, at) => document.getElementById(side).replaceChildren(both[at]));
        await new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)));
        return pair;
    };
    const times = [];
    let pair = await next();
    for (let vote = 0; vote < votes; vote += 1) {
        const from = performance.now();
        await post(facts.comparisons, {assignment: pair.id, outcome: "left", duration_ms: 1500});
        pair = await next();
        times.push(performance.now() - from);
    }
    return times;
}"""


def page_table() -> dict[str, Any]:
    began = time.monotonic()
    table: dict[str, Any] = {"quick": QUICK, "cores": os.cpu_count(), "load": os.getloadavg()}
    table["sizes"] = []
    with tempfile.TemporaryDirectory(prefix="bench-page-") as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
        for count in COUNTS:
            folder = Path(name) / f"{count} pictures"
            photographs(folder, count)
            with running(Path(name) / f"data{count}", folder) as site:
                table["sizes"].append({"images": count, **_measure(browser, site, count)})
            _show(table["sizes"][-1])
        browser.close()
    table |= {"seconds": round(time.monotonic() - began, 1), "cited": CITED}
    print("Cited, not measured here: " + "; ".join(CITED) + ".")
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(table, indent=2))
    return table


# --- Pictures and the program ------------------------------------------------------------------------


def photographs(folder: Path, count: int) -> None:
    """So many pictures: those of PHOTOS, or painted ones, and copies of them in other tints."""
    folder.mkdir()
    given = sorted(Path(os.environ["PHOTOS"]).iterdir()) if os.environ.get("PHOTOS") else []
    originals = []
    for file in given[:count]:
        try:
            with PIL.Image.open(file) as picture:
                originals.append((file.read_bytes(), picture.convert("RGB")))
        except OSError:
            continue
    chance = np.random.default_rng(0)
    originals = originals or [_painted(chance) for _ in range(24)]
    for number in range(count):
        content, picture = originals[number % len(originals)]
        if number >= len(originals):
            tint = chance.uniform(0.75, 1.0, 3)
            table = [min(255, int(level * share)) for share in tint for level in range(256)]
            content = _as_jpeg(picture.point(table))
        (folder / f"{number:05}.jpg").write_bytes(content)


def _painted(chance: np.random.Generator) -> tuple[bytes, PIL.Image.Image]:
    """Soft blots with a grain, about as hard to encode as a photograph."""
    coarse = PIL.Image.fromarray(chance.integers(0, 256, (9, 12, 3), np.uint8))
    soft = coarse.resize((1200, 800), PIL.Image.Resampling.BICUBIC)
    grain = np.array(soft) + chance.normal(0, 6, (800, 1200, 1))
    picture = PIL.Image.fromarray(grain.clip(0, 255).astype(np.uint8))
    return _as_jpeg(picture), picture


def _as_jpeg(picture: PIL.Image.Image) -> bytes:
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=92)
    return encoded.getvalue()


@contextmanager
def running(data: Path, folder: Path) -> Iterator[str]:
    """The whole program, embedded, with the folder's pictures as its project; where it is."""
    port, parent = free_port(), os.getpid()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    kept |= {"NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(ROOT / ".numba_cache"))}
    said = data.with_suffix(".txt")
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.supervisor"],
            cwd=ROOT,
            env=kept
            | {"DATA_DIR": str(data), "PORT": str(port), "IMAGES": str(folder)}
            | {"ADMIN_PASSWORD": PASSWORD},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=lambda: die_with(parent, signal.SIGTERM),
        )
    try:
        end = time.monotonic() + LONGEST_START
        while "Ctrl-C stops it" not in said.read_text():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Pairwright did not start:\n{said.read_text()}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


# --- Judging -----------------------------------------------------------------------------------------


class Judge:
    """A person in a browser, from the login on."""

    def __init__(self, browser: Browser, site: str) -> None:
        self.site = site
        self.context = browser.new_context(viewport=SCREEN)
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()
        self.bytes: dict[str, int] = {}
        self.loading: set[Any] = set()
        self.page.goto(f"{site}/login/")
        self.page.fill("[name=login]", "admin")
        self.page.fill("[name=password]", PASSWORD)
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_url(f"{site}/")
        self.where = self.page.locator("a[href$='/compare/']").first.get_attribute("href")
        assert self.where

    def opens(self) -> float:
        """Open the compare page; the ms until its first pair is painted."""
        self.page.add_init_script(path=Path(__file__).with_suffix(".js"))
        self.page.on("request", lambda request: self._begins(request))
        self.page.on("requestfinished", lambda request: self.loading.discard(request))
        self.page.on("requestfailed", lambda request: self.loading.discard(request))
        self.page.on("response", self._comes)
        self.page.goto(f"{self.site}{self.where}")
        self.page.wait_for_function("() => measured.first > 0")
        return float(self.page.evaluate("measured.first"))

    def _comes_to_rest(self) -> None:
        """Twice in a row nothing is on its way; a request whose end is never told is forgotten."""
        end, calm = time.monotonic() + 5, 0
        while calm < 2 and time.monotonic() < end:
            calm = 0 if self.loading else calm + 1
            self.page.wait_for_timeout(20)
        self.loading.clear()

    def _begins(self, request: Any) -> None:
        if request.resource_type in ("image", "fetch"):
            self.loading.add(request)

    def _comes(self, response: Response) -> None:
        if response.request.resource_type == "fetch":
            self.loading.discard(response.request)
        type = response.headers.get("content-type", "")
        if "/images/" in response.url and type.startswith("image/"):
            length = int(response.headers.get("content-length", 0))
            self.bytes[type] = self.bytes.get(type, 0) + length

    def judges(self, votes: int, *, pause: int) -> dict[str, Any]:
        """Press so many keys; with a pause, when all that was sent and asked for after the last has come."""
        self.bytes.clear()
        self.page.evaluate("Object.assign(measured, {votes: [], events: [], shift: 0, long: []})")
        chance = random.Random(0)  # noqa: S311 - which side does not matter
        for vote in range(votes):
            if pause:
                self.page.wait_for_timeout(pause)
                self._comes_to_rest()
            self.page.keyboard.press(chance.choice(("ArrowLeft", "ArrowRight")))
            self.page.wait_for_function("(count) => measured.votes.length === count", arg=vote + 1)
        measured = self.page.evaluate("measured")
        return {
            "votes": votes,
            **_times(measured["votes"]),
            "event_timing_p95_ms": _p95(measured["events"]),
            "layout_shift": round(measured["shift"], 4),
            "long_tasks": len(measured["long"]),
            "longest_task_ms": max(measured["long"], default=0),
            "image_kb_per_vote": {
                type: round(size / 1000 / votes, 1) for type, size in sorted(self.bytes.items())
            },
        }

    def judges_cold(self, votes: int) -> dict[str, Any]:
        """Without a look ahead, on a page whose own script stays away."""
        page: Page = self.context.new_page()
        page.route("**/compare*.js", lambda route: route.abort())
        page.goto(f"{self.site}{self.where}")
        times = page.evaluate(COLD_VOTE, [votes])
        page.close()
        return {"votes": votes, **_times(times)}

    def lenient(self) -> None:
        """Nobody is to be paused for judging as fast as a machine."""
        token = self.page.locator("meta[name=csrf-token]").get_attribute("content") or ""
        project = f"{self.site}/api/v1{str(self.where).removesuffix('compare/')}"
        headers = {"X-CSRFToken": token, "Referer": self.site}
        answer = self.context.request.patch(project, data={"settings": LENIENT}, headers=headers)
        assert answer.ok, answer.text()


def _measure(browser: Browser, site: str, count: int) -> dict[str, Any]:
    time.sleep(HEAD_START)
    judge = Judge(browser, site)
    first = judge.opens()
    judge.lenient()
    loaded = judge.page.evaluate(
        "performance.getEntriesByType('resource').filter(({name}) => /\\.(js|css)$/.test(name))"
        ".map(({name, encodedBodySize}) => [name.split('/').at(-1), encodedBodySize])"
    )
    paced = judge.judges(VOTES, pause=PACE)
    fast = judge.judges(VOTES, pause=0)
    cold = judge.judges_cold(COLD_VOTES)
    judge.context.close()
    return {
        "first_pair_ms": round(first, 1),
        "script_and_style_bytes": sum(size for _, size in loaded),
        "script_and_style_files": dict(loaded),
        "paced": paced,
        "fast": fast,
        "cold": cold,
        "cold_to_paced": round(cold["p50_ms"] / paced["p50_ms"], 1),
    }


def _times(ms: list[float]) -> dict[str, float]:
    return {"p50_ms": round(median(ms), 1), "p95_ms": _p95(ms), "max_ms": round(max(ms), 1)}


def _p95(ms: list[float]) -> float:
    return round(quantiles(ms, n=20, method="inclusive")[-1], 1) if len(ms) > 1 else float(sum(ms))


def _show(row: dict[str, Any]) -> None:
    print(
        f"\n{row['images']:,} images: first pair painted after {row['first_pair_ms']:.0f} ms; "
        f"script and style {row['script_and_style_bytes'] / 1000:.1f} kB"
    )
    columns = ("p50 ms", "p95 ms", "max ms", "event p95", "shift", "long tasks")
    print(f"{'key to next pair':26}" + "".join(f"{name:>11}" for name in columns))
    for name, of in (("at a person's pace", "paced"), ("as fast as it goes", "fast")):
        one = row[of]
        times = "".join(f"{one[key]:>11.1f}" for key in ("p50_ms", "p95_ms", "max_ms"))
        print(
            f"{name:26}{times}{one['event_timing_p95_ms']:>11.0f}{one['layout_shift']:>11.3f}"
            f"{one['long_tasks']:>11}   kB a vote: {one['image_kb_per_vote']}"
        )
    cold = "".join(f"{row['cold'][key]:>11.1f}" for key in ("p50_ms", "p95_ms", "max_ms"))
    print(f"{'without a look ahead':26}{cold}   {row['cold_to_paced']} × the paced", flush=True)


if __name__ == "__main__":
    page_table()
