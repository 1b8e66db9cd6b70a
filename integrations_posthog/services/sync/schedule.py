"""What is due, minute by minute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from ...errors import SyncRunning
from ...models import PosthogWorkspaceConfig, SyncRun, UsageSource
from . import staging
from .rules import RECHECK_EVERY, SyncRules
from .runs import ensure_source, start_run

ACTOR = "schedule"
"""Under this name the schedule acts."""


def start_due_runs(*, rules: SyncRules, now: datetime) -> None:
    """Start a run for every working connection whose time has come, and clean up after those
    whose end was somebody else's doing."""
    staging.sweep()
    working = PosthogWorkspaceConfig.objects.active().filter(is_validated=True)
    working = working.exclude(posthog_host="")  # Until a check has told where it is.
    for connection in working.filter(usage_source=None):
        ensure_source(connection, now=now)
    due = UsageSource.objects.filter(connection__in=working).filter(
        Q(next_sync_at=None) | Q(next_sync_at__lte=now)
    )
    unfinished = SyncRun.objects.unfinished().filter(source=OuterRef("pk"))
    for source in due.filter(~Exists(unfinished)):
        with suppress(SyncRunning):  # Somebody was faster.
            start_run(source, rules=rules, actor_name=ACTOR, now=now)


def runs_to_perform(*, now: datetime) -> list[int]:
    """The runs that any worker may take now: new ones, those whose worker died, those whose
    waiting is over. Oldest first."""
    return list(SyncRun.objects.free(now=now).order_by("id").values_list("pk", flat=True))


def connections_to_recheck(*, now: datetime) -> Iterator[PosthogWorkspaceConfig]:
    """Active connections whose daily re-check is due; each is given out once."""
    due = PosthogWorkspaceConfig.objects.active().filter(
        Q(next_recheck_at=None) | Q(next_recheck_at__lte=now)
    )
    for connection in due.select_related("workspace"):
        mine = due.filter(pk=connection.pk).update(next_recheck_at=now + RECHECK_EVERY)
        if mine:
            yield connection
