"""The use cases of a workspace's usage: sync it, tell of it, map it to accounts, remove it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from ..errors import InvalidInput, NotConnected, NotFound
from ..models import (
    Account,
    AccountDay,
    AccountEventDay,
    SyncDay,
    SyncRun,
    UsageSource,
)
from ..models.sync import SyncDayQuerySet
from .inputs import is_id
from .mapping import parse_mapping
from .store import Action, Actor, ConnectionStore
from .sync.rules import SyncRules
from .sync.runs import ensure_source, remove_source, replace_source, start_run

LONGEST_RANGE = timedelta(days=366)
USUAL_RANGE = timedelta(days=90)


@dataclass(frozen=True, kw_only=True)
class LedgerSummary:
    """All days together. ``first`` and ``last`` are None, and the rest 0, where there are none."""

    first: date | None = None
    last: date | None = None
    green: int = 0
    red: int = 0
    pending: int = 0
    events_posthog: int = 0
    events_stored: int = 0
    events_unattributed: int = 0
    verified_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SyncStatus:
    """How syncing stands. ``state`` is never, running, waiting, done or failed."""

    state: str
    as_of: date | None = None
    run: SyncRun | None = None
    eta_seconds: int | None = None
    ledger: LedgerSummary = LedgerSummary()


@dataclass(frozen=True, kw_only=True)
class MappingStatus:
    """What makes an account of an event, and what else could; None where nothing is chosen yet.

    ``coverage`` has, for each choice, strategy, value, events, share (0 to 1) and accounts.
    """

    strategy: str | None = None
    value: str | None = None
    coverage: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class AccountUsage:
    """An account's usage of some days, oldest first."""

    first: date
    last: date
    daily: list[dict[str, Any]]
    by_event: list[dict[str, Any]]


