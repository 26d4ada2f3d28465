from rest_framework import serializers

from annotation import limits
from annotation.api.serializers.fields import MetadataField
from annotation.webhooks import EVENTS

EVENT_HELP = "None for all.\n" + "\n".join(f"`{event}`: {holds}" for event, holds in EVENTS.items())


class EventsField(serializers.ListField):
    child = serializers.ChoiceField(choices=list(EVENTS))


class WebhookSerializer(serializers.Serializer):
    id = serializers.UUIDField(read_only=True)
    project = serializers.UUIDField(read_only=True, source="project_id")
    url = serializers.CharField(
        max_length=limits.ADDRESS, help_text="One that the operator allows."
    )
    events = EventsField(required=False, max_length=len(EVENTS), help_text=EVENT_HELP)
    active = serializers.BooleanField(
        required=False, help_text="Switched off, it is told nothing, and later not what it missed."
    )
    given_up_at = serializers.DateTimeField(
        read_only=True,
        allow_null=True,
        help_text="When it was switched off by itself, since nothing had arrived for days.",
    )
    created_at = serializers.DateTimeField(read_only=True)


class NewWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(
        read_only=True, help_text="Verifies the signatures; shown in this answer and never again."
    )


class DeliverySerializer(serializers.Serializer):
    id = serializers.CharField(help_text="The message's `webhook-id`.")
    event = serializers.CharField()
    payload = MetadataField()
    state = serializers.ChoiceField(choices=["due", "delivered", "given_up"])
    attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    last_status = serializers.IntegerField(
        allow_null=True, help_text="What the receiver answered last; null if it did not answer."
    )
    last_answer = serializers.CharField(help_text="How that began, or why there was none.")
