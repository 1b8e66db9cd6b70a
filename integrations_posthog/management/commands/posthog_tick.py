"""``manage.py posthog_tick``: do whatever is due, for cron."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...wiring import (
    deliver_due_webhooks,
    performer,
    scheduled_recheck,
    start_due_syncs,
    workspaces_to_recheck,
)
from ..progress import so_far

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Do whatever is due: syncs, those that wait or whose worker died, daily re-checks, and "
        "deliveries to webhooks. For a host without a worker: let cron call it every minute."
    )

    def handle(self, **options: Any) -> None:
        # What waits does not wait for the syncs, and what they fire goes out at once, too.
        failed: int = not self._done(self._deliver, "the delivery of webhooks")
        failed += sum(not self._done(self._sync, run_id) for run_id in start_due_syncs())
        failed += sum(not self._done(self._recheck, each) for each in workspaces_to_recheck())
        failed += not self._done(self._deliver, "the delivery of webhooks")
        if failed:
            raise CommandError(f"Unexpected errors: {failed}. They have been logged.")

    def _done(self, act: Callable[[Any], None], what: Any) -> bool:
        """Whether it could be done at all: one workspace's trouble is not the others'."""
        try:
            act(what)
        except Exception:
            logger.exception("Unexpected error with %s", what)
            return False
        return True

    def _sync(self, run_id: int) -> None:
        run = performer().perform(run_id)
        if run is not None:
            line = f"{run.source}: {run.get_state_display()}, {so_far(run)}. {run.error}"
            self.stdout.write(line.rstrip())

    def _recheck(self, workspace_id: str) -> None:
        scheduled_recheck(workspace_id)
        self.stdout.write(f"Re-checked the connection of workspace {workspace_id}.")

    def _deliver(self, _: str) -> None:
        tally = deliver_due_webhooks()
        if tally.delivered or tally.failed:
            self.stdout.write(f"Webhooks: {tally.delivered} delivered, {tally.failed} failed.")
