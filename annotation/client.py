"""A client for Pairwright's API, in one module that knows nothing else of Pairwright.

    from client import Pairwright

    api = Pairwright("https://pairs.example.org", token)
    project = api.create_project("Cats", state="open")
    api.add_images(project, sorted(Path("cats").glob("*.png")), prompt="a cat on a sofa")
    api.watch(project)
    api.export(project, "pairs", to="pairs.jsonl")

It needs httpx and tqdm. Every server gives the version that fits it: curl -O https://…/api/v1/client.py

What the server tells is returned as it is, as dicts; things are named by their dict or id. What goes wrong
is a PairwrightError with the server's sentence. Calls wait for a server that is busy or away, and try again.
"""

import email.utils
import hashlib
import random
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from tqdm import tqdm

Json = dict[str, Any]
Named = Json | str | UUID

# Busy, away for a moment, or too fast: nothing was done, so anything may be sent again.
BUSY = (429, 503)
# A proxy's word that the server did not answer; it may have done what was asked.
UNSURE = (502, 504)
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds; it doubles from try to try


class PairwrightError(Exception):
    """What the server refused, in its words, or why it was not reached (`status` is then 0)."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Pairwright:
    """One server, as one person with a token.

    tries: how often a call is made before its failure is told. progress: whether long calls show a bar.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        tries: int = 8,
        timeout: float = 60,
        progress: bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.tries, self.progress = tries, progress
        self._url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=f"{self._url}/api/v1/",
            headers={"Authorization": f"Token {token}"} if token else {},
            timeout=timeout,
            transport=transport,
        )

    @classmethod
    def login(
        cls,
        url: str,
        username: str,
        password: str,
        *,
        name: str = "client.py",
        scopes: Iterable[str] = (),
        days: int = 1,
        **options: Any,
    ) -> "Pairwright":
        """With a new token of this person; `options` are those of Pairwright itself."""
        body = {"username": username, "password": password, "name": name, "days": days}
        nobody = cls(url, "", **options)
        answer = nobody.call("POST", "token/", json={**body, "scopes": list(scopes)})
        return cls(url, answer["token"], **options)

    def close(self) -> None:
        self._http.close()

    # --- Projects ------------------------------------------------------------------------------------

    def create_project(self, name: str, **fields: Any) -> Json:
        """`fields`: instructions, criteria, state, settings."""
        return self.call("POST", "projects/", json={"name": name, **fields})

    def projects(self) -> Iterator[Json]:
        return self.pages("projects/")

    def project(self, project: Named) -> Json:
        return self.call("GET", f"projects/{_id(project)}/")

    def update_project(self, project: Named, **fields: Any) -> Json:
        return self.call("PATCH", f"projects/{_id(project)}/", json=fields)

    def invite(self, project: Named, role: str = "annotator", note: str = "") -> str:
        """A link by which one person joins."""
        body = {"role": role, "note": note}
        url: str = self.call("POST", f"projects/{_id(project)}/invitations/", json=body)["url"]
        return url

    # --- Images --------------------------------------------------------------------------------------

    def add_images(
        self,
        project: Named,
        paths: Iterable[str | Path],
        describe: Callable[[Path], Json] | None = None,
        **facts: Any,
    ) -> list[tuple[Path, str]]:
        """Upload pictures; those that are there already, by name and content, are passed over.

        `facts` (prompt, model, …) are those of all; `describe` gives those of one. What the server refuses
        is returned with its reason; nothing else stops for it. Interrupted, call it again.
        """
        where = f"projects/{_id(project)}/images/"
        there = {(image["name"], image["sha256"]) for image in self.pages(where)}
        refused = []
        for path in self._bar([Path(path) for path in paths], unit="image", desc="Uploading"):
            content = path.read_bytes()
            fields = {"name": path.name, **facts, **(describe(path) if describe else {})}
            if (fields["name"], hashlib.sha256(content).hexdigest()) in there:
                continue
            try:
                self.call("POST", where, data=fields, files={"file": (path.name, content)})
            except PairwrightError as error:
                if error.status not in (400, 413):
                    raise
                refused.append((path, str(error)))
        return refused

    def images(self, project: Named) -> Iterator[Json]:
        return self.pages(f"projects/{_id(project)}/images/")

    def picture(self, image: Named) -> bytes:
        """As members are shown it; also of an assignment's `left` and `right`, or its `images`."""
        return self._send("GET", f"{self._url}/images/{_id(image)}/").content

    # --- Comparing -----------------------------------------------------------------------------------

    def assignments(self, project: Named, count: int = 1, **wanted: Any) -> list[Json]:
        """What this person is to judge, if anything is left: `left` and `right`, or several `images`."""
        body = {"count": count, **wanted}
        answer = self.call("POST", f"projects/{_id(project)}/assignments/", json=body)
        results: list[Json] = answer["results"]
        return results

    def answer(self, assignment: Named, outcome: str = "", **fields: Any) -> Json:
        """left, right, tie, both_bad or skip (`cause=`); of several images `levels=`: lists, best first."""
        if "levels" in fields:
            fields["levels"] = [[_id(image) for image in level] for level in fields["levels"]]
        body = {"assignment": _id(assignment), "outcome": outcome or "ordered", **fields}
        return self.call("POST", "comparisons/", json=body, again=True)

    def comparisons(self, project: Named, **filters: Any) -> Iterator[Json]:
        """The raw log; `filters`: criterion, annotator, since, retracted, screen, purpose."""
        return self.pages(f"projects/{_id(project)}/comparisons/", **filters)

    # --- Results -------------------------------------------------------------------------------------

    def status(self, project: Named) -> Json:
        return self.call("GET", f"projects/{_id(project)}/progress/")

    def watch(
        self, project: Named, until: float = 1.0, every: float = 2.0, timeout: float | None = None
    ) -> Json:
        """Show how far the project is, until this share of the wanted comparisons is there."""
        end = None if timeout is None else time.monotonic() + timeout
        with self._bar(unit="comparison", desc="Comparing") as bar:
            while True:
                found = self.status(project)
                bar.total, bar.n = found["wanted"], found["judged"]
                bar.refresh()
                if found["share"] >= until or (end is not None and time.monotonic() >= end):
                    return found
                time.sleep(every)

    def recompute(self, project: Named, method: str | None = None, timeout: float = 600) -> Json:
        """Have the ratings computed, and wait for them; the run that holds them."""
        body = {"method": method} if method else {}
        where = f"projects/{_id(project)}/"
        revision = self.call("POST", f"{where}recompute/", json=body)["revision"]

        def current() -> Json | None:
            run: Json | None = self.call("GET", f"{where}ratings/", params={"page_size": 1})["run"]
            return run if run and run["revision"] >= revision else None

        return self._until(current, "The ratings", timeout)

    def ratings(self, project: Named, **filters: Any) -> Iterator[Json]:
        """The best first, prompt by prompt, all of one run; `filters`: criterion, prompt, run."""
        return self.pages(f"projects/{_id(project)}/ratings/", **filters)

    # --- Exports and imports -------------------------------------------------------------------------

    def export(
        self,
        project: Named,
        format: str,
        to: str | Path | None = None,
        timeout: float = 3600,
        **options: Any,
    ) -> Path:
        """The project's data in a format, as a file, named by format and criterion; where it is."""
        body = {"format": format, "options": options}
        asked = self.call("POST", f"projects/{_id(project)}/exports/", json=body)
        return self.download(self._finished("exports", asked, "The export", timeout), to)

    def download(self, export: Named, to: str | Path | None = None) -> Path:
        """A finished export's file, checked against its checksum.

        Broken off, it goes on where it was, in this call or the next: what is there already lies in a
        `.part` file beside the target, named by the checksum.
        """
        known = self.call("GET", f"exports/{_id(export)}/")
        sha256, size, options = known["sha256"], known["bytes"], known["options"]
        about = filter(None, [known["format"], options.get("criterion")])
        to = Path(to or f"{'-'.join(about)}.{options.get('file', 'bin')}")
        part = to.with_name(f".{to.name}.{sha256[:16]}.part")
        shown: Json = {"unit": "B", "unit_scale": True, "unit_divisor": 1024}
        with self._bar(total=size, desc=to.name, **shown) as bar:
            for waits in self._waits():
                try:
                    self._fetch(known, part, bar)
                    break
                except (httpx.TransportError, httpx.StreamError) as error:
                    waits.fail(f"The download broke off: {error}")
        if _sha256(part) != sha256:
            part.unlink()
            raise PairwrightError("The downloaded bytes are not those of the export. Try again.")
        part.replace(to)
        return to

    def start_import(
        self, project: Named, source: str, timeout: float = 3600, **fields: Any
    ) -> Json:
        """Have the server read a folder, a manifest, … of its own, and wait; what was refused is in it."""
        body = {"source": source, **fields}
        asked = self.call("POST", f"projects/{_id(project)}/imports/", json=body)
        return self._finished("imports", asked, "The import", timeout)

    # --- Calls ---------------------------------------------------------------------------------------

    def call(self, method: str, path: str, *, again: bool = False, **request: Any) -> Json:
        """Any call of the API; its answer. `again`: doing it twice is doing it once."""
        response = self._send(method, path, again=again, **request)
        answer: Json = response.json() if response.content else {}
        return answer

    def pages(self, path: str, **parameters: Any) -> Iterator[Json]:
        """All results of a list, page by page, as they are iterated over."""
        params = {"page_size": 1000, **{k: v for k, v in parameters.items() if v is not None}}
        page = self.call("GET", path, params=params)
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            # Only its query: a token goes to no other server than the one that it was given for.
            page = self.call("GET", f"{path}?{urlsplit(page['next']).query}")

    def _send(
        self, method: str, path: str, *, again: bool = False, **request: Any
    ) -> httpx.Response:
        again = again or method in ("GET", "PATCH", "DELETE")
        for waits in self._waits():
            try:
                response = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                # What did not reach the server may be sent again whatever it is.
                if not again and not isinstance(error, httpx.ConnectError):
                    raise PairwrightError(f"The connection broke off: {error}") from error
                waits.fail(f"The server cannot be reached: {error}")
                continue
            if response.status_code in BUSY or (again and response.status_code in UNSURE):
                waits.fail(_sentence(response), _retry_after(response), response.status_code)
                continue
            if not response.is_success:
                raise PairwrightError(_sentence(response), response.status_code)
            return response
        raise AssertionError("the last try either returns or raises")

    def _waits(self) -> Iterator["_Waits"]:
        waits = _Waits(self.tries)
        for _ in range(self.tries):
            yield waits

    def _finished(self, kind: str, asked: Json, what: str, timeout: float) -> Json:
        def finished() -> Json | None:
            known = self.call("GET", f"{kind}/{_id(asked)}/")
            return known if known["status"] not in ("queued", "running") else None

        known = self._until(finished, what, timeout)
        if known["status"] == "failed":
            raise PairwrightError(f"{what} failed: {known.get('error') or 'no reason is known.'}")
        return known

    def _until(self, found: Callable[[], Json | None], what: str, timeout: float) -> Json:
        started, wait = time.monotonic(), 0.2
        with self._bar(desc=what, bar_format="{desc}: {elapsed}") as bar:
            while (answer := found()) is None:
                if time.monotonic() - started > timeout:
                    raise PairwrightError(f"{what} took longer than {timeout:g} seconds.")
                time.sleep(wait)
                wait = min(2.0, wait * 1.5)
                bar.refresh()
        return answer

    def _fetch(self, export: Json, part: Path, bar: "tqdm[Any]") -> None:
        """Append to the part what is missing of it."""
        have = part.stat().st_size if part.exists() else 0
        bar.n = have
        bar.refresh()
        if have >= export["bytes"]:
            part.touch()
            return
        headers = {"Accept-Encoding": "identity", "If-Range": f'"{export["sha256"]}"'}
        if have:
            headers["Range"] = f"bytes={have}-"
        where = f"exports/{export['id']}/download/"
        with self._http.stream("GET", where, headers=headers) as response:
            if not response.is_success:
                response.read()
                if response.status_code in BUSY + UNSURE:
                    raise httpx.StreamError(_sentence(response))
                raise PairwrightError(_sentence(response), response.status_code)
            with part.open("ab" if response.status_code == 206 else "wb") as file:
                if response.status_code != 206:
                    bar.n = 0
                # Raw, as it comes: nothing that has arrived is lost when the rest does not.
                for chunk in response.iter_raw():
                    file.write(chunk)
                    bar.update(len(chunk))

    def _bar(self, over: list[Any] | None = None, **shown: Any) -> Any:
        return tqdm(over, disable=not self.progress, **shown)


