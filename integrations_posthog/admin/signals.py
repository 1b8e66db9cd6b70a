"""Support staff's view of signals: what counts as one, and what was found. Nothing is edited."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from ..models import Signal, SignalDefinition, SignalDefinitionVersion
from .base import ReadOnlyAdmin
from .usage import BoundedPaginator


class _Versions(admin.TabularInline):  # type: ignore[type-arg]
    """What a definition said, from edit to edit, the newest first."""

    model = SignalDefinitionVersion
    fields = (
        "number",
        "name",
        "weight",
        "cooldown_days",
        "rule",
        "actor_name",
        "created_at",
        "evaluated_from",
        "evaluated_to",
    )
    readonly_fields = fields
    ordering = ("-number",)
    extra = 0
    can_delete = False
    verbose_name_plural = "versions"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("integrations_posthog.view_signaldefinition")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _SignalsAdmin(ReadOnlyAdmin):
    """However many there are."""

    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    list_per_page = 100
    show_full_result_count = False
    paginator = BoundedPaginator

    class Media:
        css = {"all": ["integrations_posthog/admin.css"]}


@admin.register(SignalDefinition)
class SignalDefinitionAdmin(_SignalsAdmin):
    """The definitions of all workspaces."""

    list_display = ("__str__", "workspace", "state", "version_number", "weight", "cooldown_days")
    list_filter = ("state",)
    allowed_lookups = ("state__exact",)
    list_select_related = ("workspace", "version")
    search_fields = ("version__name",)
    fields = ("workspace", "state", "created_at")
    readonly_fields = fields
    inlines = (_Versions,)

    @admin.display(description="version")
    def version_number(self, definition: SignalDefinition) -> int | None:
        return definition.version.number if definition.version else None

    @admin.display(description="weight")
    def weight(self, definition: SignalDefinition) -> int | None:
        return definition.version.weight if definition.version else None

    @admin.display(description="cool-down in days")
    def cooldown_days(self, definition: SignalDefinition) -> int | None:
        return definition.version.cooldown_days if definition.version else None


@admin.register(Signal)
class SignalAdmin(_SignalsAdmin):
    """The signals of all workspaces, with their receipts."""

    ordering = ("-fired_on", "-id")

    workspace_field = "account__source__connection__workspace"
    list_display = (
        "sentence",
        "account",
        "workspace",
        "definition",
        "fired_on",
        "late",
        "state",
    )
    list_filter = ("state", "late")
    allowed_lookups = ("state__exact", "late__exact")
    search_fields = ("account__key", "account__name")
    fields = (
        "workspace",
        "account",
        "definition",
        "fired_on",
        "late",
        "state",
        "state_reason",
        "state_actor_name",
        "state_changed_at",
        "sentence",
        "evidence",
        "horizon",
        "posthog_url",
        "created_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related(self.workspace_field, "version")
        return rows.defer("account__source__connection__posthog_api_key")

    @admin.display(description="workspace", ordering="account__source__connection__workspace")
    def workspace(self, signal: Signal) -> Model:
        found: Model = signal.account.source.connection.workspace
        return found

    @admin.display(description="definition")
    def definition(self, signal: Signal) -> str:
        return str(signal.version)
