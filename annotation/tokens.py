"""A person's tokens: made with a password or on their page, shown once, ended one by one or together."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError, transaction
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from knox.models import AuthToken

from annotation.errors import Invalid
from annotation.models import Scope, Token, User

logger = logging.getLogger(__name__)

DAYS = 90
MOST_DAYS = 365
# The last use is told to the minute, so that a script writes it once a minute and not at each request.
USE_IS_TOLD_EVERY = timedelta(minutes=1)


def delete_expired_tokens(before: datetime) -> int:
    """Delete the tokens of everybody that had expired by then; return how many."""
    return int(AuthToken.objects.filter(expiry__lt=before).delete()[0])


@transaction.atomic
def create_token(
    user: User, *, name: str = "", scopes: Sequence[str] = (), days: int = DAYS
) -> tuple[Token, str]:
    """The token and its key, of which only a digest is kept. The person's long expired ones go."""
    unknown = sorted(set(scopes) - set(Scope.values))
    if unknown:
        known = ", ".join(Scope.values)
        raise Invalid(
            _("There is no scope “%(unknown)s”. Choose among: %(known)s.")
            % {"unknown": unknown[0], "known": known},
            "scopes",
        )
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(
            _("A token lives from 1 to %(most_days)s days.") % {"most_days": MOST_DAYS}, "days"
        )
    AuthToken.objects.filter(user=user, expiry__lt=timezone.now() - timedelta(days=1)).delete()
    key, secret = AuthToken.objects.create(user, expiry=timedelta(days=days))
    wanted = [scope for scope in Scope.values if scope in scopes]
    return Token.objects.create(key=key, name=name.strip(), scopes=wanted), secret


def about_token(key: AuthToken) -> Token:
    """What is known of it; one that was made before tokens had names has all rights."""
    about = getattr(key, "about", None)
    return about if about is not None else Token.objects.get_or_create(key=key)[0]


def revoke_token(user: User, token_id: UUID) -> None:
    if not AuthToken.objects.filter(user=user, about=token_id).delete()[0]:
        raise Http404(_("There is no such token of yours."))


def token_was_used(token: Token) -> None:
    """Never in the way of the request: on a full disk or a busy database it is left out."""
    now = timezone.now()
    if token.last_used_at is not None and now - token.last_used_at < USE_IS_TOLD_EVERY:
        return
    try:
        with transaction.atomic():
            Token.objects.filter(id=token.id).update(last_used_at=now)
    except DatabaseError as error:
        logger.warning("the last use of a token could not be told: %s", error)
