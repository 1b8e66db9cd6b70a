"""Support staff's view: who is connected, what went wrong, since when. Never a key."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.html import format_html

from ..errors import PostHogIntegrationError
from ..models import PosthogConnectionEvent, PosthogWorkspaceConfig
from ..services.overview import connection_overview, state_of
from ..services.recheck import AT_A_TIME, recheck_connections
from ..services.validator import PostHogValidatorService
from ..wiring import connection_service
from .base import ErrorTypeFilter, StateFilter, support_actor
from .usage import UsageActions

_RECHECK = "integrations_posthog.recheck_posthogworkspaceconfig"
_DISCONNECT = "integrations_posthog.disconnect_posthogworkspaceconfig"
_HISTORY_ROWS = 50
_PAGE = "admin:integrations_posthog_posthogworkspaceconfig_change"
_PLACE = ("organization", "project", "posthog_host")
_RECORD = (
    "is_validated",
    "validated_at",
    "validation_error",
    "last_error_type",
    "is_active",
    "last_sync",
    "created_at",
    "updated_at",
)


@admin.register(PosthogWorkspaceConfig)
class ConnectionAdmin(UsageActions):
    """Connections. Nothing is edited here; they are re-checked and disconnected."""

    list_display = (
        "workspace",
        "state",
        "last_error_type",
        "organization",
        "project",
        "validated_at",
    )
    list_filter = (StateFilter, ("last_error_type", ErrorTypeFilter))
    allowed_lookups = ("state", "last_error_type", "last_error_type__exact", "workspace__exact")
    list_select_related = ("workspace",)
    list_per_page = 50
    ordering = ("-updated_at", "pk")
    search_fields = ("posthog_workspace_name", "posthog_project_name", "posthog_project_id")
    actions = ("recheck", "disconnect", "sync_now", "remove_usage")
    fieldsets = (
        (None, {"fields": ("workspace", "state", "trouble", "last_check")}),
        ("PostHog", {"fields": (*_PLACE, "events_count", "api_key_hint")}),
        ("Record", {"fields": _RECORD}),
        ("History", {"fields": ("history",)}),
    )
    readonly_fields = flatten_fieldsets(fieldsets)

    class Media:
        css = {"all": ["integrations_posthog/admin.css"]}

    def has_recheck_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(_RECHECK)

    def has_disconnect_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(_DISCONNECT)

    @transaction.non_atomic_requests
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, and its actions: no transaction may be open while PostHog is asked."""
        return super().changelist_view(request, extra_context)

    @admin.display(description="state")
    def state(self, config: PosthogWorkspaceConfig) -> str:
        word = state_of(config)
        shown = word.replace("_", " ").capitalize()
        return format_html('<span class="posthog-state posthog-state-{}">{}</span>', word, shown)

    @admin.display(ordering="posthog_workspace_name")
    def organization(self, config: PosthogWorkspaceConfig) -> str:
        return config.posthog_workspace_name or ""

    @admin.display(ordering="posthog_project_name")
    def project(self, config: PosthogWorkspaceConfig) -> str:
        return f"{config.posthog_project_name} ({config.posthog_project_id})"

    @admin.display(description="trouble")
    def trouble(self, config: PosthogWorkspaceConfig) -> str:
        overview = connection_overview(config.workspace)
        return render_to_string("admin/integrations_posthog/_trouble.html", {"overview": overview})

    @admin.display(description="last check")
    def last_check(self, config: PosthogWorkspaceConfig) -> str:
        event = connection_overview(config.workspace).last_check
        return render_to_string("admin/integrations_posthog/_report.html", {"event": event})

    @admin.display(description="history")
    def history(self, config: PosthogWorkspaceConfig) -> str:
        events = PosthogConnectionEvent.objects.filter(workspace_id=config.workspace_id)
        return render_to_string(
            "admin/integrations_posthog/_history.html",
            {
                "events": events.newest_first()[:_HISTORY_ROWS],
                "count": events.count(),
                "workspace_pk": config.workspace_id,
            },
        )

    @admin.action(description="Re-check the selected connections", permissions=["recheck"])
    def recheck(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        configs = list(queryset.select_related("workspace")[: AT_A_TIME + 1])
        if len(configs) > AT_A_TIME:
            text = f"Select at most {AT_A_TIME} connections at a time. Nothing was checked."
            self.message_user(request, text, messages.ERROR)
            return None
        outcomes = recheck_connections(
            [_service(request, config, permission=_RECHECK) for config in configs]
        )
        for config, outcome in zip(configs, outcomes, strict=True):
            if isinstance(outcome, PostHogIntegrationError):
                text = f"{config.workspace}: {outcome.message}. {outcome.hint or ''}"
                self.message_user(request, text, messages.WARNING)
            else:
                text = f"{config.workspace}: PostHog accepts the key."
                self.message_user(request, text, messages.SUCCESS)
        # From its own page one comes back to it, where the report is.
        if "from_page" in request.POST and configs:
            return redirect(_PAGE, configs[0].pk)
        return None

    @admin.action(description="Disconnect the selected connections", permissions=["disconnect"])
    def disconnect(self, request: HttpRequest, queryset: QuerySet[Any]) -> TemplateResponse | None:
        configs = list(queryset.select_related("workspace"))
        if "confirmed" not in request.POST:
            return TemplateResponse(
                request,
                "admin/integrations_posthog/disconnect.html",
                self.admin_site.each_context(request)
                | {"title": "Disconnect PostHog?", "configs": configs, "opts": self.opts},
            )
        for config in configs:
            self._disconnect(request, config)
        return None

    def _disconnect(self, request: HttpRequest, config: PosthogWorkspaceConfig) -> None:
        try:
            _service(request, config, permission=_DISCONNECT).disconnect()
        except PostHogIntegrationError as exc:
            self.message_user(request, f"{config.workspace}: {exc.message}.", messages.WARNING)
        else:
            self.message_user(request, f"{config.workspace}: disconnected.", messages.SUCCESS)


def _service(
    request: HttpRequest, config: PosthogWorkspaceConfig, *, permission: str
) -> PostHogValidatorService:
    actor = support_actor(request, permission=permission)
    return connection_service(workspace=config.workspace, actor=actor)
