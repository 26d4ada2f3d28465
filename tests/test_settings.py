"""A configuration that cannot work stops the program with one sentence."""

import base64
import os
import random
import string
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from annotation import log_guard
from config.environment import strong_secret_key
from config.supervisor import Options, child_environ
from tests.conftest import _set_guard

ROOT = Path(__file__).resolve().parent.parent
STRONG = "k7Qx2Vb9LmZr4WcJ0hTq8YdN5sGf1PaE6uKi3BvX-oRz_7MwHyC2Dg9l"
DEPLOYMENT = {
    "DATABASE_URL": "postgresql://u:p@db/pairwright",
    "REDIS_URL": "redis://redis:6379/0",
    "SECRET_KEY": STRONG,
    "PUBLIC_URL": "https://pairs.example.org",
}


def start(tmp_path: Path, **environment: str) -> str:
    """What the program says when its settings are read under this environment."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    code = (
        "import sys; from django.core.exceptions import ImproperlyConfigured\n"
        "try:\n from config import settings\n"
        "except ImproperlyConfigured as error: sys.exit(str(error))\n"
        "print({name: getattr(settings, name) for name in ("
        "'SECURE', 'ALLOWED_HOSTS', 'DEBUG', 'SESSION_COOKIE_NAME', 'CSRF_COOKIE_NAME', 'REDIS_URL')})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**clean, "DATA_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    return done.stderr or done.stdout


def test_without_any_setting_the_program_is_embedded_with_a_key_of_its_own(tmp_path: Path) -> None:
    said = start(tmp_path)
    assert "'SECURE': False" in said
    assert "'DEBUG': False" in said
    key = tmp_path / "secret_key"
    assert len(key.read_text()) >= 50
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_text()
    start(tmp_path)
    assert key.read_text() == before


def test_a_deployment_starts_when_it_is_told_all_it_needs(tmp_path: Path) -> None:
    said = start(tmp_path, **DEPLOYMENT)
    assert "'SECURE': True" in said
    assert "pairs.example.org" in said
    assert not (tmp_path / "secret_key").exists()


def test_cookies_are_bound_to_the_host_where_there_is_tls(tmp_path: Path) -> None:
    said = start(tmp_path, **DEPLOYMENT)
    assert "'SESSION_COOKIE_NAME': '__Host-sessionid'" in said
    assert "'CSRF_COOKIE_NAME': '__Host-csrftoken'" in said
    plain = start(tmp_path, **DEPLOYMENT | {"PUBLIC_URL": "http://pairs.example.org"})
    assert "'SESSION_COOKIE_NAME': 'sessionid'" in plain


def test_the_password_of_redis_is_given_apart_from_its_address(tmp_path: Path) -> None:
    said = start(tmp_path, **DEPLOYMENT, REDIS_PASSWORD="a/b@c:d")
    assert "'REDIS_URL': 'redis://:a%2Fb%40c%3Ad@redis:6379/0'" in said


def test_two_passwords_for_redis_are_refused(tmp_path: Path) -> None:
    two = DEPLOYMENT | {"REDIS_URL": "redis://:one@redis:6379/0", "REDIS_PASSWORD": "two"}
    assert start(tmp_path, **two).startswith("REDIS_PASSWORD is set, but REDIS_URL has a password")


@pytest.mark.parametrize("name", ["REDIS_URL", "SECRET_KEY", "PUBLIC_URL"])
def test_a_deployment_without_one_of_its_settings_says_which(tmp_path: Path, name: str) -> None:
    said = start(tmp_path, **{key: value for key, value in DEPLOYMENT.items() if key != name})
    assert said.startswith(f"{name} is not set")


@pytest.mark.parametrize(
    "key", ["short", "a" * 60, "change-me-" + STRONG, "django-insecure-" + STRONG]
)
def test_a_weak_key_is_refused(tmp_path: Path, key: str) -> None:
    assert start(tmp_path, **DEPLOYMENT | {"SECRET_KEY": key}).startswith("SECRET_KEY is too weak")


@pytest.mark.parametrize(
    "key",
    [
        "k7Qx2Vb9Lm" * 6,
        "0f" * 32,
        uuid.UUID(int=0x5D2F8C0E7B4A4913A6D1C3E5F7081B2D).hex * 2,
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "9876543210" * 6,
        "my-own-SECRET-key-for-this-deployment-of-ours-1234567890",
        "please-put-fifty-or-more-random-characters-here-thanks",
        "the_quick_brown_fox_jumps_over_the_lazy_dog_and_away_2026",
        "PASSWORD" + STRONG,
        "<replace me> " + STRONG,
        f"pairwright-example-{STRONG}",
    ],
)
def test_a_sample_a_phrase_or_a_regular_key_is_refused(key: str) -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"SECRET_KEY is too weak.*secrets\.token_urlsafe"
    ):
        strong_secret_key(key)


def test_no_way_to_make_a_key_makes_one_that_is_refused() -> None:
    """The dice are thrown the same each time, so that this does not fail once in a while."""
    dice = random.Random(11)

    def drawn(letters: str, count: int) -> str:
        return "".join(dice.choices(letters, k=count))

    for _ in range(500):
        for key in (
            base64.urlsafe_b64encode(dice.randbytes(50)).decode().rstrip("="),
            base64.b64encode(dice.randbytes(38)).decode(),
            dice.randbytes(25).hex(),
            dice.randbytes(32).hex(),
            drawn("abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)", 50),
            drawn(string.digits, 50),
        ):
            assert strong_secret_key(key) == key


def test_the_sample_environment_has_no_key_that_would_do() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    (key,) = [line.partition("=")[2] for line in lines if line.startswith("SECRET_KEY=")]
    with pytest.raises(ImproperlyConfigured):
        strong_secret_key(key)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("DATABASE_URL", "mysql://u:p@db/x", "must name a Postgres database"),
        ("PUBLIC_URL", "pairs.example.org", "must be the address people type"),
        ("PUBLIC_URL", "https://example.org/pairs", "without a path"),
        ("TRUSTED_PROXIES", "many", "TRUSTED_PROXIES"),
        ("DEBUG", "perhaps", "DEBUG"),
        ("IMAGE_ROOTS", "/images:photos", "must be absolute paths"),
        ("LOG_LEVEL", "CHATTY", "LOG_LEVEL"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(
    tmp_path: Path, name: str, value: str, complaint: str
) -> None:
    assert complaint in start(tmp_path, **DEPLOYMENT | {name: value})


@pytest.mark.parametrize(
    ("images", "given", "roots"),
    [
        ("/photos", {}, "/photos"),
        ("/photos", {"IMAGE_ROOTS": "/a:/b"}, "/photos:/a:/b"),
        (None, {"IMAGE_ROOTS": "/a"}, "/a"),
        (None, {}, None),
        ("/photos:2026", {}, None),
    ],
)
def test_managers_may_import_from_the_folder_that_make_run_is_given(
    tmp_path: Path, images: str | None, given: dict[str, str], roots: str | None
) -> None:
    options = Options("127.0.0.1", 8000, tmp_path, Path(images) if images else None)
    assert child_environ(options, given, tmp_path).get("IMAGE_ROOTS") == roots


@pytest.mark.django_db
def test_a_database_without_the_guard_of_the_log_is_reported_with_what_to_do() -> None:
    def found() -> list[str | None]:
        return [message.id for message in run_checks(databases=["default"])]

    assert "pairwright.W003" not in found()
    _set_guard(enabled=False)
    assert not log_guard.is_installed()
    assert "pairwright.W003" in found()
    _set_guard(enabled=True)
    assert connection.vendor
    assert "pairwright.W003" not in found()


def test_a_picker_that_cannot_be_imported_is_reported(settings) -> None:
    settings.PAIR_PICKER = "nowhere.at_all"
    assert "pairwright.E002" in [message.id for message in run_checks()]


def test_the_static_files_of_a_deployment_are_named_by_their_content(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"],
        cwd=ROOT,
        env={**os.environ, **DEPLOYMENT, "STATIC_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    scripts = "".join(
        script.read_text() for script in tmp_path.glob("annotation/*.????????????.js")
    )
    for module in ("ahead", "api", "choice", "lineup", "queue", "status", "store"):
        (hashed,) = tmp_path.glob(f"annotation/{module}.????????????.js")
        assert f"./{hashed.name}" in scripts
