"""Who may work: one worker for a run, one query at a time for a project.

Both are rows that are taken by one conditional UPDATE, which every database does as a whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import F, Q

from ...errors import ServiceUnavailable
from ...models import QueryTurn, SyncRun
from ..locks import lock_workspace

State = SyncRun.State

QUERY_SECONDS = 60
"""How long a query may take, PostHog's own limits and the reply's way included."""

_TURN_SECONDS = QUERY_SECONDS + 15
_MOST_PATIENCE = 90.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class LeaseLostError(Exception):
    """The run is no longer this worker's: stopped, removed, or taken over by another one."""


class RunLease:
    """A worker's hold on a run.

    Args:
        run_id: of the run that is held.
        seconds: how long the hold lasts when it is not renewed.
        clock: tells the time, with its zone.
    """

    def __init__(self, *, run_id: int, seconds: int, clock: Callable[[], datetime]) -> None:
        self.holder = str(uuid4())
        self._run_id = run_id
        self._duration = timedelta(seconds=seconds)
        self._clock = clock

    def take(self) -> bool:
        """Get hold of the run, unless somebody has it, or it has ended or waits.

        Counts as a failure until the run has come further: a worker may be killed at any time.
        """
        now = self._clock()
        taken = (
            SyncRun.objects.free(now=now)
            .filter(pk=self._run_id)
            .update(
                lease_holder=self.holder,
                lease_expires_at=now + self._duration,
                state=State.RUNNING,
                waiting_until=None,
                failures=F("failures") + 1,
            )
        )
        return taken == 1

    def update(self, **columns: object) -> None:
        """Renew the hold, and change columns of the run, if it is still held.

        Raises:
            LeaseLostError: it is not.
        """
        columns = {"lease_expires_at": self._clock() + self._duration} | columns
        held = SyncRun.objects.unfinished().filter(pk=self._run_id, lease_holder=self.holder)
        if not held.update(**columns):
            raise LeaseLostError

    @contextmanager
    def transaction(self) -> Iterator[dict[str, object]]:
        """A transaction during which nobody can take the run over.

        Yields:
            Columns of the run to change at the end.

        Raises:
            LeaseLostError: the run was not held any more; nothing was written.
        """
        with transaction.atomic():
            if not lock_workspace(posthog_config__usage_source__runs=self._run_id):
                raise LeaseLostError
            self.update()
            columns: dict[str, object] = {}
            yield columns
            if columns:
                self.update(**columns)

    def release(self, **columns: object) -> None:
        """Let go of the run, and change columns of it.

        Raises:
            LeaseLostError: it was not held any more.
        """
        self.update(lease_holder="", lease_expires_at=None, **columns)


@contextmanager
def query_turn(
    *,
    host: str,
    project_id: str,
    holder: str,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Wait for one's turn to query the project, and have it meanwhile.

    Args:
        holder: who asks: a run's id and, after a colon, which of its workers. Whoever goes on with
            a dead worker's run need not wait for that one's turn to pass.

    Raises:
        ServiceUnavailable: the others took too long.
    """
    pause, patience = _FIRST_PAUSE, _MOST_PATIENCE
    while not _take_turn(host=host, project_id=project_id, holder=holder, now=clock()):
        if patience <= 0:
            raise ServiceUnavailable(hint="Other syncs of the same project are at work.")
        sleep(pause)
        patience -= pause
        pause = min(pause * 2, _LONGEST_PAUSE)
    try:
        yield
    finally:
        QueryTurn.objects.filter(
            posthog_host=host, posthog_project_id=project_id, holder=holder
        ).update(holder="")


def _take_turn(*, host: str, project_id: str, holder: str, now: datetime) -> bool:
    expires_at = now + timedelta(seconds=_TURN_SECONDS)
    turn = QueryTurn.objects.filter(posthog_host=host, posthog_project_id=project_id)
    of_my_run = Q(holder__startswith=f"{holder.partition(':')[0]}:")
    mine = Q(holder="") | of_my_run | Q(expires_at__lt=now)
    if turn.filter(mine).update(holder=holder, expires_at=expires_at):
        return True
    # Whoever comes first makes the row, and it stays.
    new = QueryTurn(
        posthog_host=host, posthog_project_id=project_id, holder=holder, expires_at=expires_at
    )
    QueryTurn.objects.bulk_create([new], ignore_conflicts=True)
    return turn.filter(holder=holder).exists()
