"""What the admin's pages share."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest

from ..errors import PermissionDenied
from ..models import PosthogWorkspaceConfig
from ..services.store import Actor


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Shows; edits nothing. ``allowed_lookups`` are the only ones that an address may ask for:
    whoever can compare any column at will can read it, piece by piece, by what is listed."""

    allowed_lookups: tuple[str, ...] = ()
    workspace_field = "workspace"
    """The way from a row to the host's workspace."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in self.allowed_lookups

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Columns of our own, and what the host's workspace model has of the usual ones."""
        workspace = PosthogWorkspaceConfig._meta.get_field("workspace").related_model
        names = {field.name for field in workspace._meta.get_fields()} & {"name", "slug"}
        way = self.workspace_field
        return [*self.search_fields, f"={way}__pk", *(f"{way}__{name}" for name in names)]


def support_actor(request: HttpRequest, *, permission: str) -> Actor:
    """A member of the support staff, whose rights are asked again when it comes to storing."""

    def confirm() -> None:
        user = get_user_model()._default_manager.filter(pk=str(request.user.pk)).first()
        if user is None or not (user.is_active and user.is_staff and user.has_perm(permission)):
            raise PermissionDenied

    return Actor(name=f"{request.user.get_username()} (support)", confirm=confirm)


class StateFilter(admin.SimpleListFilter):
    """By state, as far as the database knows it: not whether a key can be decrypted."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("working", "Connected"),
            ("refused", "Trouble: refused by PostHog"),
            ("unreachable", "Trouble: the last check failed"),
            ("disconnected", "Disconnected"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        connections = PosthogWorkspaceConfig.objects.all()
        states = {
            "working": connections.working(),
            "refused": connections.refused(),
            "unreachable": connections.unreachable(),
            "disconnected": connections.disconnected(),
        }
        chosen = states.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(pk__in=chosen.values("pk"))


class ErrorTypeFilter(admin.AllValuesFieldListFilter):
    """The error types that occur; having none is no choice, which would be an empty link."""

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(field, *args, **kwargs)
        self.lookup_choices = self.lookup_choices.exclude(**{field.name: ""})
