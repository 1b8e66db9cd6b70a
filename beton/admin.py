"""Workspaces and memberships for support staff."""

from __future__ import annotations

from django.contrib import admin

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
