"""The client for Python: what it does for a script, and what it does when the server or the way is bad."""

import ast
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.core.cache import cache
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from annotation import client as module
from annotation.api.views import imports
from annotation.client import Pairwright, PairwrightError
from annotation.imports import jobs
from annotation.models import Comparison, Criterion, Image, Import, Project, User
from annotation.tokens import create_token
from rating.exports.jobs import request_export, run_export
from rating.models import Export
from rating.services import recompute
from tests.conftest import PASSWORD, picture
from tests.lineups import lineup

pytestmark = pytest.mark.django_db

Answer = Callable[[httpx.Request], httpx.Response]


class Way(httpx.BaseTransport):
    """The way to the server, in this process: what stands in `troubles` comes first, an item a call."""

    def __init__(self) -> None:
        self.server = httpx.WSGITransport(app=WSGIHandler())
        self.troubles: list[httpx.Response | Exception | Answer] = []
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.troubles:
            trouble = self.troubles.pop(0)
            if isinstance(trouble, Exception):
                raise trouble
            return trouble if isinstance(trouble, httpx.Response) else trouble(request)
        return self.server.handle_request(request)

    def calls(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.asked]


@pytest.fixture
def way() -> Iterator[Way]:
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield Way()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client waited, each time; nobody really waits."""
    waits: list[float] = []
    monkeypatch.setattr(module.time, "sleep", waits.append)
    return waits


def client_of(user: User, way: Way, **options: Any) -> Pairwright:
    _, key = create_token(user)
    return Pairwright("http://testserver", key, transport=way, progress=False, **options)


@pytest.fixture
def api(alice: User, way: Way, slept: list[float]) -> Pairwright:
    return client_of(alice, way)


def files(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{n}.png" for n in range(count)]
    for n, path in enumerate(paths):
        path.write_bytes(picture(n))
    return paths


# --- What it does ------------------------------------------------------------------------------------


def test_it_stands_alone() -> None:
    """It is downloaded as one file, to where nothing of Pairwright is."""
    tree = ast.parse(Path(module.__file__).read_text())
    imports = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imports & {"django", "rest_framework", "annotation", "rating", "config"}
    assert {"httpx", "tqdm"} <= imports


def test_a_project_from_its_images_to_its_ratings(
    project: Project, api: Pairwright, way: Way, bob: User, tmp_path: Path
) -> None:
    made = api.create_project("Cats", state="open", settings={"overlap": 1})
    assert api.add_images(made, files(tmp_path, 3), prompt="a cat") == []
    assert api.invite(made).startswith("http")
    while given := api.assignments(made):
        # A script that asks for any format gets what is there already, or quick to make.
        assert api.picture(given[0]["left"]).startswith((b"\xff\xd8\xff", b"RIFF"))
        api.answer(given[0], "left")
    assert api.watch(made)["share"] == 1.0
    assert {project["name"] for project in api.projects()} == {"Cats", "Sunsets"}
    assert len(list(api.comparisons(made))) == 3
    recompute(UUID(made["id"]))
    assert sorted(rating["name"] for rating in api.ratings(made)) == ["0.png", "1.png", "2.png"]
    assert api.update_project(made, state="closed")["state"] == "closed"
    assert api.project(made["id"])["state"] == "closed"


def test_a_model_answers_as_any_annotator_does(
    project: Project, images: list[Image], bob: User, way: Way, slept: list[float]
) -> None:
    api = client_of(bob, way)
    (given,) = api.assignments(project.id)
    first = api.answer(given, "tie", duration_ms=12)
    assert api.answer(given, "tie") == first, "sent twice it is one comparison"
    with pytest.raises(PairwrightError, match="already answered") as refused:
        api.answer(given, "left")
    assert refused.value.status == 409


def test_a_model_orders_several_images(
    project: Project, images: list[Image], bob: User, way: Way, slept: list[float]
) -> None:
    lineup(project, bob, images)
    api = client_of(bob, way)
    (given,) = api.assignments(project.id)
    assert given["screen"] == "order"
    best_first = sorted(given["images"], key=lambda image: len(api.picture(image)))
    made = api.answer(given, levels=[[image] for image in best_first])
    assert made["outcome"] == "ordered"
    assert made["levels"] == [[image["id"]] for image in best_first]


def test_images_that_are_there_are_not_uploaded_twice_and_bad_ones_are_told(
    project: Project, api: Pairwright, way: Way, tmp_path: Path
) -> None:
    paths = files(tmp_path, 3)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    for _ in range(2):
        refused = api.add_images(
            project.id,
            [*paths, tmp_path / "bad.png"],
            describe=lambda path: {"model": path.stem},
        )
        assert [path.name for path, _ in refused] == ["bad.png"]
    assert project.images.count() == 3
    assert set(project.images.values_list("model", flat=True)) == {"0", "1", "2"}


def test_pages_are_read_to_their_end(
    project: Project, images: list[Image], api: Pairwright, way: Way
) -> None:
    pages = list(api.pages(f"projects/{project.id}/images/", page_size=1))
    assert [image["name"] for image in pages] == ["0.png", "1.png", "2.png", "3.png"]
    assert len(way.asked) == 4


def test_a_token_goes_to_no_other_server(
    project: Project, api: Pairwright, way: Way, images: list[Image]
) -> None:
    elsewhere = {"next": "https://evil.example/api/v1/projects/?cursor=x", "results": [{}]}
    way.troubles = [httpx.Response(200, json=elsewhere)]
    with pytest.raises(PairwrightError, match="no cursor"):
        list(api.projects())
    assert {request.url.host for request in way.asked} == {"testserver"}


def test_logging_in_makes_a_token(
    bob: User, way: Way, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    cache.clear()
    api = Pairwright.login("http://testserver", "bob", PASSWORD, scopes=["read"], transport=way)
    assert list(api.projects()) == []
    with pytest.raises(PairwrightError, match="may only: read") as refused:
        api.create_project("Cats")
    assert refused.value.status == 403


# --- Exports -----------------------------------------------------------------------------------------


@pytest.fixture
def written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports are there as soon as they are asked for, as if a worker had been quick."""
    from rating.api import exports

    def request(*args: Any) -> Export:
        export = request_export(*args)
        run_export(export.id)
        return export

    monkeypatch.setattr(exports, "request_export", request)


