"""Workspaces and memberships for support staff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from .models import Membership, Workspace


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)
    readonly_fields = ("joined_at",)


@admin.register(Workspace)
class WorkspaceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug", "id", "created_at")
    list_filter = ("created_at",)
    list_per_page = 50
    search_fields = ("name", "slug", "=id")
    readonly_fields = ("id", "created_at")
    show_full_result_count = False
    inlines = (MembershipInline,)

    def get_deleted_objects(
        self, objs: Sequence[Any] | QuerySet[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        """Also counts what the database deletes by itself with a workspace."""
        objects, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        for relation in self.model._meta.related_objects:
            model = relation.related_model
            rows = model._base_manager.filter(**{f"{relation.field.name}__in": objs})
            if count := rows.count():
                counts[model._meta.verbose_name_plural] = count
        return objects, counts, forbidden, protected


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user", "workspace", "role", "joined_at")
    list_filter = ("role", "joined_at")
    list_per_page = 50
    list_select_related = ("user", "workspace")
    search_fields = ("user__username", "user__email", "workspace__name", "workspace__slug")
    autocomplete_fields = ("user", "workspace")
    readonly_fields = ("joined_at",)
    show_full_result_count = False
