"""The history of all connections, for support staff."""

from __future__ import annotations

from django.contrib import admin
from django.template.loader import render_to_string

from ..models import PosthogConnectionEvent
from .base import ErrorTypeFilter, ReadOnlyAdmin


@admin.register(PosthogConnectionEvent)
class ConnectionEventAdmin(ReadOnlyAdmin):
    """The history of all connections."""

    list_display = (
        "occurred_at",
        "workspace",
        "action",
        "outcome",
        "error_type",
        "actor_name",
        "posthog_host",
        "posthog_project_id",
        "api_key_hint",
    )
    list_filter = ("action", "outcome", ("error_type", ErrorTypeFilter), "occurred_at")
    allowed_lookups = (
        "action__exact",
        "outcome__exact",
        "error_type",
        "error_type__exact",
        "occurred_at__gte",
        "occurred_at__lt",
        "workspace__exact",
        "workspace__id__exact",
    )
    list_select_related = ("workspace",)
    list_per_page = 100
    ordering = ("-id",)
    search_fields = ("actor_name", "posthog_project_id", "posthog_host")
    fields = (
        "workspace",
        "occurred_at",
        "actor_name",
        "action",
        "outcome",
        "error_type",
        "error",
        "hint",
        "posthog_host",
        "posthog_project_id",
        "api_key_hint",
        "steps",
    )
    readonly_fields = fields

    class Media:
        css = {"all": ["integrations_posthog/admin.css"]}

    @admin.display(description="report")
    def steps(self, event: PosthogConnectionEvent) -> str:
        return render_to_string("admin/integrations_posthog/_report.html", {"event": event})
