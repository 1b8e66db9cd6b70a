"""Support staff's view of webhooks and what became of their messages. Nothing is edited, and no
secret is shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from ..models import Webhook, WebhookDelivery
from .base import ReadOnlyAdmin
from .usage import BoundedPaginator


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    """The webhooks of all workspaces."""

    list_display = ("url", "workspace", "state", "failing_since", "pause_reason", "created_at")
    list_filter = ("state",)
    allowed_lookups = ("state__exact",)
    list_select_related = ("workspace",)
    list_per_page = 100
    ordering = ("-created_at", "-id")
    search_fields = ("url",)
    fields = (
        "workspace",
        "url",
        "state",
        "pause_reason",
        "failing_since",
        "created_at",
    )
    readonly_fields = fields

    class Media:
        css = {"all": ["integrations_posthog/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("secret")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """The delivery log of all workspaces."""

    workspace_field = "webhook__workspace"
    list_display = (
        "id",
        "workspace",
        "webhook",
        "state",
        "attempts",
        "last_status",
        "last_error",
        "last_attempt_at",
        "next_attempt_at",
    )
    list_filter = ("state",)
    allowed_lookups = ("state__exact",)
    list_per_page = 100
    show_full_result_count = False
    paginator = BoundedPaginator
    ordering = ("-id",)
    search_fields = ("=id", "webhook__url")
    fields = (
        "id",
        "workspace",
        "webhook",
        "signal",
        "payload",
        "state",
        "attempts",
        "next_attempt_at",
        "last_attempt_at",
        "last_status",
        "last_error",
        "delivered_at",
        "created_at",
    )
    readonly_fields = fields

    class Media:
        css = {"all": ["integrations_posthog/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related(self.workspace_field)
        return rows.defer("webhook__secret")

    @admin.display(description="workspace", ordering="webhook__workspace")
    def workspace(self, delivery: WebhookDelivery) -> Model:
        found: Model = delivery.webhook.workspace
        return found
