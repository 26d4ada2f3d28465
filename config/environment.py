"""How single values of the environment are read: each is right, or a sentence says what it must be."""

import contextlib
import errno
import math
import os
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured


def embedded_secret_key(data_dir: Path) -> str:
    """The key of an embedded installation: made once, kept in DATA_DIR, readable by its owner alone."""
    path = data_dir / "secret_key"
    try:
        if not path.exists():
            _make_secret_key(path)
        return path.read_text()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The secret key cannot be kept: {error.strerror}: {path}"
        ) from None


def _make_secret_key(path: Path) -> None:
    """Make it once, whole and on disk; the first of several processes wins."""
    draft = path.with_name(f"secret_key.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: nobody reads half a key, and nobody replaces one.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def writable_folder(name: str, folder: Path) -> Path:
    """The folder, made where it is missing."""
    try:
        folder = folder.expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
        why = "" if os.access(folder, os.W_OK | os.X_OK) else os.strerror(errno.EACCES)
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or str(error)
    if why:
        raise ImproperlyConfigured(
            f"{name} cannot be used: {why}: {folder}. Name a folder that this user may write to."
        )
    return folder


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


# Words of samples. A random key of 67 letters holds one of them, in any case, once in fifty thousand times.
SAMPLE_WORDS = (
    *("change", "default", "django", "dummy", "example", "insecure", "password", "placeholder"),
    *("qwerty", "replace", "sample", "secret", "0123456789", "abcdefgh"),
)
# Words with something between them, and a number behind: a phrase, which is guessed by its words.
WORDS = re.compile(r"[a-z]+([-_. ][a-z]+)*[-_.! ]*\d{0,4}[!.]*", re.IGNORECASE)
SECRET_KEY_BITS = 128


def strong_secret_key(value: str) -> str:
    """Return the key unless it is short, a sample, or too regular to be random; say how to make one."""
    text = value.lower()
    if len(value) < 50:
        problem = "it is shorter than 50 characters"
    elif any(word in text for word in SAMPLE_WORDS):
        problem = "it is a sample, or made of words"
    elif WORDS.fullmatch(value) or entropy(value) < SECRET_KEY_BITS:
        problem = "it is not random"
    else:
        return value
    raise ImproperlyConfigured(
        f"SECRET_KEY is too weak: {problem}. It must be at least 50 random characters. Make one with "
        "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )


def entropy(text: str) -> float:
    """Estimate from above how many bits it took to choose this text.

    Of a block that is repeated only the first counts; of what is left, the entropy of its letters, or of the
    steps between them if that is less: "abcdef" takes but one step.
    """
    period = next(n for n in range(1, len(text) + 1) if text == (text * 2)[n : n + len(text)])
    rest = _without_repeats(text[:period])
    steps = [ord(b) - ord(a) for a, b in pairwise(rest)]
    return min(_bits(rest), _bits(steps))


def _without_repeats(text: str, block: int = 5) -> str:
    """The text without letters that end a block that was there before; random texts have hardly any."""
    seen: set[str] = set()
    kept = []
    for at, letter in enumerate(text):
        ending = text[max(0, at - block + 1) : at + 1]
        if len(ending) < block or ending not in seen:
            kept.append(letter)
        seen.add(ending)
    return "".join(kept)


def _bits(signs: Sequence[object]) -> float:
    counts = Counter(signs).values()
    return sum(-count * math.log2(count / len(signs)) for count in counts)
