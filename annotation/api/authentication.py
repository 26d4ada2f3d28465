"""Tokens of scripts and pipelines, beside the browser's session; and what each of them may do."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from annotation.models import Token
from annotation.tokens import about_token, token_was_used


class TokenAuthentication(KnoxTokenAuthentication):
    """Knox's tokens, found in one statement, whatever bytes the header holds."""

    def authenticate_credentials(self, token: bytes) -> tuple[AbstractBaseUser, Token]:
        try:
            digest = hash_token(token.decode("ascii"))
        except UnicodeDecodeError:
            digest = ""
        known = AuthToken.objects.select_related("user", "about").filter(digest=digest).first()
        if known is None or (known.expiry is not None and known.expiry <= timezone.now()):
            raise AuthenticationFailed(
                _("This token is unknown or has expired. Get a new one: POST token/.")
            )
        if not known.user.is_active:
            raise AuthenticationFailed(_("This account has been deactivated."))
        about = about_token(known)
        token_was_used(about)
        return known.user, about


class TokenScope(BasePermission):
    """The one place where scopes count: those that `operation` has declared for the method.

    A method that declares none is closed to every token that has scopes.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        method = getattr(view, (request.method or "").lower(), None)
        if method is None or not isinstance(request.auth, Token):
            return True
        scopes = scopes_of(method) or ()
        self.message = refusal(request.auth, scopes)
        return request.auth.may(scopes)


def scopes_of(method: Callable[..., Any]) -> tuple[str, ...] | None:
    """What `operation` declared; None if it declared nothing."""
    return getattr(method, "scopes", None)


def refusal(token: Token, scopes: tuple[str, ...]) -> str:
    needed = " or ".join(f"“{scope}”" for scope in scopes)
    return f"This token may only: {', '.join(token.scopes)}. This needs one " + (
        f"with the scope {needed}." if scopes else "without scopes, which has all rights."
    )


def login_or_token(*scopes: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For what a page shows and a script fetches too: by session, or by a token with one of the scopes."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        by_session = login_required(view)

        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            authentication = TokenAuthentication()
            try:
                known = authentication.authenticate(request)
            except AuthenticationFailed as error:
                refused = JsonResponse({"detail": str(error.detail)}, status=401)
                refused["WWW-Authenticate"] = authentication.authenticate_header(request)
                return refused
            if known is None:
                return by_session(request, *args, **kwargs)
            request.user, token = known
            if not token.may(scopes):
                return JsonResponse({"detail": refusal(token, scopes)}, status=403)
            return view(request, *args, **kwargs)

        return answer

    return decorate
