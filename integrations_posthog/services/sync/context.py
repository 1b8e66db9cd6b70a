"""What a run works with: the hold on it, the project that is asked, the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from ...client.hosts import Network, allowed_origin
from ...client.transport import Transport
from ...client.usage import PostHogUsageClient
from ...client.usage_replies import QueryAnswer
from ...models import SyncRun, UsageSource
from .leases import QUERY_SECONDS, RunLease, query_turn
from .rules import SyncRules

MAX_REPLY_BYTES = 8_000_000
"""Above which a reply is too large, and less is asked for."""

LONGEST_TURN = timedelta(minutes=10)
"""After which a run makes way for others that wait for a worker."""

_READ_TIMEOUT = 50.0
"""PostHog lets a query run 10 s, older ones 60 s, after up to 30 s in the queue."""


class TimezoneChangedError(Exception):
    """The project's time zone is another one than that of the stored days."""


class TurnOverError(Exception):
    """The run has taken long enough for now; it goes on when others have had their turn."""


class RunContext:
    """One run in the hands of one worker.

    Args:
        run: held by ``lease``.
        lease: the hold.
        api_key: in clear.
        network: what the operator allows.
        rules: what the operator decides.
        clock: tells the time, with its zone.
        sleep: waits for so many seconds.
        on_progress: called with the run whenever it has come further.

    Raises:
        InvalidHost: the operator trusts the project's host no longer.
    """

    def __init__(
        self,
        *,
        run: SyncRun,
        lease: RunLease,
        api_key: str,
        network: Network,
        rules: SyncRules,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
        on_progress: Callable[[SyncRun], object] = lambda run: None,
    ) -> None:
        self.run = run
        self.lease = lease
        self.source: UsageSource = run.source
        self.clock = clock
        self._began = clock()
        self._rules = rules
        self._sleep = sleep
        self._on_progress = on_progress
        self._api_key = api_key
        self._network = network
        self.client = PostHogUsageClient(
            origin=allowed_origin(
                self.source.posthog_host, trusted_origins=network.trusted_origins
            ),
            project_id=self.source.posthog_project_id,
            new_transport=self._new_transport,
            turn=self._turn,
            on_answer=self._note_answer,
        )

    def __repr__(self) -> str:
        return f"<RunContext {self.run.pk}>"

    def _new_transport(self) -> Transport:
        return Transport(
            api_key=self._api_key,
            network=self._network,
            seconds=QUERY_SECONDS,
            spare_requests=0,
            read_timeout=_READ_TIMEOUT,
            max_bytes=MAX_REPLY_BYTES,
        )

    def give_way(self) -> None:
        """To be called now and then.

        Raises:
            TurnOverError: the run has been at work for long.
        """
        if self.clock() - self._began > LONGEST_TURN:
            raise TurnOverError

    def horizon(self) -> datetime:
        """Up to when PostHog has surely stored all that it took in."""
        return self.clock() - self._rules.settle

    def today(self) -> date:
        """The project's day."""
        return self.source.day_at(self.clock())

    @contextmanager
    def step(self) -> Iterator[dict[str, object]]:
        """A transaction of the run's, with columns of the run to change at its end.

        Raises:
            LeaseLostError: the run was not held any more; nothing was written.
        """
        with self.lease.transaction() as columns:
            yield columns
        self._note_progress(columns)

    def _note_progress(self, columns: dict[str, object]) -> None:
        for name, value in columns.items():
            setattr(self.run, name, value)
        self._on_progress(self.run)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        turn = query_turn(
            host=self.source.posthog_host,
            project_id=self.source.posthog_project_id,
            holder=f"{self.run.pk}:{self.lease.holder[:12]}",
            clock=self.clock,
            sleep=self._wait,
        )
        with turn:
            self.run.requests += 1
            self.lease.update(requests=self.run.requests)
            yield

    def _wait(self, seconds: float) -> None:
        self.lease.update()
        self._sleep(seconds)

    def _note_answer(self, answer: QueryAnswer, size: int) -> None:
        self.run.bytes_read += size
        self.lease.update(bytes_read=self.run.bytes_read)
        if not self.source.project_timezone:
            self.source.project_timezone = answer.timezone
            with self.step():
                self.source.save(update_fields=["project_timezone"])
        elif self.source.project_timezone != answer.timezone:
            raise TimezoneChangedError
