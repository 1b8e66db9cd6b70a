"""Workspaces, and who works in them."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from django.conf import settings
from django.core.validators import validate_slug
from django.db import models
from django.utils import timezone
from django.utils.text import slugify

from integrations_posthog.fields import CascadingForeignKey, VarCharField


def new_id() -> str:
    return str(uuid.uuid4())


class Workspace(models.Model):
    """What a customer's team shares: its data, and its connection to PostHog."""

    id = VarCharField(primary_key=True, max_length=36, default=new_id, editable=False)
    name = models.CharField(max_length=255)
    slug = VarCharField(
        max_length=63,
        unique=True,
        blank=True,
        validators=[validate_slug],
        help_text="Stands for the id in the header X-Workspace-Id. Made from the name if empty.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "workspaces"
        ordering = ["name", "id"]
        swappable = "INTEGRATIONS_POSTHOG_WORKSPACE_MODEL"

    def __str__(self) -> str:
        return self.name

    def save(self, **kwargs: Any) -> None:
        self.slug = self.slug or self._free_slug()
        super().save(**kwargs)

    def _free_slug(self) -> str:
        slug = slugify(self.name)[:50] or "workspace"
        taken = type(self).objects.filter(slug=slug).exists()
        return f"{slug}-{secrets.token_hex(4)}" if taken else slug


class Membership(models.Model):
    """A user in a workspace, and what the user may do there."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        ADMIN = "admin", "Admin"
        MEMBER = "member", "Member"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="memberships",
        db_index=False,  # The unique constraint below has one.
    )
    workspace = CascadingForeignKey(
        settings.INTEGRATIONS_POSTHOG_WORKSPACE_MODEL, related_name="memberships"
    )
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "workspace_memberships"
        ordering = ["joined_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "workspace"], name="workspace_memberships_user_workspace_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "admin", "member"]),
                name="workspace_memberships_role_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace} ({self.get_role_display()})"

    @property
    def can_manage(self) -> bool:
        """May connect, re-check and disconnect integrations; who may not can still read."""
        return self.role in {self.Role.OWNER, self.Role.ADMIN}

    @property
    def can_purge(self) -> bool:
        """May remove what was synced from integrations."""
        return self.role == self.Role.OWNER
