"""What a sync has stored, compared with what it was told and with what was true then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from integrations_posthog.models import (
    AccountDay,
    AccountEvent,
    AccountEventDay,
    SyncDay,
    UsageSource,
)

from .oracle import Oracle, Stored, figures_of, top_events_are_right
from .readings import Counted, Reading, Readings

LONGEST_WINDOW = 28


class Usage:
    """All usage that is stored of a source."""

    def __init__(self, source: UsageSource) -> None:
        of_source = {"account__source": source}
        days = AccountDay.objects.filter(**of_source)
        event_days = AccountEventDay.objects.filter(**of_source)
        recent = AccountEvent.objects.filter(**of_source)
        numbers = ("events", "people")
        self.days = list(
            days.values_list("day", "account__key", *numbers, "people_7d", "people_28d")
        )
        self.event_days = list(
            event_days.values_list("day", "account__key", "event__name", *numbers)
        )
        self.recent = list(recent.values_list("account__key", "event__name", *numbers))

    def by_account(self) -> dict[str, Stored]:
        found: dict[str, Any] = defaultdict(lambda: Stored({}, {}, {}))
        for day, key, *numbers in self.days:
            found[key].days[day] = tuple(numbers)
        for day, key, name, *numbers in self.event_days:
            found[key].event_days[day, name] = tuple(numbers)
        for key, name, _, people in self.recent:
            found[key].recent_people[name] = people
        return dict(found)


def compare(source: UsageSource, oracle: Oracle, readings: Readings) -> None:
    """Compare all that is stored of green days with the events as they were."""
    usage, ledger = Usage(source), list(source.days.order_by("day"))
    by_day, by_event = by_first(usage.days), by_first(usage.event_days)
    for row in ledger:
        if row.state == SyncDay.State.GREEN:
            compare_day(row, by_day[row.day], by_event[row.day], oracle, readings)
    compare_recent(set(usage.recent), oracle, readings)
    compare_ledger(ledger, oracle, readings)
    compare_windows({row.day: row for row in ledger}, oracle, readings)
    compare_accounts(source, usage)


def by_first(rows: list[Any]) -> defaultdict[Any, set[Any]]:
    """The rest of each row, by its first column."""
    found = defaultdict(set)
    for first, *rest in rows:
        found[first].add(tuple(rest))
    return found


def compare_day(
    row: SyncDay, days: set[Any], event_days: set[Any], oracle: Oracle, readings: Readings
) -> None:
    day, reading = row.day, readings.days[row.day]
    at = oracle.moment
    agree(event_days, reading, lambda version: at(version, reading.horizon).events(day, 1))
    agree(days, reading, lambda version: at(version, reading.horizon).day(day))
    if reading.first == reading.last:
        assert row.unattributed == at(reading.last, reading.horizon).unattributed(day)
    assert row.events_unattributed == sum(row.unattributed.values())
    assert row.events_stored + row.events_unattributed == row.events_posthog
    assert sum(events for _, events, *_ in days) == row.events_stored
    assert row.horizon == reading.horizon


def compare_recent(recent: set[Any], oracle: Oracle, readings: Readings) -> None:
    if readings.recent is None:
        assert not recent
        return
    reading, last = readings.recent
    at = oracle.moment
    agree(recent, reading, lambda version: at(version, reading.horizon).events(last, 28))


def agree(stored: set[Any], reading: Reading, expected: Callable[[int], set[Any]]) -> None:
    """What is stored is what was true; of a reading during which something changed, each account
    as it was at one of its moments."""
    versions = [expected(version) for version in range(reading.first, reading.last + 1)]
    if len(versions) == 1:
        assert stored == versions[0]
        return
    for key in {row[0] for row in stored}.union(*({row[0] for row in v} for v in versions)):
        mine = {row for row in stored if row[0] == key}
        assert mine in [{row for row in version if row[0] == key} for version in versions]


def compare_ledger(ledger: list[SyncDay], oracle: Oracle, readings: Readings) -> None:
    """The ledger has every day, and of each what PostHog counted the last time."""
    days = [row.day for row in ledger]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    for row in ledger:
        counted = readings.counted[row.day]
        assert noted(row) == oracle.moment(counted.version, counted.horizon).counts(row.day)


def noted(row: SyncDay) -> tuple[int, datetime | None]:
    return row.events_posthog, row.last_created_at


def compare_windows(ledger: dict[date, SyncDay], oracle: Oracle, readings: Readings) -> None:
    """Where a day was counted after it had been read into a later day's windows, it was as then;
    or else that later day would not be green, but read anew."""
    for row in ledger.values():
        if row.state != SyncDay.State.GREEN:
            continue
        reading = readings.days[row.day]
        versions = range(reading.first, reading.last + 1)
        moments = [oracle.moment(version, reading.horizon) for version in versions]
        for back in range(1, LONGEST_WINDOW):
            day = ledger.get(row.day - timedelta(days=back))
            if day is not None and is_to_agree(day, reading, readings):
                assert {moment.counts(day.day) for moment in moments} == {noted(day)}


def is_to_agree(day: SyncDay, reading: Reading, readings: Readings) -> bool:
    """Whether a change of the day since it was read into other days' windows could be noticed:
    it has been counted since, and before too, unless something came in since."""
    if is_before(readings.counted[day.day], reading):
        return False
    was_known = is_before(readings.first_counted[day.day], reading, or_with_it=True)
    return was_known or (day.last_created_at or reading.horizon) > reading.horizon


def is_before(counted: Counted, reading: Reading, *, or_with_it: bool = False) -> bool:
    if or_with_it:
        return counted.version <= reading.first and counted.horizon <= reading.horizon
    return counted.version < reading.last or counted.horizon < reading.horizon


def compare_accounts(source: UsageSource, usage: Usage) -> None:
    """Each account has its figures of what is stored of it, and there are no others."""
    held = source.days.held().newest_first().values_list("day", flat=True).first()
    assert source.as_of == held
    assert not source.metrics_are_stale
    stored = usage.by_account()
    accounts = {account.key: account for account in source.accounts.all()}
    assert accounts.keys() == stored.keys()
    for key, account in accounts.items():
        assert held is not None
        expected = figures_of(stored[key], held)
        assert {name: getattr(account, name) for name in expected} == expected
        assert top_events_are_right(account.top_events, stored[key], held)


def compare_groups(source: UsageSource, oracle: Oracle) -> None:
    """Each account is named as its group, and has its properties."""
    groups = oracle.groups()
    for account in source.accounts.all():
        expected = groups.get(account.key, (account.key, {}))
        assert (account.name, account.properties) == expected


def compare_counts(source: UsageSource, oracle: Oracle, *, version: int, horizon: datetime) -> None:
    """After a sync that nothing disturbed, no recent day's count differs from PostHog's own."""
    assert source.as_of is not None
    for row in source.days.filter(day__gt=source.as_of - timedelta(days=35)):
        assert row.state == SyncDay.State.GREEN
        assert noted(row) == oracle.moment(version, horizon).counts(row.day)
