from rest_framework import serializers


class CredentialsSerializer(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    # A limit, since hashing a password of megabytes is work that anybody could ask for.
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField(help_text="Shown once; only a digest of it is kept.")
    expires_at = serializers.DateTimeField(source="expiry")