class _Waits:
    """The waits between the tries of one call; after the last there is none, and the failure is told."""

    def __init__(self, tries: int) -> None:
        self.left, self.wait = tries, FIRST_WAIT

    def fail(self, why: str, wanted: float | None = None, status: int = 0) -> None:
        self.left -= 1
        if not self.left:
            raise PairwrightError(why, status)
        # Spread, so that many who failed together do not come back together.
        spread = self.wait * random.uniform(0.75, 1.25)  # noqa: S311
        time.sleep(spread if wanted is None else wanted + random.uniform(0, 0.25))  # noqa: S311
        self.wait = min(LONGEST_WAIT, 2 * self.wait)


def _id(thing: Named) -> str:
    return str(thing["id"] if isinstance(thing, dict) else thing)


def _sentence(response: httpx.Response) -> str:
    """What the server says, on one line: `field: what is wrong` where it is about a field."""
    try:
        said = response.json()
    except ValueError:
        return f"The server answered {response.status_code} {response.reason_phrase}."
    if not isinstance(said, dict):
        return f"The server answered {response.status_code}."
    lines = []
    for field, what in said.items():
        words = " ".join(map(str, what)) if isinstance(what, list) else str(what)
        lines.append(words if field == "detail" else f"{field}: {words}")
    return " ".join(lines)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, which the header has as a number or as a time."""
    told = response.headers.get("Retry-After", "")
    if told.isdigit():
        return min(300.0, float(told))
    try:
        at = email.utils.parsedate_to_datetime(told)
    except (TypeError, ValueError):
        return None
    return min(300.0, max(0.0, at.timestamp() - time.time()))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
