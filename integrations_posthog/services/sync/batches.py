"""Reading a batch of days: all its pages, added up, and kept until they are put in place."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date

from ...client.usage import PostHogUsageClient, UsageRange
from ...client.usage_replies import AccountUsage
from ...errors import ApiError
from ...models import AccountDay, AccountEvent, AccountEventDay, UsageSource
from ..mapping import Mapping
from . import rows, staging
from .leases import RunLease
from .staging import EventNames


@dataclass(kw_only=True)
class Tally:
    """What a batch added up to, accounts and events without an account together.

    Attributes:
        by_event: events by day, from the rows by event.
        by_day: events by day, from the rows by day.
        last_28_days: events of the rows of the last 28 days.
        unattributed: events by day and reason.
        pages, accounts: how much has come.
        is_whole: False where the reading was given up; then it proves nothing.
    """

    by_event: Counter[date] = field(default_factory=Counter)
    by_day: Counter[date] = field(default_factory=Counter)
    last_28_days: int = 0
    unattributed: defaultdict[date, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    pages: int = 0
    accounts: int = 0
    is_whole: bool = True


MOST_PAGES = 2_000
MOST_ACCOUNTS = 1_000_000
ACCOUNTS_AT_A_TIME = 2_000
"""Kept in memory, or staged in one transaction: others wait for it, on SQLite all of them."""


class BatchReader:
    """Reads usage of a source, and puts into the tables what has proven to be whole.

    What was read is kept in memory, and goes straight into place. Only where that is too much is
    it staged in a table, as far as need be.

    Args:
        run_id: under which rows are staged.
        lease: the hold on that run.
        on_page: called after every page.
    """

    def __init__(
        self,
        *,
        run_id: int,
        source: UsageSource,
        mapping: Mapping,
        client: PostHogUsageClient,
        lease: RunLease,
        on_page: Callable[[], object] = lambda: None,
    ) -> None:
        self._run_id = run_id
        self._source = source
        self._mapping = mapping
        self._client = client
        self._lease = lease
        self._on_page = on_page
        self._events = EventNames(source)
        self._kept: list[AccountUsage] = []
        self._has_staged = True  # Perhaps; by a worker that was killed.

    def read(self, asked: UsageRange, *, parts: int = 1) -> Tally:
        """Read all usage asked for, in place of what was read before.

        A read ends where the next page is empty, not where a page is short: a server may cut
        LIMIT without a word.

        Args:
            asked: which usage.
            parts: by how many parts of the accounts, one after another.

        Raises:
            ApiError: there is no end to it.
        """
        if self._has_staged or self._kept:
            with self._lease.transaction():
                self.clear()
        tally = Tally()
        for part in range(parts):
            self._read_part(replace(asked, part=part, parts=parts), tally)
        return tally

    def _read_part(self, asked: UsageRange, tally: Tally) -> None:
        after: str | None = None
        while page := self._page(asked, after):
            self._keep(page, tally)
            tally.pages += 1
            tally.accounts += len(page)
            if tally.pages > MOST_PAGES or tally.accounts > MOST_ACCOUNTS:
                raise ApiError(hint="There are too many accounts. Choose another mapping.")
            after = page[-1].key
            self._on_page()

    def _page(self, asked: UsageRange, after: str | None) -> list[AccountUsage]:
        return self._client.usage_page(key=self._mapping.key, asked=asked, after=after)

    def _keep(self, page: list[AccountUsage], tally: Tally) -> None:
        for usage in page:
            reason = self._mapping.unattributed_reason(usage.key)
            _add_up(usage, reason, tally)
            if reason is None:
                self._kept.append(usage)
        while len(self._kept) > ACCOUNTS_AT_A_TIME:
            self._stage(self._kept[:ACCOUNTS_AT_A_TIME])
            del self._kept[:ACCOUNTS_AT_A_TIME]

    def _stage(self, usages: list[AccountUsage]) -> None:
        with self._lease.transaction():
            ids = self._ids(usages)
            staging.load(rows.staged(usages, run_id=self._run_id, ids=ids, events=self._events))
        self._has_staged = True

    def place(self, *, days: Collection[date], last_28_days: bool) -> None:
        """Put what was read of some days into the tables, where nothing of them stands.

        To be called in a transaction of the run's.

        Args:
            last_28_days: whether what was read of these, as a whole, is put in place too.
        """
        if not (days or last_28_days):
            return
        if self._has_staged:
            staging.place(run_id=self._run_id, days=days)
            if last_28_days:
                staging.place_last_28_days(run_id=self._run_id)
        if self._kept:
            ids, events = self._ids(self._kept), self._events
            staging.load(rows.event_days(self._kept, days, ids, events), into=AccountEventDay)
            staging.load(rows.days(self._kept, days, ids), into=AccountDay)
            if last_28_days:
                staging.load(rows.last_28_days(self._kept, ids, events), into=AccountEvent)

    def clear(self) -> None:
        """Forget what was read. To be called in a transaction of the run's."""
        self._kept = []
        if self._has_staged:
            staging.clear(self._run_id)
        self._has_staged = False

    def _ids(self, usages: list[AccountUsage]) -> dict[str, int]:
        """Of accounts; events are learnt, too: while rows are loaded, the database cannot be
        asked."""
        self._events.learn({name for usage in usages for name in _event_names(usage)})
        return staging.account_ids(self._source, [usage.key for usage in usages])


def _add_up(usage: AccountUsage, reason: str | None, tally: Tally) -> None:
    for by_event in usage.by_event:
        for day, events in zip(by_event.days, by_event.events, strict=True):
            tally.by_event[day] += events
            if reason is not None:
                tally.unattributed[day][reason] += events
    for by_day in usage.by_day:
        for day, events in zip(by_day.days, by_day.events, strict=True):
            tally.by_day[day] += events
    tally.last_28_days += sum(recent.events for recent in usage.last_28_days)


def _event_names(usage: AccountUsage) -> set[str]:
    return {row.event for row in usage.by_event} | {row.event for row in usage.last_28_days}
