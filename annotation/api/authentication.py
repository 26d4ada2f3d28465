"""Tokens of scripts and pipelines, beside the browser's session."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from annotation.models import User


def new_token(user: User) -> tuple[AuthToken, str]:
    """A token and its key, of which only a digest is kept. The person's expired ones go."""
    AuthToken.objects.filter(user=user, expiry__lt=timezone.now() - timedelta(days=1)).delete()
    token: AuthToken
    token, key = AuthToken.objects.create(user)
    return token, key


class TokenAuthentication(KnoxTokenAuthentication):
    """Knox's tokens, found in one statement, whatever bytes the header holds."""

    def authenticate_credentials(self, token: bytes) -> tuple[AbstractBaseUser, AuthToken]:
        try:
            digest = hash_token(token.decode("ascii"))
        except UnicodeDecodeError:
            digest = ""
        known = AuthToken.objects.select_related("user").filter(digest=digest).first()
        if known is None or (known.expiry is not None and known.expiry <= timezone.now()):
            raise AuthenticationFailed(
                "This token is unknown or has expired. Get a new one: POST token/."
            )
        if not known.user.is_active:
            raise AuthenticationFailed("This account has been deactivated.")
        return known.user, known


def login_or_token(view: Callable[..., Any]) -> Callable[..., Any]:
    """For what a page shows and a script fetches too: by session, or by token."""
    by_session = login_required(view)

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        authentication = TokenAuthentication()
        try:
            known = authentication.authenticate(request)
        except AuthenticationFailed as error:
            refusal = JsonResponse({"detail": str(error.detail)}, status=401)
            refusal["WWW-Authenticate"] = authentication.authenticate_header(request)
            return refusal
        if known is None:
            return by_session(request, *args, **kwargs)
        request.user, _ = known
        return view(request, *args, **kwargs)

    return answer
