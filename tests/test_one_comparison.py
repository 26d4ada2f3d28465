"""One comparison, followed from the browser's request to the export: through web, broker and worker."""

import csv
import json
from collections.abc import Iterator

import pytest
from celery.contrib.testing.worker import start_worker
from django.db import connections
from django.test import Client

from annotation.models import Comparison, Image, Project, User
from config.celery import app
from rating.models import Rating
from rating.services.compiling import compile_if_needed
from rating.services.runs import warm_up
from tests.conftest import PASSWORD
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker() -> Iterator[None]:
    """A real worker on the real broker, in a thread of this process so that it has the test's database."""
    app.control.purge()
    compile_if_needed()
    warm_up()
    with start_worker(
        app, pool="threads", concurrency=1, perform_ping_check=False, shutdown_timeout=30
    ):
        yield
    connections.close_all()


def browser(user: User) -> Client:
    """Logged in by the form, and checked for forged requests as a browser is."""
    client = Client(enforce_csrf_checks=True)
    token = client.get("/login/").cookies["csrftoken"].value
    form = {"login": user.username, "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert client.post("/login/", form).status_code == 302
    return client


def post(client: Client, path: str, body: dict) -> dict:
    response = client.post(
        f"/api/v1/{path}",
        json.dumps(body),
        content_type="application/json",
        headers={"X-CSRFToken": client.cookies["csrftoken"].value},
    )
    assert response.status_code in (201, 202), response.content
    return response.json()


def test_one_comparison_from_the_browsers_request_to_the_export(
    project: Project, images: list[Image], alice: User, bob: User, worker: None
) -> None:
    annotator = browser(bob)
    (shown,) = post(annotator, f"projects/{project.id}/assignments/", {"count": 1})["results"]
    assert annotator.get(shown["left"]["image"]).headers["Content-Type"] == "image/webp"

    answer = {"assignment": shown["id"], "outcome": "left", "duration_ms": 700}
    made = post(annotator, "comparisons/", answer)

    comparison = Comparison.objects.get(id=made["id"])
    assert (comparison.annotator, comparison.outcome) == (bob, "left")

    better = eventually(
        lambda: Rating.objects.filter(image=comparison.left, wins=1).first(), deadline=10
    )
    assert better is not None
    assert better.rank == 1

    manager = browser(alice)
    ratings = manager.get(f"/api/v1/projects/{project.id}/ratings/").json()
    assert ratings["results"][0]["image"] == str(comparison.left_id)
    assert ratings["run"]["comparisons"] == 1

    asked = post(manager, f"projects/{project.id}/exports/", {"format": "pairs"})
    url = f"/api/v1/exports/{asked['id']}/"
    eventually(lambda: manager.get(url).json()["status"] == "done", deadline=10)
    content = manager.get(url + "download/").getvalue()
    (pair,) = [json.loads(line) for line in content.splitlines()]
    assert (pair["chosen"], pair["rejected"]) == (comparison.left.name, comparison.right.name)
    assert pair["comparison"] == made["id"]

    asked = post(manager, f"projects/{project.id}/exports/", {"format": "rankings"})
    url = f"/api/v1/exports/{asked['id']}/"
    eventually(lambda: manager.get(url).json()["status"] == "done", deadline=10)
    ranked = manager.get(url + "download/").getvalue().decode()
    first = next(csv.DictReader(ranked.splitlines()))
    assert (first["image"], first["run"]) == (str(comparison.left_id), ratings["run"]["id"])
