"""What all pages behind the login share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from annotation.api.pagination import KeysetPagination
from annotation.errors import Refused
from annotation.models import Membership

only_opened_or_sent = require_http_methods(["GET", "HEAD", "POST"])


def page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For people who are logged in; no browser keeps a copy, so that “back” after logout shows nothing.

    A page is opened or sent a form; whatever else is asked of it is refused, not taken for opening it.
    """
    return only_opened_or_sent(never_cache(login_required(view)))


def takes_uploads(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let managers send it as much as an import may have, several pictures too (config/bodies.py)."""
    most = settings.MAX_IMPORT_UPLOAD_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    view.most_bytes = most  # type: ignore[attr-defined]
    return view


def project_page(
    request: HttpRequest, membership: Membership, template: str, context: dict[str, Any]
) -> HttpResponse:
    """A page of a project; base templates show what this membership may open."""
    return render(
        request, template, {"membership": membership, "project": membership.project, **context}
    )


@dataclass(frozen=True)
class Cut:
    """One page of a list, with the addresses of those before and after it."""

    rows: list[Any]
    previous: str | None
    next: str | None

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)


def cut(request: HttpRequest, rows: Any, *ordering: str, size: int | None = None) -> Cut:
    """The page of the list that the address asks for; the first if that makes no sense any more."""
    paginator = KeysetPagination()
    try:
        page = paginator.paginate(rows, Request(request), ordering, size=size)
    except ValidationError:
        given = request.GET.copy()
        for name in ("cursor", "page_size"):
            given.pop(name, None)
        request.GET = given  # type: ignore[assignment]
        page = paginator.paginate(rows, Request(request), ordering, size=size)
    return Cut(page, paginator.previous, paginator.next)


def tell_errors(request: HttpRequest, form: BaseForm) -> None:
    for error in (error for errors in form.errors.values() for error in errors):
        messages.error(request, str(error))


@contextmanager
def refusals_as_messages(request: HttpRequest) -> Iterator[None]:
    """For a form of one button: what a service refuses is said on the page that the person comes back to."""
    try:
        yield
    except Refused as refusal:
        messages.error(request, str(refusal))


def back(request: HttpRequest, fallback: str, *args: Any) -> HttpResponse:
    """To the page that the form named, if it is one of ours."""
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return redirect(target)
    return redirect(fallback, *args)