class UsageService:
    """The usage of one workspace, acted upon by one actor.

    Args:
        workspace: an instance of the host's workspace model.
        actor: who acts.
        clock: tells the time, with its zone.
        rules: what the operator decides about syncs.
    """

    def __init__(
        self,
        *,
        workspace: models.Model,
        actor: Actor,
        clock: Callable[[], datetime],
        rules: SyncRules,
    ) -> None:
        self.workspace = workspace
        self._actor = actor
        self._clock = clock
        self._rules = rules
        self._store = ConnectionStore(workspace=workspace, actor=actor, clock=clock)

    def request_sync(self, *, full: bool = False, days: int | None = None) -> SyncRun:
        """A run to be performed by somebody: a new one, or one that was left.

        Args:
            full: read the last month again, and compare all days that are held.
            days: look at just so many days; None for those that are due.

        Raises:
            NotConfigured: nothing is connected.
            NotConnected: the connection is not active, or PostHog refused its key.
            SyncRunning: a run is under way, or waits.
        """
        with self._store.transaction():
            config = self._store.existing_config()
            if not (config.is_active and config.is_validated and config.posthog_host):
                raise NotConnected
            return start_run(
                ensure_source(config, now=self._clock()),
                rules=self._rules,
                actor_name=self._actor.name,
                now=self._clock(),
                full=full,
                days=days,
            )

    def sync_status(self) -> SyncStatus:
        """How syncing stands; asks nobody."""
        source = self.source()
        if source is None:
            return SyncStatus(state="never")
        run = source.runs.newest_first().first()
        return SyncStatus(
            state=_state_of(run),
            as_of=source.as_of,
            run=run,
            eta_seconds=_eta_seconds(run, now=self._clock()) if run else None,
            ledger=_ledger_summary(source),
        )

    def source(self) -> UsageSource | None:
        """What is stored of usage hangs on it; None where nothing was ever synced."""
        return UsageSource.objects.filter(connection__workspace_id=self.workspace.pk).first()

    def days(self) -> SyncDayQuerySet:
        """The ledger."""
        return SyncDay.objects.filter(source__connection__workspace_id=self.workspace.pk)

    def runs(self) -> QuerySet[SyncRun]:
        """All runs over what is stored."""
        return SyncRun.objects.filter(source__connection__workspace_id=self.workspace.pk)

    def accounts(self) -> QuerySet[Account]:
        """The accounts, with their figures; those whose figures are still to come are left out."""
        accounts = Account.objects.filter(source__connection__workspace_id=self.workspace.pk)
        return accounts.exclude(first_seen=None).select_related("source").defer("properties")

    def account(self, account_id: str) -> Account:
        """One account.

        Raises:
            NotFound: there is none with this id in this workspace.
        """
        mine = self.accounts()
        account = mine.filter(pk=int(account_id)).first() if is_id(account_id) else None
        if account is None:
            raise NotFound(hint="There is no such account in this workspace.")
        return account

    def account_usage(
        self, account: Account, *, first: date | None = None, last: date | None = None
    ) -> AccountUsage:
        """An account's usage day by day, by default of the last 90 days held.

        Raises:
            InvalidInput: the days are the wrong way round, or more than 366.
        """
        last = last or account.source.as_of or self._clock().date()
        first = first or max(last, date.min + USUAL_RANGE) - USUAL_RANGE + timedelta(days=1)
        if not timedelta(0) <= last - first < LONGEST_RANGE:
            raise InvalidInput(hint="Ask for 1 to 366 days, the first one first.")
        days = Q(account=account, day__range=(first, last))
        daily = AccountDay.objects.filter(days).order_by("day")
        by_event = AccountEventDay.objects.filter(days).order_by("day", "-events", "event__name")
        return AccountUsage(
            first=first,
            last=last,
            daily=[
                dict(row)
                for row in daily.values("day", "events", "people", "people_7d", "people_28d")
            ],
            by_event=[
                {"event": event, "day": day, "events": events, "people": people}
                for event, day, events, people in by_event.values_list(
                    "event__name", "day", "events", "people"
                )
            ],
        )

    def mapping(self) -> MappingStatus:
        """What makes an account of an event, and how much each choice covers."""
        source = self.source()
        if source is None:
            return MappingStatus()
        return MappingStatus(
            strategy=source.strategy or None,
            value=(source.value or None) if source.strategy else None,
            coverage=tuple(source.coverage),
        )

    def change_mapping(self, *, strategy: str, value: str | None = None) -> SyncRun | None:
        """Map events to accounts in another way; all usage is removed, to be read anew.

        Returns:
            The run that reads it, to be performed by somebody; None where nothing has changed, or
            the connection cannot be used.

        Raises:
            InvalidMapping: PostHog cannot be asked for this one.
            NotConfigured: nothing is connected.
        """
        mapping = parse_mapping(strategy=strategy, value=value)
        with self._store.transaction():
            source = ensure_source(self._store.existing_config(), now=self._clock())
            if (source.strategy, source.value) == (mapping.strategy, mapping.value):
                return None
            replace_source(
                source, now=self._clock(), strategy=mapping.strategy, value=mapping.value
            )
            self._store.record(Action.MAPPING)
            with suppress(NotConnected):
                return self.request_sync()
        return None

    def purge(self, *, confirm: str) -> None:
        """Remove all usage of the workspace; the connection stays.

        Args:
            confirm: the workspace's slug or id, so that nobody removes it by accident.

        Raises:
            InvalidInput: it is not that.
            NotConfigured: nothing is connected.
        """
        names = {str(self.workspace.pk), getattr(self.workspace, "slug", None)}
        if confirm not in names:
            raise InvalidInput(hint="Confirm with the workspace's slug or id.")
        with self._store.transaction():
            config = self._store.existing_config()
            for source in UsageSource.objects.filter(connection=config):
                remove_source(source)
            config.last_sync = None
            config.save(update_fields=["last_sync", "updated_at"])
            self._store.record(Action.PURGE)


def _state_of(run: SyncRun | None) -> str:
    if run is None:
        return "never"
    return "running" if run.state == SyncRun.State.QUEUED else run.state


def _eta_seconds(run: SyncRun, *, now: datetime) -> int | None:
    if run.finished_at or not run.started_at or not run.days_done:
        return None
    took = (now - run.started_at).total_seconds()
    return round(took / run.days_done * max(run.days_total - run.days_done, 0))


def _ledger_summary(source: UsageSource) -> LedgerSummary:
    states = {state: Count("pk", filter=Q(state=state)) for state in SyncDay.State.values}
    return LedgerSummary(
        **source.days.aggregate(
            first=Min("day"),
            last=Max("day"),
            events_posthog=Sum("events_posthog", default=0),
            events_stored=Sum("events_stored", default=0),
            events_unattributed=Sum("events_unattributed", default=0),
            verified_at=Max("verified_at"),
            **states,
        )
    )
