"""A pytest plugin that gives the tests their servers before Django reads its settings.

Unless DATABASE_URL and REDIS_URL name some, it starts a private PostgreSQL and Valkey. With TEST_EMBEDDED=1
it leaves DATABASE_URL out, so that the same tests run on SQLite. Under xdist only the controller starts
servers; the workers inherit its environment. It is a plugin, and not a conftest, because pytest-django
reads the settings earlier than any conftest; tests/test_provision.py asserts which database is used.
"""

import os
import secrets
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config import translations
from tests.servers import ROOT, NoServer, guarded_directory, postgres, valkey

# What the shell may hold for a Pairwright of its own, and the tests must not see.
FOREIGN = (
    "ADMIN_PASSWORD",
    "ALLOWED_HOSTS",
    "DEBUG",
    "IMAGE_ROOTS",
    "IMAGES",
    "IMPORT_S3_ACCESS_KEY_ID",
    "IMPORT_S3_BUCKETS",
    "IMPORT_S3_ENDPOINT",
    "IMPORT_S3_REGION",
    "IMPORT_S3_SECRET_ACCESS_KEY",
    "STATIC_ROOT",
    "TRUSTED_PROXIES",
)
servers = ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """A wrapper, because it must come before pytest-django's, which asks to be first."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        use_data_dir(Path(os.environ["DATA_DIR"]) / worker)
    elif not early_config.known_args_namespace.help:
        try:
            provision()
        except NoServer as error:
            servers.close()
            raise pytest.UsageError(str(error)) from None
    return (yield)


def provision() -> None:
    for name in FOREIGN:
        os.environ.pop(name, None)
    translations.compile_stale()
    directory, _ = servers.enter_context(guarded_directory())
    use_data_dir(directory)
    if os.environ.get("TEST_EMBEDDED"):
        os.environ.pop("DATABASE_URL", None)
    elif not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = servers.enter_context(postgres()).url
    if not os.environ.get("REDIS_URL"):
        os.environ["REDIS_URL"] = servers.enter_context(valkey()).url
    # Compiling the numerics takes a while: once for all runs, not for each with its new DATA_DIR.
    os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".numba_cache"))
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": secrets.token_urlsafe(50),
        # Plain HTTP, so that the browser tests keep their cookies; the host of the live server.
        "PUBLIC_URL": "http://localhost",
        # Playwright's loop runs in the thread of the tests, which Django takes for asynchronous code.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    }


def use_data_dir(directory: Path) -> None:
    # WhiteNoise warns of a missing folder of static files.
    (directory / "static").mkdir(parents=True, exist_ok=True)
    os.environ["DATA_DIR"] = str(directory)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    from django.conf import settings

    # A file, like the real one: SQLite in memory has other locks and no WAL.
    if settings.EMBEDDED:
        from django.db import connections

        connections["default"].settings_dict["TEST"]["NAME"] = str(
            settings.DATA_DIR / "test.sqlite3"
        )
    # Pages name their files plainly; the manifest is made, and tested, where the image is built.
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


def pytest_unconfigure() -> None:
    servers.close()
