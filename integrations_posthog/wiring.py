"""The use cases as the entry points call them: with the settings and the clock."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import models
from django.utils import timezone

from .client.hosts import Network, canonical_origin, is_cloud
from .conf import app_settings
from .models import PosthogWorkspaceConfig, SyncRun, UsageSource
from .services.recheck import recheck_connections
from .services.signals.definitions import DefinitionService
from .services.signals.deliveries import Tally, deliver_due
from .services.signals.evaluation import evaluate
from .services.signals.signals import SignalService
from .services.signals.webhooks import WebhookService
from .services.store import Actor
from .services.sync import schedule
from .services.sync.performer import Performer
from .services.sync.rules import SyncRules
from .services.usage import UsageService
from .services.validator import PostHogValidatorService

logger = logging.getLogger(__name__)


def connection_service(*, workspace: models.Model, actor: Actor) -> PostHogValidatorService:
    """The use cases of this workspace's connection, acted upon by this actor."""
    return PostHogValidatorService(
        workspace=workspace, actor=actor, clock=timezone.now, network=operator_network()
    )


def usage_service(*, workspace: models.Model, actor: Actor) -> UsageService:
    """The use cases of this workspace's usage, acted upon by this actor."""
    return UsageService(workspace=workspace, actor=actor, clock=timezone.now, rules=sync_rules())


def definition_service(*, workspace: models.Model, actor: Actor) -> DefinitionService:
    """The use cases of this workspace's signal definitions, acted upon by this actor."""
    return DefinitionService(workspace=workspace, actor=actor, clock=timezone.now)


def signal_service(*, workspace: models.Model, actor: Actor) -> SignalService:
    """The use cases of this workspace's signals, acted upon by this actor."""
    return SignalService(workspace=workspace, actor=actor, clock=timezone.now)


def evaluate_signals(source: UsageSource) -> None:
    """Evaluate all definitions over what a sync has left. A failure costs the sync nothing: it is
    logged, and the next sync's end evaluates the same days."""
    try:
        evaluate(source, now=timezone.now())
    except Exception:
        logger.exception("Evaluating the signals of %s failed", source)


def webhook_service(*, workspace: models.Model, actor: Actor) -> WebhookService:
    """The use cases of this workspace's webhooks, acted upon by this actor."""
    return WebhookService(
        workspace=workspace, actor=actor, clock=timezone.now, network=operator_network()
    )


def deliver_due_webhooks() -> Tally:
    """Attempt the deliveries that are due now, of all workspaces. It takes a minute at most."""
    return deliver_due(network=operator_network(), clock=timezone.now)


def performer(*, on_progress: Callable[[SyncRun], object] = lambda run: None) -> Performer:
    """Who performs runs in this process.

    Args:
        on_progress: called with the run whenever it has come further.
    """
    return Performer(
        network=operator_network(),
        rules=sync_rules(),
        clock=timezone.now,
        on_progress=on_progress,
        on_end=evaluate_signals,
    )


def start_due_syncs() -> list[int]:
    """Start a run wherever one is due, and tell the ids of all runs that wait for a worker."""
    schedule.start_due_runs(rules=sync_rules(), now=timezone.now())
    return schedule.runs_to_perform(now=timezone.now())


def workspaces_to_recheck() -> list[str]:
    """The ids of the workspaces whose daily re-check is due now; each is told once."""
    due = schedule.connections_to_recheck(now=timezone.now())
    return [str(connection.workspace_id) for connection in due]


def scheduled_recheck(workspace_id: str) -> None:
    """Re-check a connection on nobody's behalf; what it finds is in its history."""
    config = PosthogWorkspaceConfig.objects.select_related("workspace").filter(
        workspace_id=workspace_id
    )
    for connection in config:
        service = connection_service(
            workspace=connection.workspace, actor=Actor(name=schedule.ACTOR)
        )
        recheck_connections([service])


def sync_rules() -> SyncRules:
    """What the operator decides about syncs, by the settings."""
    return SyncRules(
        settle=timedelta(seconds=app_settings.SETTLE_SECONDS),
        first_days=app_settings.SYNC_FIRST_DAYS,
        history_days=app_settings.SYNC_HISTORY_DAYS,
        every=timedelta(seconds=app_settings.SYNC_EVERY_SECONDS),
        lease_seconds=app_settings.SYNC_LEASE_SECONDS,
    )


def operator_network() -> Network:
    """What the operator allows, by the settings. A default host of one's own is trusted.

    Raises:
        InvalidHost: a setting holds something that is no origin; a system check says so.
    """
    trusted = {canonical_origin(origin) for origin in app_settings.TRUSTED_ORIGINS}
    default = canonical_origin(app_settings.HOST)
    return Network(
        default_origin=default,
        cloud_regions=tuple(canonical_origin(origin) for origin in app_settings.CLOUD_REGIONS),
        trusted_origins=frozenset(trusted if is_cloud(default) else trusted | {default}),
        ca_bundle=app_settings.CA_BUNDLE,
    )
