"""A workspace's connection to PostHog, and its history."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, NoReturn

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from ..conf import workspace_model
from ..encryption import SealedText, mask
from ..fields import (
    CascadingForeignKey,
    CascadingOneToOneField,
    LongNameIndex,
    SealedTextField,
    VarCharField,
)


def new_id() -> str:
    return str(uuid.uuid4())


class ConnectionQuerySet(models.QuerySet["PosthogWorkspaceConfig"]):
    def active(self) -> ConnectionQuerySet:
        return self.filter(is_active=True)

    def disconnected(self) -> ConnectionQuerySet:
        return self.exclude(is_active=True)

    def working(self) -> ConnectionQuerySet:
        return self.active().filter(is_validated=True, last_error_type="")

    def refused(self) -> ConnectionQuerySet:
        return self.active().exclude(is_validated=True)

    def unreachable(self) -> ConnectionQuerySet:
        return self.active().filter(is_validated=True).exclude(last_error_type="")


class PosthogWorkspaceConfig(models.Model):
    """The connection of one workspace: the key, what it reaches, and how it fares."""

    id = VarCharField(primary_key=True, max_length=36, default=new_id, editable=False)
    workspace = CascadingOneToOneField(
        workspace_model(),
        related_name="posthog_config",
    )
    posthog_api_key = SealedTextField()
    posthog_workspace_name = models.CharField(max_length=255, null=True)
    posthog_project_id = models.CharField(max_length=255)
    is_validated = models.BooleanField(null=True, default=False, db_default=False)
    validated_at = models.DateTimeField(null=True)
    validation_error = models.TextField(null=True)
    last_sync = models.DateTimeField(null=True)
    is_active = models.BooleanField(null=True, default=True, db_default=True)
    created_at = models.DateTimeField(null=True, default=timezone.now, db_default=Now())
    updated_at = models.DateTimeField(null=True, auto_now=True, db_default=Now())

    posthog_host = models.CharField(max_length=255, default="", db_default="")
    posthog_project_name = models.CharField(max_length=255, default="", db_default="")
    api_key_hint = models.CharField(max_length=16, default="", db_default="")
    events_count = models.BigIntegerField(null=True)
    projects = models.JSONField(null=True)
    last_error_type = models.CharField(max_length=32, default="", db_default="")
    next_recheck_at = models.DateTimeField(null=True)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        db_table = "posthog_workspace_config"
        verbose_name = "PostHog connection"
        indexes = [
            LongNameIndex(fields=["workspace"], name="ix_posthog_workspace_config_workspace_id"),
            LongNameIndex(fields=["is_validated"], name="ix_posthog_workspace_config_is_validated"),
        ]
        default_permissions = ("view",)
        permissions = [
            ("recheck_posthogworkspaceconfig", "Can re-check a PostHog connection"),
            ("disconnect_posthogworkspaceconfig", "Can disconnect a PostHog connection"),
            ("sync_posthogworkspaceconfig", "Can sync usage from PostHog"),
            ("purge_posthogworkspaceconfig", "Can remove all usage of a workspace"),
        ]

    def __str__(self) -> str:
        return f"PostHog connection of workspace {self.workspace_id}"

    def __repr__(self) -> str:
        return f"<PosthogWorkspaceConfig {self.pk}>"

    def set_api_key(self, api_key: str) -> None:
        """Seal the key, and keep enough of it to recognize it by."""
        self.posthog_api_key = SealedText.seal(api_key)
        self.api_key_hint = mask(api_key)

    def mark_valid(self, *, at: datetime) -> None:
        """PostHog accepted the stored key."""
        self.is_validated = True
        self.validated_at = at
        self.validation_error = None
        self.last_error_type = ""

    def mark_refused(self, *, error: str, error_type: str) -> None:
        """PostHog refused the stored key, or its project."""
        self.is_validated = False
        self.validation_error = error
        self.last_error_type = error_type

    def mark_unreachable(self, *, error_type: str) -> None:
        """The stored key could not be tested; what was known of it stands."""
        self.last_error_type = error_type


class ConnectionEventQuerySet(models.QuerySet["PosthogConnectionEvent"]):
    """The history is written once: by ``create``, and by nothing else."""

    def newest_first(self) -> ConnectionEventQuerySet:
        return self.order_by("-id")

    def succeeded(self) -> ConnectionEventQuerySet:
        return self.filter(outcome="ok")

    def failed(self) -> ConnectionEventQuerySet:
        return self.filter(outcome="failed")

    def connects(self) -> ConnectionEventQuerySet:
        return self.filter(action="connect")

    def disconnects(self) -> ConnectionEventQuerySet:
        return self.filter(action="disconnect")

    def checks_of(self, config: PosthogWorkspaceConfig) -> ConnectionEventQuerySet:
        """Tests of the stored key, at its instance and for its project."""
        return self.filter(
            workspace_id=config.workspace_id,
            action__in=["connect", "recheck"],
            api_key_hint=config.api_key_hint,
            posthog_host=config.posthog_host,
            posthog_project_id=config.posthog_project_id,
        )

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError("The history of a connection is not changed.")

    def delete(self) -> NoReturn:
        raise TypeError("The history of a connection is not deleted; it goes with its workspace.")


class PosthogConnectionEvent(models.Model):
    """One act upon a workspace's connection: who did what, when, and how it ended."""

    class Action(models.TextChoices):
        CONNECT = "connect", "Connect"
        RECHECK = "recheck", "Re-check"
        DISCONNECT = "disconnect", "Disconnect"
        SYNC = "sync", "Sync"
        MAPPING = "mapping", "Account mapping"
        PURGE = "purge", "Purge"
        WEBHOOK_ADD = "webhook_add", "Add a webhook"
        WEBHOOK_CHANGE = "webhook_change", "Change a webhook"
        WEBHOOK_PAUSE = "webhook_pause", "Pause a webhook"
        WEBHOOK_REMOVE = "webhook_remove", "Remove a webhook"

    class Outcome(models.TextChoices):
        OK = "ok", "OK"
        FAILED = "failed", "Failed"

    workspace = CascadingForeignKey(workspace_model(), related_name="posthog_events")
    occurred_at = models.DateTimeField(default=timezone.now, db_default=Now())
    actor_name = models.CharField(max_length=255)
    action = models.CharField(max_length=16, choices=Action.choices)
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    error_type = models.CharField(max_length=32, default="", db_default="", blank=True)
    error = models.TextField(default="", db_default="", blank=True)
    hint = models.TextField(default="", db_default="", blank=True)
    posthog_host = models.CharField(max_length=255, default="", db_default="", blank=True)
    posthog_project_id = models.CharField(max_length=255, default="", db_default="", blank=True)
    api_key_hint = models.CharField(max_length=16, default="", db_default="", blank=True)
    report = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))

    objects = ConnectionEventQuerySet.as_manager()

    class Meta:
        db_table = "posthog_connection_event"
        verbose_name = "PostHog connection event"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    action__in=[
                        "connect",
                        "recheck",
                        "disconnect",
                        "sync",
                        "mapping",
                        "purge",
                        "webhook_add",
                        "webhook_change",
                        "webhook_pause",
                        "webhook_remove",
                    ]
                ),
                name="posthog_connection_event_action_known",
            ),
            models.CheckConstraint(
                condition=models.Q(outcome="ok", error_type="")
                | (models.Q(outcome="failed") & ~models.Q(error_type="")),
                name="posthog_connection_event_failure_has_error_type",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} by {self.actor_name}: {self.get_outcome_display()}"

    def save(self, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("The history of a connection is not changed.")
        super().save(**kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("The history of a connection is not deleted; it goes with its workspace.")
