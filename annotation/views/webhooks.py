from typing import cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.access import membership_for, webhook_for
from annotation.errors import Refused
from annotation.forms import WebhookForm
from annotation.models import Role, User
from annotation.services import webhooks as services
from annotation.views.page import cut, page, project_page, refusals_as_messages

PAGE_SIZE = 50


@require_http_methods(["GET", "HEAD", "POST"])
@page
def webhooks(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """To whom the project's events are told; a new one's secret is shown once, on this page itself."""
    membership = membership_for(request.user, project_id, Role.MANAGER)
    form = WebhookForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        try:
            _, secret = services.create_webhook(
                membership.project, cast(User, request.user), **form.cleaned_data
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            form = WebhookForm()
    context = {
        "webhooks": membership.project.webhooks.all(),
        "form": form,
        "secret": secret,
        "possible": bool(settings.WEBHOOK_TARGETS),
    }
    return project_page(request, membership, "annotation/webhooks.html", context)


@require_safe
@page
def webhook(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """The log of deliveries of one."""
    found = webhook_for(request.user, webhook_id)
    membership = membership_for(request.user, found.project_id, Role.MANAGER)
    deliveries = cut(request, found.deliveries.all(), "-created_at", "-id", size=PAGE_SIZE)
    context = {"webhook": found, "deliveries": deliveries}
    return project_page(request, membership, "annotation/webhook.html", context)


@require_POST
@page
def switch(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    found = webhook_for(request.user, webhook_id)
    services.update_webhook(found.id, active=not found.active)
    return redirect("webhook", webhook_id)


@require_POST
@page
def delete(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    found = webhook_for(request.user, webhook_id)
    services.delete_webhook(found.id)
    messages.success(request, gettext("The webhook is deleted."))
    return redirect("webhooks", found.project_id)


@require_POST
@page
def test(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    with refusals_as_messages(request):
        services.send_test(webhook_for(request.user, webhook_id))
        messages.success(request, gettext("A test message is on its way."))
    return redirect("webhook", webhook_id)


@require_POST
@page
def redeliver(request: HttpRequest, webhook_id: UUID, delivery_id: str) -> HttpResponse:
    with refusals_as_messages(request):
        services.redeliver(webhook_for(request.user, webhook_id), delivery_id)
        messages.success(request, gettext("The message is sent again."))
    return redirect("webhook", webhook_id)
