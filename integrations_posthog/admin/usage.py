"""Support staff's view of usage: the runs, the ledger and the accounts. Nothing is edited."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import cached_property

from ..errors import PostHogIntegrationError
from ..launch import launch
from ..models import Account, PosthogWorkspaceConfig, SyncDay, SyncRun
from ..services.recheck import AT_A_TIME
from ..services.sync.figures import FIGURES
from ..services.usage import UsageService
from ..wiring import usage_service
from .base import ErrorTypeFilter, ReadOnlyAdmin, support_actor

SYNC = "integrations_posthog.sync_posthogworkspaceconfig"
PURGE = "integrations_posthog.purge_posthogworkspaceconfig"

_MOST_COUNTED = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no more rows than anybody would turn pages for."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:_MOST_COUNTED].count())


class UsageAdmin(ReadOnlyAdmin):
    """What hangs on a workspace's connection, however much there is of it."""

    workspace_field = "source__connection__workspace"
    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    list_per_page = 100
    show_full_result_count = False
    paginator = BoundedPaginator

    class Media:
        css = {"all": ["integrations_posthog/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related(self.workspace_field)
        return rows.defer("source__connection__posthog_api_key")

    @admin.display(description="workspace", ordering="source__connection__workspace")
    def workspace(self, row: Any) -> Model:
        found: Model = row.source.connection.workspace
        return found


@admin.register(SyncRun)
class SyncRunAdmin(UsageAdmin):
    """The runs of all syncs."""

    list_display = (
        "__str__",
        "workspace",
        "started_at",
        "finished_at",
        "days",
        "events",
        "requests",
        "error_type",
        "actor_name",
    )
    list_filter = ("state", "kind", ("error_type", ErrorTypeFilter))
    allowed_lookups = ("state__exact", "kind__exact", "error_type", "error_type__exact")
    search_fields = ("actor_name",)
    fields = (
        "workspace",
        "source",
        "kind",
        "state",
        "actor_name",
        "created_at",
        "started_at",
        "finished_at",
        "waiting_until",
        "days",
        "days_per_query",
        "events",
        "requests",
        "bytes_read",
        "failures",
        "error_type",
        "error",
    )
    readonly_fields = fields

    @admin.display(description="days")
    def days(self, run: SyncRun) -> str:
        return f"{run.days_done} of {run.days_total}"


@admin.register(SyncDay)
class SyncDayAdmin(UsageAdmin):
    """The ledgers of all workspaces."""

    ordering = ("-day", "-id")

    list_display = (
        "day",
        "workspace",
        "state",
        "events_posthog",
        "events_stored",
        "events_unattributed",
        "verified_at",
    )
    list_filter = ("state",)
    allowed_lookups = ("state__exact",)
    fields = (
        "workspace",
        "source",
        "day",
        "state",
        "events_posthog",
        "events_stored",
        "events_unattributed",
        "unattributed",
        "last_created_at",
        "horizon",
        "verified_at",
    )
    readonly_fields = fields


@admin.register(Account)
class AccountAdmin(UsageAdmin):
    """The accounts of all workspaces, with their figures."""

    list_display = (
        "name",
        "key",
        "workspace",
        "events_7d",
        "events_28d",
        "people_28d",
        "score",
        "last_seen",
    )
    search_fields = ("key", "name")
    fields = (
        "workspace",
        "source",
        "key",
        "name",
        "properties",
        *FIGURES,
        "score",
        "score_parts",
        "fit",
    )
    readonly_fields = fields


class UsageActions(ReadOnlyAdmin):
    """What support staff can do to the usage of connections."""

    def has_sync_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SYNC)

    def has_purge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PURGE)

    @admin.action(description="Sync usage of the selected connections now", permissions=["sync"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        configs = list(queryset.select_related("workspace")[: AT_A_TIME + 1])
        if len(configs) > AT_A_TIME:
            text = f"Select at most {AT_A_TIME} connections at a time. Nothing was started."
            self.message_user(request, text, messages.ERROR)
            return
        for config in configs:
            self._sync(request, config)

    @admin.action(description="Remove all usage of the selected", permissions=["purge"])
    def remove_usage(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> TemplateResponse | None:
        configs = list(queryset.select_related("workspace"))
        if "confirmed" not in request.POST:
            return TemplateResponse(
                request,
                "admin/integrations_posthog/remove_usage.html",
                self.admin_site.each_context(request)
                | {"title": "Remove all usage?", "configs": configs, "opts": self.opts},
            )
        for config in configs:
            self._remove(request, config)
        return None

    def _sync(self, request: HttpRequest, config: PosthogWorkspaceConfig) -> None:
        try:
            launch(_service(request, config, permission=SYNC).request_sync().pk)
        except PostHogIntegrationError as exc:
            self.message_user(request, f"{config.workspace}: {exc.message}.", messages.WARNING)
        else:
            self.message_user(request, f"{config.workspace}: a sync has started.", messages.SUCCESS)

    def _remove(self, request: HttpRequest, config: PosthogWorkspaceConfig) -> None:
        service = _service(request, config, permission=PURGE)
        try:
            service.purge(confirm=str(config.workspace_id))
        except PostHogIntegrationError as exc:
            self.message_user(request, f"{config.workspace}: {exc.message}.", messages.WARNING)
        else:
            self.message_user(request, f"{config.workspace}: usage removed.", messages.SUCCESS)


def _service(
    request: HttpRequest, config: PosthogWorkspaceConfig, *, permission: str
) -> UsageService:
    actor = support_actor(request, permission=permission)
    return usage_service(workspace=config.workspace, actor=actor)
