"""Runs: which one is due, how they are started and stopped; and what they fill."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from ...errors import SyncRunning
from ...models import PosthogWorkspaceConfig, SyncDay, SyncRun, UsageSource
from . import staging
from .rules import FULL_EVERY, RECENT_DAYS, SyncRules

Kind, State = SyncRun.Kind, SyncRun.State


def ensure_source(connection: PosthogWorkspaceConfig, *, now: datetime) -> UsageSource:
    """What the connection's usage is stored under; made where there is nothing yet."""
    source, _ = UsageSource.objects.get_or_create(
        connection=connection,
        defaults={
            "posthog_host": connection.posthog_host,
            "posthog_project_id": connection.posthog_project_id,
            "next_full_sync_at": now + FULL_EVERY,
        },
    )
    return source


def replace_source(source: UsageSource, *, now: datetime, **columns: str) -> UsageSource:
    """Remove all usage, and begin anew with these columns changed. To be called in a transaction.

    Whoever works on a run of the old source loses it.
    """
    kept = {name: getattr(source, name) for name in _KEPT}
    remove_source(source)
    begins = {"created_at": now, "next_full_sync_at": now + FULL_EVERY, "next_sync_at": now}
    return UsageSource.objects.create(**kept | begins | columns)


_KEPT = ("connection_id", "posthog_host", "posthog_project_id", "strategy", "value", "coverage")


def remove_source(source: UsageSource) -> None:
    """Remove all usage, with what is on its way into the tables; the connection was never synced
    then. To be called in a transaction."""
    PosthogWorkspaceConfig.objects.filter(pk=source.connection_id).update(last_sync=None)
    for run_id in source.runs.unfinished().values_list("pk", flat=True):
        staging.clear(run_id)
    source.delete()


def start_run(
    source: UsageSource,
    *,
    rules: SyncRules,
    actor_name: str,
    now: datetime,
    full: bool = False,
    days: int | None = None,
) -> SyncRun:
    """A new run over the days that are due, for any worker to take.

    Args:
        full: over all days that are held, and read the last month again.
        days: over just so many days; None for those that are due.

    Returns:
        The run; one that has not ended and that nobody is at work on, where there is such a one.

    Raises:
        SyncRunning: somebody is at work on one, or it waits for a later time.
    """
    kind, days_back = kind_and_days(source, rules=rules, now=now, full=full)
    if days is not None:
        kind, days_back = Kind.RECENT, days
    try:
        with transaction.atomic():
            return SyncRun.objects.create(
                source=source,
                kind=kind,
                days_back=days_back,
                actor_name=actor_name[:255],
                created_at=now,
            )
    except IntegrityError as exc:
        left = SyncRun.objects.left(now=now, after=rules.lease).filter(source=source).first()
        if left is None:
            raise SyncRunning from exc
        return left


def stop_runs(connection: PosthogWorkspaceConfig, *, reason: str, now: datetime) -> None:
    """End what is under way; the worker notices at its next step. To be called in a transaction."""
    runs = SyncRun.objects.unfinished().filter(source__connection=connection)
    for run_id in runs.values_list("pk", flat=True):
        staging.clear(run_id)
    runs.update(
        state=State.FAILED, finished_at=now, lease_holder="", lease_expires_at=None, error=reason
    )


def kind_and_days(
    source: UsageSource, *, rules: SyncRules, now: datetime, full: bool = False
) -> tuple[str, int]:
    """Which run is due, and how many days it goes back."""
    today = source.day_at(now)
    oldest = source.days.exclude(state=SyncDay.State.PENDING).order_by("day").first()
    held = (today - oldest.day).days + 1 if oldest else 0
    if held < rules.first_days:
        return Kind.RECENT, rules.first_days
    if full:
        return Kind.FULL, held
    if held < rules.history_days:
        return Kind.HISTORY, rules.history_days
    if source.next_full_sync_at is not None and source.next_full_sync_at <= now:
        return Kind.FULL, held
    return Kind.RECENT, RECENT_DAYS
