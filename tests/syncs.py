"""A workspace's syncs against the stand-in PostHog, with a clock that the test sets; and what is
stored of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from beton.models import Workspace
from integrations_posthog.models import (
    AccountDay,
    AccountEvent,
    AccountEventDay,
    PosthogWorkspaceConfig,
    SyncRun,
    UsageSource,
)
from integrations_posthog.sandbox import KEYS, Key, Sandbox
from integrations_posthog.services.sync import runs, schedule
from integrations_posthog.services.sync.figures import FIGURES
from integrations_posthog.services.sync.performer import Performer
from integrations_posthog.services.sync.rules import SyncRules
from integrations_posthog.wiring import operator_network
from tests.connections import connect

NOON = (datetime.now(UTC) + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
"""When syncs begin, and what time it is for their PostHog: hours before any midnight, whatever the
time is when the tests run."""

RULES = SyncRules(
    settle=timedelta(minutes=5),
    first_days=40,
    history_days=60,
    every=timedelta(hours=1),
    lease_seconds=120,
)


@dataclass(kw_only=True)
class Syncs:
    """A workspace's syncs. ``now`` is their time; ``waits`` is how long they slept, in seconds."""

    connection: PosthogWorkspaceConfig
    now: datetime
    waits: list[float]
    rules: SyncRules = RULES

    @property
    def source(self) -> UsageSource:
        return UsageSource.objects.get(connection=self.connection)

    @property
    def performer(self) -> Performer:
        return Performer(
            network=operator_network(),
            rules=self.rules,
            clock=lambda: self.now,
            sleep=self.waits.append,
        )

    def start(self, *, full: bool = False) -> SyncRun:
        """A new run, which nobody performs yet."""
        source = runs.ensure_source(self.connection, now=self.now)
        return runs.start_run(source, rules=self.rules, actor_name="alice", now=self.now, full=full)

    def perform(self, run: SyncRun) -> SyncRun:
        """Perform a run as far as it goes now."""
        found = self.performer.perform(run.pk)
        assert found is not None
        return found

    def sync(self, *, full: bool = False) -> SyncRun:
        """Start a run and perform it."""
        return self.perform(self.start(full=full))

    def sync_history(self) -> None:
        """Sync until all of the history is held."""
        while self.sync().kind != SyncRun.Kind.RECENT or not self.is_whole():
            pass

    def is_whole(self) -> bool:
        return self.source.days.held().count() >= self.rules.history_days

    def tick(self) -> list[SyncRun]:
        """What the schedule does every minute; gives the runs that were performed."""
        schedule.start_due_runs(rules=self.rules, now=self.now)
        ids = schedule.runs_to_perform(now=self.now)
        return [run for run in map(self.performer.perform, ids) if run is not None]

    def with_rules(self, **changes: object) -> Syncs:
        return replace(self, rules=replace(self.rules, **changes))  # type: ignore[arg-type]


def syncs_of(workspace: Workspace, key: Key = KEYS.full) -> Syncs:
    """Connect a workspace to the stand-in PostHog of ``posthog_at_noon``, to sync it."""
    return Syncs(connection=connect(workspace, key), now=NOON, waits=[])


@contextmanager
def posthog_at_noon() -> Iterator[Sandbox]:
    with Sandbox(clock=lambda: NOON) as sandbox:
        yield sandbox


def stored(source: UsageSource) -> dict[str, set[tuple[object, ...]]]:
    """All that is stored of a source's usage, but for ids and the times of reading."""
    days = AccountDay.objects.filter(account__source=source)
    event_days = AccountEventDay.objects.filter(account__source=source)
    events = AccountEvent.objects.filter(account__source=source)
    numbers = ("events", "people")
    people = ("people_7d", "people_28d")
    return {
        "ledger": {
            (day.day, day.state, day.events_posthog, day.events_stored, str(day.unattributed))
            for day in source.days.all()
        },
        "days": set(days.values_list("account__key", "day", *numbers, *people)),
        "event days": set(event_days.values_list("account__key", "event__name", "day", *numbers)),
        "events": set(events.values_list("account__key", "event__name", *numbers)),
        "accounts": {
            tuple(str(getattr(account, name)) for name in ACCOUNT_COLUMNS)
            for account in source.accounts.all()
        },
    }


ACCOUNT_COLUMNS = ("key", "name", "properties", *FIGURES)
