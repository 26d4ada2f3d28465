from rest_framework import serializers

from annotation import limits
from annotation.models import Invitation, Role


class MemberSerializer(serializers.Serializer):
    id = serializers.UUIDField(source="user_id", read_only=True, help_text="The person's id.")
    username = serializers.CharField(source="user.username", max_length=limits.ACCOUNT_NAME)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.ANNOTATOR)
    created_at = serializers.DateTimeField(read_only=True, help_text="Since when.")
    introduced_at = serializers.DateTimeField(
        read_only=True,
        allow_null=True,
        help_text="When they had read the introduction; null if they have not, or never had to.",
    )
    practised = serializers.IntegerField(
        read_only=True, default=0, help_text="Pairs of the introduction that they practised."
    )
    right = serializers.IntegerField(
        read_only=True, default=0, help_text="Of these, how many they had right the first time."
    )


class NewMemberSerializer(serializers.Serializer):
    username = serializers.CharField(max_length=limits.ACCOUNT_NAME)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.ANNOTATOR)


class RoleSerializer(serializers.Serializer):
    role = serializers.ChoiceField(choices=Role.choices)


class InvitationSerializer(serializers.ModelSerializer):
    accepted_by = serializers.CharField(
        source="accepted_by.username", read_only=True, default=None, allow_null=True
    )

    class Meta:
        model = Invitation
        fields = [
            "id",
            "role",
            "note",
            "created_at",
            "expires_at",
            "accepted_at",
            "accepted_by",
            "revoked_at",
        ]
        read_only_fields = ["id", "created_at", "expires_at", "accepted_at", "revoked_at"]


class NewInvitationSerializer(InvitationSerializer):
    """As it is shown to its maker, once: nobody can read the link again."""

    url = serializers.URLField(read_only=True, help_text="The link; it works once.")

    class Meta(InvitationSerializer.Meta):
        fields = [*InvitationSerializer.Meta.fields, "url"]
