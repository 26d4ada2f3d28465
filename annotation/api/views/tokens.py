from allauth.core.exceptions import RateLimited
from django.core.exceptions import ValidationError
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle

from annotation.accounts import authenticate
from annotation.api.authentication import new_token
from annotation.api.schema import operation
from annotation.api.serializers.tokens import CredentialsSerializer, TokenSerializer
from annotation.api.views.base import View
from annotation.errors import Invalid

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
        description="Send it with each request, as `Authorization: Token <token>`. Failures are "
        "counted together with those of the login page.",
        body=CredentialsSerializer,
        answers=TokenSerializer,
        refusals=(400, 415, 429),
        auth=[],
    )
    def post(self, request: Request) -> Response:
        credentials = self.body(CredentialsSerializer)
        try:
            user = authenticate(request._request, **credentials)
        except (ValidationError, RateLimited):
            raise Throttled(
                RETRY_AFTER_FAILURES, "Too many failed logins. Wait before the next one."
            ) from None
        if user is None:
            # The same words for all reasons, so that they tell nobody which names exist.
            raise Invalid("The username or the password is wrong.")
        token, key = new_token(user)
        return Response(TokenSerializer({"token": key, "expiry": token.expiry}).data)
