from uuid import UUID

from allauth.core.exceptions import RateLimited
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle

from annotation import tokens
from annotation.accounts import authenticate
from annotation.api.schema import operation
from annotation.api.serializers.tokens import (
    CredentialsSerializer,
    NewTokenSerializer,
    TokenSerializer,
)
from annotation.api.views.base import View
from annotation.errors import Invalid
from annotation.models import Token

# Too many failures may close an account for five minutes; one may ask sooner, since it is often less.
RETRY_AFTER_FAILURES = 60


class TokenView(View):
    authentication_classes = []
    permission_classes = []
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "token"

    @operation(
        "create_token",
        "Get a token",
        description="Send it with each request, as `Authorization: Token <token>`. One may have many, "
        "each with a name, with scopes and for some time. Failures are counted together with those of "
        "the login page.",
        body=CredentialsSerializer,
        answers=NewTokenSerializer,
        refusals=(400, 415, 429, 503),
        auth=[],
    )
    def post(self, request: Request) -> Response:
        wanted = self.body(CredentialsSerializer)
        username, password = wanted.pop("username"), wanted.pop("password")
        try:
            user = authenticate(request._request, username=username, password=password)
        except (ValidationError, RateLimited):
            raise Throttled(
                RETRY_AFTER_FAILURES, "Too many failed logins. Wait before the next one."
            ) from None
        if user is None:
            # The same words for all reasons, so that they tell nobody which names exist.
            raise Invalid(_("The username or the password is wrong."))
        token, secret = tokens.create_token(user, **wanted)
        return Response(TokenSerializer(token).data | {"token": secret})


class TokensView(View):
    @operation(
        "list_tokens",
        "List one's tokens, the latest first",
        description="Their keys are not kept, and so not shown.",
        scopes=[],
        answers=TokenSerializer(many=True),
        refusals=(400, 401),
    )
    def get(self, request: Request) -> Response:
        mine = Token.objects.filter(key__user=self.user).select_related("key")
        return self.page(mine, TokenSerializer, "-key__created", "-id")


class TokenEndView(View):
    @operation(
        "revoke_token",
        "End a token",
        description="It works no more. One may end the token that one sends.",
        scopes=[],
        answers={204: None},
        refusals=(401, 404),
    )
    def delete(self, request: Request, token_id: UUID) -> Response:
        tokens.revoke_token(self.user, token_id)
        return Response(status=204)
