"""What the OpenAPI document says of an operation, in one call."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers

from annotation import limits

Method = TypeVar("Method", bound=Callable[..., Any])

DETAIL = inline_serializer("Refusal", {"detail": serializers.CharField()})
FIELDS = inline_serializer(
    "BadInput",
    {
        "detail": serializers.ListField(
            child=serializers.CharField(),
            required=False,
            help_text="What is wrong with the request as a whole. What is wrong with a field is "
            "under the field's name, as a list too.",
        )
    },
)
REFUSALS = {
    400: OpenApiResponse(FIELDS, "Bad input: each field with what is wrong and what to do."),
    401: OpenApiResponse(DETAIL, "No credentials, or unusable ones."),
    403: OpenApiResponse(DETAIL, "Visible to this person, but not theirs to do."),
    404: OpenApiResponse(DETAIL, "Not visible to this person, whether it exists or not."),
    409: OpenApiResponse(DETAIL, "The state of things has no place for it."),
    410: OpenApiResponse(DETAIL, "It was there once, and its time is over."),
    413: OpenApiResponse(DETAIL, "Too large."),
    415: OpenApiResponse(DETAIL, "The wrong content type."),
    412: OpenApiResponse(DETAIL, "It is not what `If-Match` names any more. Read it again."),
    416: OpenApiResponse(None, "The range lies outside the file."),
    429: OpenApiResponse(DETAIL, "Too many requests; Retry-After says when to go on."),
    503: OpenApiResponse(DETAIL, "Busy or starting; Retry-After says when to send it again."),
}
NOT_MODIFIED = OpenApiResponse(None, "`If-None-Match` named what is still the answer.")
# What every operation for people with credentials may answer.
ALWAYS = (400, 401, 403, 429, 503)
# The parameters of every list, and how long each may be.
OF_LISTS = {"cursor": limits.CURSOR, "page_size": limits.PARAMETER}


def operation(
    id: str,
    summary: str,
    *,
    answers: Any,
    description: str = "",
    body: Any = None,
    refusals: Sequence[int] = (401, 403, 404),
    parameters: Sequence[OpenApiParameter] = (),
    auth: list[str] | None = None,
    scopes: Sequence[str] | None = None,
) -> Callable[[Method], Method]:
    """`answers`: a serializer for 200, or a dict by status; `refusals`: the other statuses.

    `scopes`: a token that has any needs one of these; with () it is for tokens without scopes only.
    Without `scopes` it is so too, and a test asks for them. `auth=[]`: no credentials are asked for.
    """
    if not isinstance(answers, dict):
        answers = {200: answers}
    if auth is None:
        refusals = [*{*refusals, *ALWAYS}]

    def decorate(method: Method) -> Method:
        same = {304: NOT_MODIFIED} if method.__name__ == "get" and auth is None else {}
        described: Callable[[Method], Method] = extend_schema(
            operation_id=id,
            # The page groups operations by the module that they are written in.
            tags=[method.__module__.rpartition(".")[2]],
            summary=summary,
            description=description or f"{summary}.",
            request=body,
            responses=answers | same | {status: REFUSALS[status] for status in sorted(refusals)},
            parameters=list(parameters),
            auth=auth,
            extensions={"x-scopes": list(scopes)} if scopes else None,
        )
        method = described(method)
        # For those who look at all operations, and annotation.api.views.base, which finds them here.
        method.operation_id, method.body = id, body  # type: ignore[attr-defined]
        method.parameters = {  # type: ignore[attr-defined]
            parameter.name: _longest(parameter)
            for parameter in parameters
            if parameter.location == OpenApiParameter.QUERY
        } | (OF_LISTS if isinstance(answers.get(200), serializers.ListSerializer) else {})
        if scopes is not None:
            # Where annotation.api.authentication finds them.
            method.scopes = tuple(scopes)  # type: ignore[attr-defined]
        return method

    return decorate


def query(
    name: str,
    description: str,
    type: Any = str,
    enum: Sequence[str] | None = None,
    longest: int = limits.PARAMETER,
) -> OpenApiParameter:
    if type is str and not enum:
        type = {"type": "string", "maxLength": longest}
    return OpenApiParameter(name, type, description=description, enum=enum)


def _longest(parameter: OpenApiParameter) -> int:
    schema = parameter.type if isinstance(parameter.type, dict) else {}
    return int(schema.get("maxLength", limits.PARAMETER))


def close_bodies(result: Any, generator: Any, request: Any, public: Any) -> Any:
    """Say in the document that a body has no keys but those that it names."""
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Request") and schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
    return result


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "annotation.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token ` and a key from `POST token/`.",
        }
