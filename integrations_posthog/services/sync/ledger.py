"""The ledger of days: which of them have to be read, and what a reading proves of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import QuerySet, Sum

from ...client.hogql import WINDOW_DAYS
from ...client.usage_replies import DayCount
from ...models import Account, AccountDay, AccountEvent, AccountEventDay, SyncDay, UsageSource
from .batches import BatchReader, Tally

State = SyncDay.State

_PLANNED = ("state", "events_posthog", "last_created_at")
_PROVEN = (
    "state",
    "events_stored",
    "events_unattributed",
    "unattributed",
    "horizon",
    "verified_at",
)


def days_between(first: date, last: date) -> Iterator[date]:
    """The days from first to last, both included."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Days to be read together.

    Attributes:
        days: rows of the ledger, newest first.
        last_day: ends the 28 days whose events are read too, with the last batch of these days;
            None where they are not.
        horizon: nothing that PostHog took in later is counted.
    """

    days: list[SyncDay]
    last_day: date | None
    horizon: datetime


def plan(
    source: UsageSource,
    *,
    counts: Iterable[DayCount],
    first: date,
    last: date,
    horizon: datetime,
    read_again_from: date | None,
) -> None:
    """Note what PostHog counts for each day, and make those days pending that have to be read:
    days that have changed, the days after them whose windows hold what has changed, and once more
    those that were not over when they were last read, and are now.

    Args:
        counts: of the days from first to last; a day without events is not among them.
        horizon: of the counts.
        read_again_from: days from here on are read even if their counts are as they were.
    """
    counted = {count.day: count for count in counts}
    known = {row.day: row for row in source.days.filter(day__range=(first, last))}
    rows = {
        day: known.get(day) or SyncDay(source=source, day=day, state=State.PENDING)
        for day in days_between(first, last)
    }
    changed = [row for day, row in rows.items() if _note_count(row, counted.get(day))]
    for row in rows.values():
        again = read_again_from is not None and row.day >= read_again_from
        has_ended = row.is_held and not row.was_over(source) and source.day_at(horizon) > row.day
        if again or has_ended or row.state == State.RED:
            row.state = State.PENDING
    for row in changed:
        for back in range(1, WINDOW_DAYS):
            later = rows.get(row.day + timedelta(days=back))
            if later is not None and _is_changed_since(row, later):
                later.state = State.PENDING
    SyncDay.objects.bulk_create(
        [row for row in rows.values() if row.state == State.PENDING],
        update_conflicts=True,
        unique_fields=["source", "day"],
        update_fields=_PLANNED,
    )


def _note_count(row: SyncDay, count: DayCount | None) -> bool:
    """Whether the count is another one than was noted before; then the day is pending."""
    now = (count.events, count.last_created_at) if count else (0, None)
    if (row.events_posthog, row.last_created_at) == now:
        return False
    row.events_posthog, row.last_created_at = now
    row.state = State.PENDING
    return True


def _is_changed_since(day: SyncDay, later: SyncDay) -> bool:
    """Whether a changed day may hold what the windows of a later day were read without.

    A day that was counted before changed somehow; one that is new to the ledger did only if
    something came in since.
    """
    if not later.is_held or later.horizon is None:
        return False
    return day.pk is not None or (day.last_created_at or later.horizon) > later.horizon


def next_batch(pending: list[SyncDay], *, size: int, today: date, horizon: datetime) -> Batch:
    """The newest pending days, of which there are so many at most.

    Args:
        pending: newest first.
        today: the project's.
    """
    days = pending[:1]
    for row in pending[1:size]:
        # What lies between two days is read for their windows, too: no more than they need.
        if days[-1].day - row.day > timedelta(days=WINDOW_DAYS):
            break
        days.append(row)
    oldest = today - timedelta(days=WINDOW_DAYS - 1)
    is_last_of_28 = days[0].day >= oldest and not any(
        row.day >= oldest for row in pending[len(days) :]
    )
    return Batch(days=days, last_day=today if is_last_of_28 else None, horizon=horizon)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a batch's sums say of its days, and whether those of the last 28 days add up."""

    proven: list[SyncDay]
    unproven: list[SyncDay]
    last_28_days: bool


def prove(source: UsageSource, batch: Batch, tally: Tally) -> Proof:
    """Compare what was read with what PostHog counts, day by day; and the last 28 days as one."""
    if not tally.is_whole:
        return Proof(proven=[], unproven=batch.days, last_28_days=False)
    proven = [
        row
        for row in batch.days
        if tally.by_event[row.day] == tally.by_day[row.day] == row.events_posthog
    ]
    return Proof(
        proven=proven,
        unproven=[row for row in batch.days if row not in proven],
        last_28_days=_last_28_days_add_up(source, batch.last_day, tally),
    )


def _last_28_days_add_up(source: UsageSource, last_day: date | None, tally: Tally) -> bool:
    if last_day is None:
        return False
    first = last_day - timedelta(days=WINDOW_DAYS - 1)
    days = source.days.filter(day__range=(first, last_day))
    return bool(tally.last_28_days == (days.aggregate(sum=Sum("events_posthog"))["sum"] or 0))


def store(
    source: UsageSource,
    *,
    reader: BatchReader,
    batch: Batch,
    proof: Proof,
    tally: Tally,
    now: datetime,
) -> None:
    """Put the proven days in place of what is stored of them, and into the ledger.

    To be called in a transaction of the run's.
    """
    _remove(source, days=[row.day for row in proof.proven if row.is_held])
    if proof.last_28_days:
        AccountEvent.objects.filter(account_id__in=_accounts(source)).delete()
    reader.place(days={row.day for row in proof.proven}, last_28_days=proof.last_28_days)
    reader.clear()
    for row in proof.proven:
        row.unattributed = dict(tally.unattributed[row.day])
        row.events_unattributed = sum(row.unattributed.values())
        row.events_stored = row.events_posthog - row.events_unattributed
        row.state, row.verified_at, row.horizon = State.GREEN, now, batch.horizon
    SyncDay.objects.bulk_update(proof.proven, _PROVEN)


def _remove(source: UsageSource, *, days: list[date]) -> None:
    if days:
        accounts = _accounts(source)
        AccountEventDay.objects.filter(account_id__in=accounts, day__in=days).delete()
        AccountDay.objects.filter(account_id__in=accounts, day__in=days).delete()


def _accounts(source: UsageSource) -> QuerySet[Account, int]:
    return source.accounts.values_list("pk", flat=True)
