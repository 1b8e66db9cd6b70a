"""What people are shown of a connection: its state in a word, since when, by whom, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import models

from ..models import PosthogConnectionEvent, PosthogWorkspaceConfig
from ..models.connection import ConnectionEventQuerySet
from .store import unreadable_reason

State = Literal["not_connected", "connected", "trouble", "disconnected"]


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is wrong with a connection."""

    error: str
    hint: str
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class ConnectionOverview:
    """A workspace's connection as the page, the admin and the commands show it."""

    state: State
    config: PosthogWorkspaceConfig | None
    connected: PosthogConnectionEvent | None
    """When the connection was last made, and by whom."""
    disconnected: PosthogConnectionEvent | None
    """When the connection was last disconnected, and by whom."""
    last_check: PosthogConnectionEvent | None
    """The last test of the stored key, with its report."""
    trouble: Trouble | None


def state_of(config: PosthogWorkspaceConfig | None) -> State:
    """The state of a connection in a word."""
    if config is None:
        return "not_connected"
    if not config.is_active:
        return "disconnected"
    works = config.is_validated and not config.last_error_type
    return "connected" if works and unreadable_reason(config) is None else "trouble"


def connection_overview(workspace: models.Model) -> ConnectionOverview:
    """What is known of a workspace's connection. Asks nobody."""
    config = PosthogWorkspaceConfig.objects.filter(workspace_id=workspace.pk).first()
    if config is None:
        return ConnectionOverview(
            state="not_connected",
            config=None,
            connected=None,
            disconnected=None,
            last_check=None,
            trouble=None,
        )
    checks = PosthogConnectionEvent.objects.checks_of(config)
    return ConnectionOverview(
        state=state_of(config),
        config=config,
        connected=checks.connects().succeeded().newest_first().first(),
        disconnected=_last_disconnect(workspace),
        last_check=checks.newest_first().first(),
        trouble=_trouble(config, checks),
    )


def _last_disconnect(workspace: models.Model) -> PosthogConnectionEvent | None:
    events = PosthogConnectionEvent.objects.filter(workspace_id=workspace.pk)
    return events.disconnects().newest_first().first()


def _trouble(config: PosthogWorkspaceConfig, checks: ConnectionEventQuerySet) -> Trouble | None:
    unreadable = unreadable_reason(config)
    if unreadable is not None:
        return Trouble(error=unreadable.message, hint=unreadable.hint or "", since=None)
    if config.is_validated and not config.last_error_type:
        return None
    last_good = checks.succeeded().newest_first().first()
    after = last_good.id if last_good else 0
    failures = checks.failed().filter(id__gt=after).order_by("id")
    last = failures.last() or _refusal(config, after=after)
    if last is None:
        error = config.validation_error or "The key was never checked"
        return Trouble(error=error, hint="Re-check it, to see how each step ends.", since=None)
    first = failures.first() or last
    return Trouble(error=last.error, hint=last.hint, since=first.occurred_at)


def _refusal(config: PosthogWorkspaceConfig, *, after: int) -> PosthogConnectionEvent | None:
    """The refusal of the stored key that was met on the way to another project."""
    events = PosthogConnectionEvent.objects.filter(
        id__gt=after,
        workspace_id=config.workspace_id,
        api_key_hint=config.api_key_hint,
        posthog_host=config.posthog_host,
        error=config.validation_error,
    )
    return events.failed().newest_first().first()
