"""Calling the API as one of the cast, with a real token or a real session."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework.test import APIClient

from annotation.models import User
from annotation.tokens import create_token


def as_user(user: User, token: dict[str, Any] | None = None, **options: Any) -> APIClient:
    """A client that sends a token of this person, made as `token` says."""
    client = APIClient(**options)
    _, key = create_token(user, **(token or {}))
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    return client


def key_of(client: APIClient) -> str:
    """The token that a client of `as_user` sends."""
    header: str = client._credentials["HTTP_AUTHORIZATION"]  # type: ignore[attr-defined]
    return header.split()[1]


def send(
    client: APIClient, method: str, where: str, content: bytes, kind: str, **extra: Any
) -> Any:
    """Any bytes as the body of a request."""
    return client.generic(method, where, content, content_type=kind, **extra)  # type: ignore[arg-type]


def in_browser_of(user: User) -> APIClient:
    """A client with this person's session, as strict about CSRF as a server."""
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def url(name: str, **ids: Any) -> str:
    return reverse(f"api-{name}", kwargs=ids)


def operations(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every operation of the API, as the resolver has it: its URL's name, its verb and its method."""
    for pattern in patterns or get_resolver().url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from operations(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith("api/"):
            view = pattern.callback.view_class  # type: ignore[attr-defined]
            for verb in ("get", "post", "put", "patch", "delete"):
                if method := getattr(view, verb, None):
                    yield pattern.name or "", verb, method
