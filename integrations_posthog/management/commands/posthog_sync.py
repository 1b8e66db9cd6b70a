"""``manage.py posthog_sync``: sync usage, in the foreground."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from ...errors import PostHogIntegrationError
from ...models import PosthogWorkspaceConfig, SyncRun
from ...wiring import performer
from ..output import error_text
from ..progress import progress, so_far
from ..workspaces import add_workspace_argument, find_workspace, usage_service_for

logger = logging.getLogger(__name__)

_MOST_PATIENCE = 120
"""Seconds that the command itself waits; after that it is the tick's."""
_MOST_DAYS = 3_650


class StoppedError(CommandError):
    """Somebody has had enough: nothing more is begun."""


class Command(BaseCommand):
    help = (
        "Sync usage from PostHog, of one workspace or of every connected one. Ctrl-C leaves a "
        "state from which the next sync goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        add_workspace_argument(which, required=False)
        which.add_argument("--run", type=int, metavar="ID", help="go on with this run")
        days = parser.add_mutually_exclusive_group()
        days.add_argument("--full", action="store_true", help="compare all days that are held")
        days.add_argument("--days", type=int, metavar="N", help="look at just so many days")

    def handle(self, *, workspace: str | None, run: int | None, **options: Any) -> None:
        if options["days"] is not None and not 1 <= options["days"] <= _MOST_DAYS:
            raise CommandError(f"--days takes a number from 1 to {_MOST_DAYS:,}.")
        if run is not None:
            self._perform(run)
        elif workspace is not None:
            self._sync(find_workspace(workspace), **_what(options))
        else:
            self._sync_all(**_what(options))

    def _sync_all(self, **what: Any) -> None:
        working = PosthogWorkspaceConfig.objects.active().filter(is_validated=True)
        connections = list(working.select_related("workspace").order_by("pk"))
        if not connections:
            self.stdout.write("There is no working connection.")
        failed = 0
        for connection in connections:
            self.stdout.write(self.style.MIGRATE_HEADING(str(connection.workspace)))
            try:
                self._sync(connection.workspace, **what)
            except StoppedError:
                raise
            except CommandError as exc:
                failed += 1
                self.stderr.write(self.style.ERROR(str(exc)))
            except Exception:
                failed += 1
                logger.exception("Unexpected error in the sync of %s", connection.workspace)
        if failed:
            raise CommandError(f"Syncs that failed: {failed}.")

    def _sync(self, workspace: Any, **what: Any) -> None:
        try:
            run = usage_service_for(workspace).request_sync(**what)
        except PostHogIntegrationError as exc:
            raise CommandError(error_text(exc)) from exc
        self._perform(run.pk)

    def _perform(self, run_id: int) -> None:
        try:
            run = self._perform_to_the_end(run_id)
        except KeyboardInterrupt:
            stopped = SyncRun.objects.filter(pk=run_id).first()
            done = f" ({so_far(stopped)})" if stopped else ""
            raise StoppedError(f"Stopped{done}. The next sync or tick goes on from here.") from None
        if run is None and not SyncRun.objects.filter(pk=run_id).exists():
            self.stdout.write(f"Run {run_id} is no more: its usage was removed, or is read anew.")
            return
        if run is None:
            raise CommandError(f"Run {run_id} has ended, or is in other hands.")
        if run.state == SyncRun.State.WAITING:
            self.stdout.write(f"{run.error} A tick goes on after {run.waiting_until:%H:%M:%S %Z}.")
            return
        if run.state != SyncRun.State.DONE:
            raise CommandError(f"{run.get_state_display()} after {so_far(run)}. {run.error}")
        self.stdout.write(self.style.SUCCESS(f"Done: {so_far(run)}."))

    def _perform_to_the_end(self, run_id: int) -> SyncRun | None:
        with progress(self.stdout) as report:
            while True:
                run = performer(on_progress=report).perform(run_id)
                if run is None or run.finished_at is not None:
                    return run
                if run.waiting_until is not None:
                    seconds = max((run.waiting_until - timezone.now()).total_seconds(), 0)
                    if seconds > _MOST_PATIENCE:
                        return run
                    with tqdm.external_write_mode():  # Or the line would continue the bar's.
                        self.stdout.write(f"{run.error} Going on in {seconds:.0f} seconds.")
                    time.sleep(seconds)


def _what(options: dict[str, Any]) -> dict[str, Any]:
    return {"full": options["full"], "days": options["days"]}
