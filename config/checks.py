"""System checks: what is wrong with an installation before anybody meets it, with what to do."""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError
from django.utils.module_loading import import_string

from annotation import log_guard
from annotation.targets import usable
from config import translations


@register
def data_dir_is_writable(**kwargs: Any) -> Sequence[CheckMessage]:
    with suppress(OSError):
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    if os.access(settings.DATA_DIR, os.W_OK):
        return []
    return [
        Error(
            f"DATA_DIR {settings.DATA_DIR} cannot be written to.",
            hint="Uploads, derivatives and exports live there. Give this user write access.",
            id="pairwright.E001",
        )
    ]


@register
def pair_picker_can_be_imported(**kwargs: Any) -> Sequence[CheckMessage]:
    if not settings.PAIR_PICKER:
        return []
    try:
        import_string(settings.PAIR_PICKER)
    except ImportError as error:
        return [
            Error(
                f"PAIR_PICKER {settings.PAIR_PICKER!r} cannot be imported: {error}",
                hint="Name a callable by its dotted path, or leave it empty for random pairs.",
                id="pairwright.E002",
            )
        ]
    return []


@register
def there_is_a_broker(**kwargs: Any) -> Sequence[CheckMessage]:
    if settings.REDIS_URL:
        return []
    return [
        Warning(
            "REDIS_URL is not set: comparisons are kept, but no worker hears of them.",
            hint="`make run` starts a broker of its own; otherwise set REDIS_URL.",
            id="pairwright.W001",
        )
    ]


@register
def webhook_targets_are_usable(**kwargs: Any) -> Sequence[CheckMessage]:
    return [
        Error(
            f"WEBHOOK_TARGETS has {entry!r}, which is no address, host or network.",
            hint="For example: https://hooks.example.org/pairwright/, *.example.org, 10.20.0.0/16",
            id="pairwright.E003",
        )
        for entry in settings.WEBHOOK_TARGETS
        if not usable(entry)
    ]


@register(Tags.security, deploy=True)
def people_connect_by_tls(**kwargs: Any) -> Sequence[CheckMessage]:
    if settings.SECURE:
        return []
    return [
        Warning(
            f"PUBLIC_URL {settings.PUBLIC_URL} is not https: passwords cross the network readable.",
            hint="Put a reverse proxy with TLS in front and set PUBLIC_URL to its address.",
            id="pairwright.W002",
        )
    ]


@register(Tags.database)
def log_is_guarded(databases: Sequence[str] | None = None, **kwargs: Any) -> Sequence[CheckMessage]:
    try:
        guarded = [log_guard.is_installed(alias) for alias in databases or []]
    except DatabaseError:
        return []  # Not migrated yet; migrating installs the guard.
    if all(guarded):
        return []
    # No more than a warning, because an error would keep `migrate` from mending it.
    return [
        Warning(
            "The database does not guard the log of comparisons: its triggers are missing.",
            hint="Run `python manage.py migrate`, which installs them.",
            id="pairwright.W003",
        )
    ]


@register(Tags.database, deploy=True)
def log_is_owned_by_another_role(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> Sequence[CheckMessage]:
    owned = [log_guard.can_be_removed(alias) for alias in databases or []]
    if not any(owned):
        return []
    return [
        Warning(
            "The program's database role owns the log of comparisons, so that it could remove its guard.",
            hint="Run the program as the role that `manage.py create_service_role` makes.",
            id="pairwright.W005",
        )
    ]


@register(Tags.translation)
def translations_are_compiled(**kwargs: Any) -> Sequence[CheckMessage]:
    return [
        Warning(
            f"The translation {path.relative_to(translations.ROOT)} is not compiled, or has changed since: "
            "people read English, or old sentences.",
            hint="Run `python -m config.translations`, as `make run` does.",
            id="pairwright.W004",
        )
        for path in translations.stale()
    ]