def test_a_folder_of_the_server_is_imported_and_what_was_refused_is_told(
    project: Project,
    api: Pairwright,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.IMAGE_ROOTS = [tmp_path]
    for n in range(3):
        (tmp_path / f"{n}.png").write_bytes(picture(n))
    (tmp_path / "3.png").write_bytes(b"no picture")

    def read_at_once(*args: Any) -> Import:
        job = jobs.request_import(*args)
        jobs.run_import(job.id)
        return job

    monkeypatch.setattr(imports, "request_import", read_at_once)
    done = api.start_import(project.id, "folder", path=str(tmp_path))
    assert (done["status"], done["added"], done["refused"]) == ("done", 3, 1)
    assert done["refusals"][0]["place"] == "3.png"
    again = api.start_import(project.id, "folder", path=str(tmp_path))
    assert (again["added"], again["known"]) == (0, 3)
    with pytest.raises(PairwrightError, match="path"):
        api.start_import(project.id, "folder", path="/etc")


@pytest.mark.usefixtures("written_at_once")
def test_an_export_is_asked_for_downloaded_and_checked(
    project: Project, images: list[Image], api: Pairwright, tmp_path: Path
) -> None:
    target = api.export(project.id, "comparisons", to=tmp_path / "log.csv")
    export = Export.objects.get()
    assert hashlib.sha256(target.read_bytes()).hexdigest() == export.sha256
    assert list(tmp_path.glob(".*")) == [], "nothing is left of the way"


@pytest.mark.usefixtures("written_at_once")
def test_exports_of_two_criteria_do_not_overwrite_each_other(
    project: Project,
    images: list[Image],
    api: Pairwright,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Criterion.objects.create(project=project, key="match", position=1)
    keys = [criterion.key for criterion in project.criteria.all()]
    with pytest.raises(PairwrightError, match=f"Choose one as “criterion”: {keys[0]}, match"):
        api.export(project.id, "hpdv3", file="json", images="names")
    files = {
        api.export(project.id, "hpdv3", file="json", images="names", criterion=key).name
        for key in keys
    }
    assert files == {f"hpdv3-{key}.json" for key in keys}


@pytest.mark.usefixtures("written_at_once")
def test_a_download_that_broke_off_goes_on_where_it_was(
    project: Project, images: list[Image], api: Pairwright, way: Way, tmp_path: Path
) -> None:
    asked = api.call("POST", f"projects/{project.id}/exports/", json={"format": "rankings"})
    export = Export.objects.get()

    class Half(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            whole = way.server.handle_request(way.asked[-1]).read()
            yield whole[:100]
            raise httpx.ReadError("gone")

    way.troubles = [way.server.handle_request, lambda request: httpx.Response(200, stream=Half())]
    target = api.download(asked, tmp_path / "rankings.csv")
    assert hashlib.sha256(target.read_bytes()).hexdigest() == export.sha256
    assert way.asked[-1].headers["Range"] == "bytes=100-"
    assert way.asked[-1].headers["If-Range"] == f'"{export.sha256}"'


@pytest.mark.usefixtures("written_at_once")
def test_bytes_that_are_not_the_exports_are_not_kept(
    project: Project, images: list[Image], api: Pairwright, way: Way, tmp_path: Path
) -> None:
    asked = api.call("POST", f"projects/{project.id}/exports/", json={"format": "rankings"})
    size = Export.objects.get().bytes
    way.troubles = [
        way.server.handle_request,
        httpx.Response(200, stream=httpx.ByteStream(b"x" * size)),
    ]
    with pytest.raises(PairwrightError, match="not those of the export"):
        api.download(asked, tmp_path / "rankings.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_export_says_why(api: Pairwright, way: Way) -> None:
    way.troubles = [
        httpx.Response(202, json={"id": "1", "status": "queued"}),
        httpx.Response(200, json={"id": "1", "status": "running"}),
        httpx.Response(200, json={"id": "1", "status": "failed", "error": "The disk is full."}),
    ]
    with pytest.raises(PairwrightError, match="The disk is full"):
        api.export("2", "rankings")


# --- A bad way ---------------------------------------------------------------------------------------


def test_a_busy_server_is_given_the_time_that_it_asks_for(
    project: Project, api: Pairwright, way: Way, slept: list[float]
) -> None:
    soon = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 9))
    way.troubles = [
        httpx.Response(429, headers={"Retry-After": "7"}, json={"detail": "Too many."}),
        httpx.Response(503, headers={"Retry-After": soon}),
        httpx.Response(503),
    ]
    assert api.create_project("Cats")["name"] == "Cats"
    assert 7 <= slept[0] < 7.5
    assert 6 < slept[1] < 9.5
    assert 0 < slept[2] < 5
    assert Project.objects.filter(name="Cats").count() == 1


def test_it_does_not_try_for_ever(way: Way, alice: User, slept: list[float]) -> None:
    api = client_of(alice, way, tries=3)
    way.troubles = [httpx.ConnectError("refused") for _ in range(5)]
    with pytest.raises(PairwrightError, match="cannot be reached: refused") as refused:
        list(api.projects())
    assert refused.value.status == 0
    assert (len(way.asked), len(slept)) == (3, 2)
    assert slept[1] > slept[0]


def test_what_may_have_been_done_is_not_sent_again_unless_twice_is_once(
    project: Project, images: list[Image], api: Pairwright, way: Way
) -> None:
    way.troubles = [httpx.ReadTimeout("no answer")]
    with pytest.raises(PairwrightError, match="broke off"):
        api.create_project("Cats")
    (given,) = api.assignments(project.id)
    way.troubles = [httpx.ReadTimeout("no answer"), httpx.Response(502)]
    api.answer(given, "left")
    assert Comparison.objects.count() == 1


def test_refusals_are_told_in_the_servers_words(api: Pairwright, project: Project) -> None:
    with pytest.raises(PairwrightError, match="^name: This field may not be blank") as refused:
        api.create_project("")
    assert refused.value.status == 400
    with pytest.raises(PairwrightError, match="no such project among yours"):
        api.project("7b0c8a52-3a55-4f0e-9a7d-3f1f6c2b9e10")


def test_an_answer_that_is_no_json_is_told_as_what_it_is(api: Pairwright, way: Way) -> None:
    way.troubles = [httpx.Response(404, text="<html>Not here</html>")]
    with pytest.raises(PairwrightError, match="The server answered 404 Not Found"):
        list(api.projects())


def test_waiting_has_an_end(
    project: Project, api: Pairwright, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = iter(range(0, 10_000, 10))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(passing)))
    with pytest.raises(PairwrightError, match="longer than 60 seconds"):
        api.recompute(project.id, timeout=60)
    assert api.watch(project.id, timeout=60)["share"] == 0


def test_progress_is_shown_on_standard_error(
    project: Project, alice: User, way: Way, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, key = create_token(alice)
    api = Pairwright("http://testserver", key, transport=way)
    api.add_images(project.id, files(tmp_path, 2))
    shown = capsys.readouterr()
    assert "Uploading: 100%" in shown.err
    assert shown.out == ""
