"""Logging in: no self-registration, one throttle for the page, the API and the admin, one-time links."""

import secrets
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.core.exceptions import RateLimited
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _
from knox.models import AuthToken

from annotation.errors import Invalid
from annotation.models import User
from annotation.names import name_key

# Bound to this host, as the browser holds it, where there is TLS.
DEVICE_COOKIE = "__Host-device" if settings.SECURE else "device"
DEVICE_SALT = "annotation.accounts.device"
DEVICE_SECONDS = 365 * 24 * 3600
# People who share a machine; the one who came first is forgotten first.
PEOPLE_PER_DEVICE = 8


class NameBackend(AuthenticationBackend):
    """Find the person by the key of their name, as everything else does."""

    def _authenticate_by_username(self, username: str, password: str) -> Any:
        # Whoever was renamed by an upgrade may go on with the former spelling; the password says who it is.
        former = User.objects.exclude(former_name="").filter(former_name=username)
        people = [*User.objects.called(username), *former]
        return next((who for who in people if self._check_password(who, password)), None)


class ClosedAccountAdapter(DefaultAccountAdapter):
    """Nobody registers; and failures are counted so that nobody can lock out somebody else.

    A stranger's failures count by their address, by name and address together, and, with a limit that takes
    many addresses to reach, by name. A device with which this person has logged in before has its own count.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        name = name_key(credentials.get("username") or "")
        used = ratelimit.RateLimitUsage(usage=[])
        for action, key in self._counted(request, name):
            usage = ratelimit.consume(request, app="allauth.account", action=action, key=key)
            if usage is None:
                raise self.validation_error("too_many_login_attempts")
            used.usage += usage.usage
        # Given back by `authenticate` if the password is right.
        self._login_failed_rl_usage = used

    def _counted(self, request: HttpRequest, name: str) -> list[tuple[str, str]]:
        if device := _device_of(request, name):
            return [("login_failed_on_device", f"{device} {name}")]
        here = f"{ratelimit.get_ip(request)} {name}"
        return [("login_failed", here), ("login_failed_by_name", name)]


def too_many_logins(request: HttpRequest, username: str) -> bool:
    """Count a login at the page, and return whether this address has had its share of them.

    It bounds the work of hashing passwords. A known device goes past it, whoever else is at its address.
    """
    if _device_of(request, name_key(username)):
        return False
    return not ratelimit.consume(request, app="allauth.account", action="login_by_address")


def remember_device(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Remember, in a signed cookie, who has logged in with this browser.

    The cookie gives no access. It only has the browser's failed logins counted apart from everybody else's.
    """
    device, known = _read_device(request)
    people = [*(one for one in known if one != str(user.pk)), str(user.pk)][-PEOPLE_PER_DEVICE:]
    response.set_cookie(
        DEVICE_COOKIE,
        signing.dumps([device, *people], salt=DEVICE_SALT),
        max_age=DEVICE_SECONDS,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )


def _device_of(request: HttpRequest, name: str) -> str:
    """Return the device's id if the person with this name has logged in on it, else an empty string."""
    device, known = _read_device(request)
    if not known:
        return ""
    user = User.objects.called(name).only("pk").first()
    return device if user is not None and str(user.pk) in known else ""


def _read_device(request: HttpRequest) -> tuple[str, list[str]]:
    try:
        cookie = request.COOKIES.get(DEVICE_COOKIE, "")
        device, *known = signing.loads(cookie, salt=DEVICE_SALT, max_age=DEVICE_SECONDS)
    except signing.BadSignature:
        return secrets.token_urlsafe(12), []
    return device, known


class EntryTokens(PasswordResetTokenGenerator):
    """Tokens of one-time login links: each login makes the earlier ones worthless."""

    key_salt = "annotation.accounts.EntryTokens"


entry_tokens = EntryTokens()


def entry_key(user: User) -> tuple[str, str]:
    """The two parts of a link that logs this person in, once."""
    return urlsafe_base64_encode(str(user.pk).encode()), entry_tokens.make_token(user)


def user_of_entry_key(encoded: str, token: str) -> User | None:
    try:
        user = User.objects.filter(
            pk=force_str(urlsafe_base64_decode(encoded)), is_active=True
        ).first()
    except (ValueError, ValidationError):
        return None
    return user if user is not None and entry_tokens.check_token(user, token) else None


class NotTheName:
    """Refuse passwords made of the username: without it, what is left must be long enough by itself."""

    SHORTEST = 8

    def validate(self, password: str, user: Any = None) -> None:
        name = name_key(getattr(user, "username", "") or "")
        folded = name_key(password)
        left = folded.replace(name, "").replace(name[::-1], "") if name else folded
        if left != folded and len(left) < (self.SHORTEST if len(name) > 2 else 1):
            raise ValidationError(
                _("The password is too similar to the username. Choose a different one."),
                code="password_too_similar",
            )

    def get_help_text(self) -> str:
        return _("Your password can’t be too similar to your username.")


class EndTokens:
    """A password's change ends the tokens that were got with the old one; sessions end by themselves.

    Listed among the password validators, since those are told of a change wherever it is made.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Any password will do."""

    def password_changed(self, password: str, user: User) -> None:
        AuthToken.objects.filter(user=user).delete()

    def get_help_text(self) -> str:
        return ""


def authenticate(request: Any, username: str, password: str) -> User | None:
    """The person, or None; raises allauth's throttling error after too many failures.

    Through the adapter, so that the login page, the API and the admin count failures together.
    """
    adapter = DefaultAccountAdapter(request)
    user: User | None = adapter.authenticate(request, username=username, password=password)
    # allauth also hands out deactivated people, whom its own pages then turn away.
    return user if user is not None and user.is_active else None


def confirm_password(request: HttpRequest, user: User, password: str) -> None:
    """Refuse who cannot give their own password again (Invalid). Failures count as those of logins do."""
    if not user.has_usable_password():
        raise Invalid(
            _("You have no password yet. Set one in the menu under your name, then try again."),
            "password",
        )
    try:
        found = authenticate(request, username=user.username, password=password)
    except (ValidationError, RateLimited):
        raise Invalid(
            _("Too many wrong passwords. Wait five minutes, then try again."), "password"
        ) from None
    if found is None or found.pk != user.pk:
        raise Invalid(_("This is not your password. Try again."), "password")
