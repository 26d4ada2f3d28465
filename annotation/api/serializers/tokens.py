from rest_framework import serializers

from annotation import limits
from annotation.models import Scope
from annotation.tokens import DAYS, MOST_DAYS


class CredentialsSerializer(serializers.Serializer):
    username = serializers.CharField(max_length=limits.ACCOUNT_NAME)
    # A limit, since hashing a password of megabytes is work that anybody could ask for.
    password = serializers.CharField(
        max_length=limits.PASSWORD, trim_whitespace=False, write_only=True
    )
    name = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=limits.TOKEN_NAME,
        help_text="What the token is for.",
    )
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        required=False,
        max_length=len(Scope),
        help_text="What it may do. With none it may do all that its person may.",
    )
    days = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        help_text=f"How long it works; {DAYS}, unless given.",
    )


class TokenSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        help_text="What it may do; empty for all that its person may.",
    )
    created_at = serializers.DateTimeField(source="key.created")
    expires_at = serializers.DateTimeField(source="key.expiry", allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(help_text="Shown once; only a digest of it is kept.")
