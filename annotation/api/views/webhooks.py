from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from annotation.access import project_for, webhook_for
from annotation.api.schema import operation
from annotation.api.serializers.webhooks import (
    DeliverySerializer,
    NewWebhookSerializer,
    WebhookSerializer,
)
from annotation.api.views.base import View
from annotation.models import Role, Scope
from annotation.services import webhooks


class WebhooksView(View):
    @operation(
        "list_webhooks",
        "List to whom a project's events are told",
        description="Their secrets are not kept, and so not shown.",
        scopes=[Scope.MANAGE],
        answers=WebhookSerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        return self.page(project.webhooks.all(), WebhookSerializer, "created_at", "id")

    @operation(
        "create_webhook",
        "Have a project's events told to an address",
        description="Messages are signed as Standard Webhooks has it (standardwebhooks.com). What does not "
        "arrive is sent again, for about three days; then the webhook is switched off. Only targets "
        "that the operator allows can be used.",
        scopes=[Scope.MANAGE],
        body=WebhookSerializer,
        answers={201: NewWebhookSerializer},
        refusals=(400, 401, 403, 404, 409, 415),
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        project = project_for(self.user, project_id, Role.MANAGER)
        wanted = self.body(WebhookSerializer)
        webhook, secret = webhooks.create_webhook(
            project, self.user, wanted["url"], wanted.get("events", [])
        )
        if not wanted.get("active", True):
            webhook = webhooks.update_webhook(webhook.id, active=False)
        webhook.refresh_from_db()
        return Response(WebhookSerializer(webhook).data | {"secret": secret}, status=201)


class WebhookView(View):
    @operation("get_webhook", "Read a webhook", scopes=[Scope.MANAGE], answers=WebhookSerializer)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        return Response(WebhookSerializer(webhook_for(self.user, webhook_id)).data)

    @operation(
        "update_webhook",
        "Change a webhook, switch it off or on",
        description="Switched on again, it is told what happens from now on.",
        scopes=[Scope.MANAGE],
        body=WebhookSerializer,
        answers=WebhookSerializer,
        refusals=(400, 401, 403, 404, 415),
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        webhook = webhook_for(self.user, webhook_id)
        changes = self.body(WebhookSerializer, partial=True)
        return Response(WebhookSerializer(webhooks.update_webhook(webhook.id, **changes)).data)

    @operation(
        "delete_webhook",
        "Delete a webhook, and its log of deliveries",
        scopes=[Scope.MANAGE],
        answers={204: None},
    )
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        webhooks.delete_webhook(webhook_for(self.user, webhook_id).id)
        return Response(status=204)


class TestView(View):
    @operation(
        "test_webhook",
        "Send a message that tells of nothing",
        description="To see whether it arrives: it is in the deliveries, as `webhook.test`.",
        scopes=[Scope.MANAGE],
        answers={202: DeliverySerializer},
        refusals=(401, 403, 404, 409),
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        delivery = webhooks.send_test(webhook_for(self.user, webhook_id))
        delivery.refresh_from_db()
        return Response(DeliverySerializer(delivery).data, status=202)


class DeliveriesView(View):
    @operation(
        "list_deliveries",
        "See what was told to a webhook, the latest first",
        description="And what came of it. The log goes back for 30 days.",
        scopes=[Scope.MANAGE],
        answers=DeliverySerializer(many=True),
        refusals=(400, 401, 403, 404),
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        webhook = webhook_for(self.user, webhook_id)
        return self.page(webhook.deliveries.all(), DeliverySerializer, "-created_at", "-id")


class RedeliverView(View):
    @operation(
        "redeliver",
        "Send a message again",
        description="With the same id, so that a receiver that has it knows it.",
        scopes=[Scope.MANAGE],
        answers={202: DeliverySerializer},
        refusals=(401, 403, 404, 409),
    )
    def post(self, request: Request, webhook_id: UUID, delivery_id: str) -> Response:
        delivery = webhooks.redeliver(webhook_for(self.user, webhook_id), delivery_id)
        return Response(DeliverySerializer(delivery).data, status=202)
