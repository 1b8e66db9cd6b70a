"""Celery's part: tasks that carry ids only. All state is in the database.

A task that gets lost costs nothing but time: the tick hands the run out again.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from kombu.exceptions import OperationalError

from .wiring import (
    deliver_due_webhooks,
    performer,
    scheduled_recheck,
    start_due_syncs,
    workspaces_to_recheck,
)

logger = logging.getLogger(__name__)

_UNTIL_NEXT_TICK = 55
"""Seconds. What nobody has taken by then is handed out anew, and must not pile up."""

_KEPT: dict[str, Any] = {"acks_late": True, "reject_on_worker_lost": True, "ignore_result": True}


@shared_task(name="posthog.sync", **_KEPT)
def sync(run_id: int) -> None:
    """Perform a sync run, unless somebody else does."""
    performer().perform(run_id)


@shared_task(name="posthog.recheck", **_KEPT)
def recheck(workspace_id: str) -> None:
    """Re-check a workspace's connection."""
    scheduled_recheck(workspace_id)


@shared_task(name="posthog.deliver", **_KEPT)
def deliver() -> None:
    """Attempt the deliveries that are due, to the webhooks of all workspaces."""
    deliver_due_webhooks()


@shared_task(name="posthog.tick", ignore_result=True)
def tick() -> None:
    """Hand out whatever is due. To be called every minute."""
    for run_id in start_due_syncs():
        sync.apply_async((run_id,), expires=_UNTIL_NEXT_TICK)
    for workspace_id in workspaces_to_recheck():
        recheck.delay(workspace_id)
    deliver.apply_async(expires=_UNTIL_NEXT_TICK)


def launch(run_id: int) -> None:
    """Hand a run to a worker: a ``SYNC_LAUNCHER``. Where the broker is down, the tick does it."""
    try:
        sync.apply_async((run_id,), retry=False)
    except OperationalError:
        logger.warning("The broker is down; sync run %s waits for the next tick", run_id)
