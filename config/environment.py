"""How single values of the environment are read: each is right, or a sentence says what it must be."""

import os
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured


def embedded_secret_key(data_dir: Path) -> str:
    """The key of an embedded installation: made once, kept in DATA_DIR, readable by its owner alone."""
    path = data_dir / "secret_key"
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = data_dir / f"secret_key.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
    try:
        # A link, not a rename: the first of several processes wins, and none reads half a key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()


def required(name: str, example: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set, and a deployment (DATABASE_URL is set) needs it. For example: {example}"
        )
    return value


def origin(name: str, value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ImproperlyConfigured(
            f"{name} is {value!r}, but it must be the address people type, "
            "without a path: https://pairs.example.org"
        )
    return f"{parts.scheme}://{parts.netloc}"


def with_password(url: str, password: str) -> str:
    """Return the address of Redis with its password, which needs no escaping by whoever set it."""
    parts = urlsplit(url)
    if not password or not parts.hostname:
        return url
    if parts.password:
        raise ImproperlyConfigured(
            "REDIS_PASSWORD is set, but REDIS_URL has a password, too: leave one of them out."
        )
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit(
        parts._replace(netloc=f"{parts.username or ''}:{quote(password, safe='')}@{netloc}")
    )


def absolute_folders(name: str, value: str) -> list[Path]:
    folders = [Path(part).expanduser() for part in value.split(":") if part]
    if not all(folder.is_absolute() for folder in folders):
        raise ImproperlyConfigured(
            f"{name} is {value!r}, but it must be absolute paths of folders, with colons between them."
        )
    return [folder.resolve() for folder in folders]


def strong_secret_key(value: str) -> str:
    samples = ("change", "example", "insecure", "secret", "your-")
    if len(value) < 50 or len(set(value)) < 5 or value.lower().startswith(samples):
        raise ImproperlyConfigured(
            "SECRET_KEY is too weak: it must be at least 50 random characters. Make one with "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    return value
