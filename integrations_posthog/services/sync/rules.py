"""What the operator decides about syncs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class SyncRules:
    """How far, how often, how patiently.

    Attributes:
        settle: how long PostHog may take to store an event; what is younger waits.
        first_days: the history that is read first.
        history_days: the history that is read in the end.
        every: time between two syncs.
        lease_seconds: after which a worker that gives no sign of life has lost its run.
    """

    settle: timedelta
    first_days: int
    history_days: int
    every: timedelta
    lease_seconds: int

    @property
    def lease(self) -> timedelta:
        """The same, as a time span."""
        return timedelta(seconds=self.lease_seconds)


RECENT_DAYS = 35
"""How far back an ordinary sync looks for events that came late."""

READ_AGAIN_DAYS = 30
"""How far back a sync of all days reads again for people who were merged."""

FULL_EVERY = timedelta(days=7)

RECHECK_EVERY = timedelta(days=1)
