"""S3-compatible storage, from a server of its own on this machine."""

import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from annotation.errors import Invalid
from annotation.imports import engine
from annotation.imports.jobs import import_now, request_import, run_import
from annotation.models import Import, Project, User
from tests.conftest import picture

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, settings: Any) -> Iterator[Any]:
    settings.IMPORT_S3_ENDPOINT = endpoint
    settings.IMPORT_S3_REGION = "us-east-1"
    settings.IMPORT_S3_ACCESS_KEY_ID = settings.IMPORT_S3_SECRET_ACCESS_KEY = "testing"
    settings.IMPORT_S3_BUCKETS = ["pictures", "missing"]
    storage = boto3.resource(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    bucket = storage.create_bucket(Bucket="pictures")
    for n in range(5):
        bucket.put_object(Key=f"2026/{n}.png", Body=picture(n))
    bucket.put_object(Key="2025/old.png", Body=picture(9))
    bucket.put_object(Key="2026/notes.txt", Body=b"not looked at")
    bucket.put_object(Key="2026/broken.png", Body=b"no picture")
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()


def test_the_pictures_below_a_prefix_are_fetched_once_and_kept(
    project: Project, alice: User, bucket: Any, settings
) -> None:
    for counts in ((5, 0, 1), (0, 5, 1)):
        options = {"bucket": "pictures", "prefix": "2026/"}
        job = request_import(project, alice, "s3", options)
        run_import(job.id)
        job.refresh_from_db()
        assert (job.status, job.total) == ("done", None)
        assert (job.added, job.known, job.refused) == counts
    assert job.refusals.get().place == "2026/broken.png"
    image = project.images.get(name="2026/3.png")
    bucket.objects.all().delete()
    assert (settings.UPLOAD_DIR / image.path).read_bytes() == picture(3)


def test_more_than_one_page_of_a_bucket_comes_in(
    project: Project, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BATCH", 3)
    assert import_now(project, "s3", {"bucket": "pictures"}).added == 6


def test_only_buckets_that_the_operator_names_are_asked_for(
    project: Project, alice: User, bucket: Any
) -> None:
    """A69: nothing that a person says becomes an address."""
    for name in ("secrets", "", "http://169.254.169.254/"):
        with pytest.raises(Invalid, match="not among those that the operator allows"):
            request_import(project, alice, "s3", {"bucket": name})
    assert not Import.objects.exists()


def test_a_bucket_that_is_not_there_or_refuses_fails_the_import_with_its_answer(
    project: Project, bucket: Any
) -> None:
    job = import_now(project, "s3", {"bucket": "missing"})
    assert job.status == "failed"
    assert "NoSuchBucket" in job.error


def test_a_storage_that_does_not_answer_is_waited_for(
    project: Project, bucket: Any, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        settings.IMPORT_S3_ENDPOINT = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        job = import_now(project, "s3", {"bucket": "pictures"})
    assert job.status == "queued"
    assert "does not answer" in job.error


def test_an_object_that_was_replaced_is_changed_and_one_that_was_only_put_again_is_known(
    project: Project, bucket: Any, settings
) -> None:
    def read() -> tuple[int, int, int]:
        job = import_now(project, "s3", {"bucket": "pictures", "prefix": "2026/"})
        return job.added, job.known, job.changed

    assert read() == (5, 0, 0)
    first = project.images.get(name="2026/0.png")
    bucket.put_object(Key="2026/1.png", Body=picture(1))
    assert read() == (0, 5, 0)
    for shade in (100, 101):
        bucket.put_object(Key="2026/0.png", Body=picture(shade))
        assert read() == (0, 4, 1)
        assert read() == (0, 5, 0)
        current = project.images.get(name="2026/0.png", replaced_by=None)
        assert (settings.UPLOAD_DIR / current.path).read_bytes() == picture(shade)
    first.refresh_from_db()
    assert first.excluded
    assert (settings.UPLOAD_DIR / first.path).read_bytes() == picture(0), "what people judged"
