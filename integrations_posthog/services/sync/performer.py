"""Runs performed: taken, done as far as they go, and what follows from their end."""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...client.hosts import Network
from ...errors import (
    ApiError,
    NotConnected,
    NotFound,
    PostHogIntegrationError,
    ServiceUnavailable,
    Unauthorized,
)
from ...models import PosthogConnectionEvent, PosthogWorkspaceConfig, SyncRun, UsageSource
from ..store import is_key_of
from . import staging
from .context import RunContext, TimezoneChangedError, TurnOverError
from .leases import LeaseLostError, RunLease
from .rules import FULL_EVERY, SyncRules
from .runs import kind_and_days, replace_source
from .worker import SyncWorker

logger = logging.getLogger(__name__)

Kind, State = SyncRun.Kind, SyncRun.State
Outcome = PosthogConnectionEvent.Outcome

_MOST_FAILURES = 8
_FIRST_BACK_OFF = timedelta(seconds=5)
_LONGEST_BACK_OFF = timedelta(minutes=15)
_LONGEST_WAIT = timedelta(hours=1)
"""PostHog's own windows are an hour at most (posthog/rate_limit.py)."""


@dataclass(frozen=True, kw_only=True)
class Performer:
    """Performs runs, with what they need from outside.

    Attributes:
        network: what the operator allows.
        rules: what the operator decides.
        clock: tells the time, with its zone.
        sleep: waits for so many seconds.
        on_progress: called with the run whenever it has come further.
        on_end: called with the source when a run over it has ended, well or not.
    """

    network: Network
    rules: SyncRules
    clock: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    on_progress: Callable[[SyncRun], object] = lambda run: None
    on_end: Callable[[UsageSource], object] = lambda source: None

    def perform(self, run_id: int) -> SyncRun | None:
        """Take a run and do it, as far as it goes now.

        Returns:
            The run, ended or waiting or in other hands; None where it was not to be had.
        """
        lease = RunLease(run_id=run_id, seconds=self.rules.lease_seconds, clock=self.clock)
        if not lease.take():
            return None
        run = SyncRun.objects.select_related("source__connection").filter(pk=run_id).first()
        if run is None:  # Removed with its source, a moment ago.
            return None
        try:
            self._perform(run, lease)
        except LeaseLostError:
            logger.info("Sync run %s was stopped, or is in other hands", run_id)
        except KeyboardInterrupt:
            with suppress(LeaseLostError):
                lease.release(state=State.QUEUED)
            raise
        except Exception:
            # First of all, since a report takes its time.
            with suppress(LeaseLostError):
                self._fail(run, lease, PostHogIntegrationError(hint="It has been logged."))
            logger.exception("Unexpected error in sync run %s", run_id)
            raise
        found = SyncRun.objects.select_related("source__connection").filter(pk=run_id).first()
        if found is not None and found.finished_at is not None:
            self.on_end(found.source)
        return found

    def _perform(self, run: SyncRun, lease: RunLease) -> None:
        run.started_at = run.started_at or self.clock()
        lease.update(started_at=run.started_at)
        connection = run.source.connection
        try:
            if run.failures > _MOST_FAILURES:
                raise ServiceUnavailable(hint="Its workers ended, one after another, in mid-work.")
            if not (connection.is_active and connection.is_validated):
                raise NotConnected
            context = RunContext(
                run=run,
                lease=lease,
                api_key=connection.posthog_api_key.open(),
                network=self.network,
                rules=self.rules,
                clock=self.clock,
                sleep=self.sleep,
                on_progress=self.on_progress,
            )
            SyncWorker(context).perform()
        except TurnOverError:  # It has not failed.
            lease.release(state=State.QUEUED, failures=max(run.failures - 1, 0))
        except TimezoneChangedError:
            self._begin_anew(run, lease)
        except PostHogIntegrationError as exc:
            self._conclude_failure(run, lease, exc)
        else:
            self._conclude(run, lease)

    def _begin_anew(self, run: SyncRun, lease: RunLease) -> None:
        """The project's days are other days now: remove the old ones, and read all again; not at
        once where that has just happened, or it would go on for ever."""
        now = self.clock()
        is_first = now - run.source.created_at > self.rules.every
        upcoming = now if is_first else now + self.rules.every
        with lease.transaction():
            hint = "The project's time zone has changed; its usage is read anew."
            self._record(run, outcome=Outcome.OK, hint=hint)
            replace_source(run.source, now=now).reschedule(upcoming)
        logger.info("The time zone of %s has changed; its usage is read anew", run.source)

    def _conclude(self, run: SyncRun, lease: RunLease) -> None:
        red = run.source.days.red().count()
        if red:
            if run.kind == Kind.FULL:
                run.source.next_full_sync_at = self.clock() + FULL_EVERY
            hint = f"{red} days do not add up to what PostHog counts; the next sync reads them."
            self._fail(run, lease, ApiError(hint=hint))
            return
        now = self.clock()
        with lease.transaction() as columns:
            connection = PosthogWorkspaceConfig.objects.filter(pk=run.source.connection_id)
            connection.update(last_sync=now)
            if run.kind in (Kind.HISTORY, Kind.FULL):
                run.source.next_full_sync_at = now + FULL_EVERY
            upcoming, _ = kind_and_days(run.source, rules=self.rules, now=now)
            is_whole = upcoming != Kind.HISTORY
            run.source.next_sync_at = self._next_slot(run.source, now) if is_whole else now
            run.source.save(update_fields=["next_sync_at", "next_full_sync_at"])
            columns |= self._end(State.DONE, now)

    def _conclude_failure(
        self, run: SyncRun, lease: RunLease, error: PostHogIntegrationError
    ) -> None:
        with lease.transaction():  # Meanwhile, it may have been removed.
            run.refresh_from_db(fields=["failures"])
        if error.retryable and run.failures < _MOST_FAILURES:
            self._wait(run, lease, error)
            return
        of_key = isinstance(error, Unauthorized | NotFound) and not isinstance(error, NotConnected)
        if of_key and not self._refuse_connection(run, lease, error):
            lease.release(state=State.QUEUED)
        else:
            self._fail(run, lease, error)

    def _wait(self, run: SyncRun, lease: RunLease, error: PostHogIntegrationError) -> None:
        failures, before = run.failures, max(run.failures - 1, 0)
        pause = min(_FIRST_BACK_OFF * 2**before, _LONGEST_BACK_OFF)
        if error.retry_after is not None:
            # It is PostHog that says when, so it is no failure.
            pause = min(timedelta(seconds=error.retry_after), _LONGEST_WAIT)
            failures = before
        lease.release(
            failures=failures,
            state=State.WAITING,
            waiting_until=self.clock() + pause,
            error=_text(error),
            error_type=error.error_type,
        )

    def _fail(self, run: SyncRun, lease: RunLease, error: PostHogIntegrationError) -> None:
        now = self.clock()
        with lease.transaction() as columns:
            staging.clear(run.pk)
            run.source.next_sync_at = self._next_slot(run.source, now)
            run.source.save(update_fields=["next_sync_at", "next_full_sync_at"])
            columns |= self._end(State.FAILED, now)
            columns |= {"error": _text(error), "error_type": error.error_type}

    def _refuse_connection(
        self, run: SyncRun, lease: RunLease, error: PostHogIntegrationError
    ) -> bool:
        """PostHog's own word on the key or the project: it is asked no more until a re-check.

        Returns:
            False where it was about a key that has been replaced since.
        """
        used = run.source.connection.posthog_api_key.open()
        with lease.transaction():
            connection = PosthogWorkspaceConfig.objects.get(pk=run.source.connection_id)
            if not is_key_of(connection, used):
                return False
            connection.mark_refused(error=error.message, error_type=error.error_type)
            connection.save(
                update_fields=["is_validated", "validation_error", "last_error_type", "updated_at"]
            )
            self._record(
                run,
                outcome=Outcome.FAILED,
                error=error.message,
                error_type=error.error_type,
                hint=error.hint or "",
            )
        return True

    def _record(self, run: SyncRun, **facts: str) -> None:
        """Put into the connection's history what a sync has found out."""
        connection = run.source.connection
        PosthogConnectionEvent.objects.create(
            workspace_id=connection.workspace_id,
            occurred_at=self.clock(),
            actor_name=run.actor_name,
            action=PosthogConnectionEvent.Action.SYNC,
            posthog_host=connection.posthog_host,
            posthog_project_id=connection.posthog_project_id,
            api_key_hint=connection.api_key_hint,
            **facts,
        )

    @staticmethod
    def _end(state: str, now: datetime) -> dict[str, object]:
        return {
            "state": state,
            "finished_at": now,
            "lease_holder": "",
            "lease_expires_at": None,
            "error": "",
            "error_type": "",
        }

    def _next_slot(self, source: UsageSource, now: datetime) -> datetime:
        """The next time that is due, each connection at its own part of the hour."""
        every = self.rules.every.total_seconds()
        offset = zlib.crc32(str(source.connection_id).encode()) % every
        slots_past = (now.timestamp() - offset) // every
        return datetime.fromtimestamp((slots_past + 1) * every + offset, tz=now.tzinfo)


def _text(error: PostHogIntegrationError) -> str:
    return f"{error.message}. {error.hint or ''}".rstrip()
