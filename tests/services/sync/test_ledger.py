"""The ledger: what a changed count has read anew, and what a reading proves."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from beton.models import Workspace
from integrations_posthog.client.usage_replies import DayCount
from integrations_posthog.models import (
    Account,
    AccountEvent,
    SyncDay,
    UsageEvent,
    UsageSource,
)
from integrations_posthog.services.sync import ledger
from integrations_posthog.services.sync.batches import Tally
from integrations_posthog.services.sync.ledger import Batch, Proof
from tests.usage import AS_OF, store_source

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
HELD = 60


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's: 60 days, each of 10 events, read at noon; the last of them had come an hour before.

    Windows are of 28 days.
    """
    source = store_source(acme, as_of=AS_OF)
    SyncDay.objects.bulk_create(
        SyncDay(source=source, state="green", **facts_of(ago)) for ago in range(HELD)
    )
    return source


def facts_of(ago: int) -> dict[str, object]:
    return {
        "day": day(ago),
        "events_posthog": 10,
        "last_created_at": NOON - HOUR,
        "horizon": NOON,
        "verified_at": NOON,
    }


def day(ago: int) -> date:
    return AS_OF - timedelta(days=ago)


def planned(
    source: UsageSource,
    *changed: DayCount,
    first: int = HELD - 1,
    again: int | None = None,
    horizon: datetime = NOON,
) -> list[int]:
    """How many days ago the days are that are pending after these counts have come in."""
    counts = {day(ago): DayCount(day(ago), 10, NOON - HOUR) for ago in range(first + 1)}
    counts |= {count.day: count for count in changed}
    ledger.plan(
        source,
        counts=[count for count in counts.values() if count.events],
        first=day(first),
        last=day(0),
        horizon=horizon,
        read_again_from=None if again is None else day(again),
    )
    pending = source.days.pending().values_list("day", flat=True)
    return sorted((AS_OF - one).days for one in pending)


class TestPlan:
    def test_what_is_as_it_was_is_not_read_again(self, source: UsageSource) -> None:
        assert planned(source) == []

    @pytest.mark.parametrize(
        ("events", "last"),
        [(11, NOON + HOUR), (9, NOON - HOUR), (10, NOON + HOUR), (0, NOON)],
        ids=["came late", "deleted", "came late and as many deleted", "all deleted"],
    )
    def test_a_changed_day_is_and_the_27_whose_windows_hold_it(
        self, source: UsageSource, events: int, last: datetime
    ) -> None:
        assert planned(source, DayCount(day(40), events, last)) == list(range(13, 41))

    @pytest.mark.parametrize(
        ("zone", "ends"), [("UTC", "2026-11-23 00:00"), ("America/Los_Angeles", "2026-11-23 08:00")]
    )
    def test_a_day_that_was_not_over_is_read_once_more_when_it_is(
        self, source: UsageSource, zone: str, ends: str
    ) -> None:
        source.project_timezone = zone
        end = datetime.fromisoformat(f"{ends}+00:00")
        assert planned(source, horizon=end - timedelta(minutes=1)) == []
        assert planned(source, horizon=end) == [0]
        source.days.update(state="green", horizon=end)
        assert planned(source, horizon=end + HOUR) == []

    def test_there_are_no_days_after_today(self, source: UsageSource) -> None:
        assert planned(source, DayCount(day(2), 11, NOON + HOUR)) == [0, 1, 2]

    def test_a_day_that_was_counted_but_never_read_has_later_ones_renewed_too(
        self, source: UsageSource
    ) -> None:
        unread = {"state": "pending", "horizon": None, "verified_at": None}
        source.days.filter(day__lte=day(30)).update(**unread)
        assert planned(source) == list(range(30, HELD))
        found = planned(source, DayCount(day(31), 9, NOON - HOUR))
        assert found == list(range(4, HELD))

    @pytest.mark.parametrize(("came", "renewed"), [(NOON, []), (NOON + HOUR, list(range(33, 60)))])
    def test_a_day_that_is_new_has_them_renewed_if_something_came_since(
        self, source: UsageSource, came: datetime, renewed: list[int]
    ) -> None:
        found = planned(source, DayCount(day(60), 10, came), first=60)
        assert found == [*renewed, 60]

    def test_a_day_that_is_pending_already_stays_so_whatever_it_counts(
        self, source: UsageSource
    ) -> None:
        source.days.filter(day=day(3)).update(state="pending")
        assert planned(source) == [3]

    def test_red_days_and_those_to_be_read_again_are(self, source: UsageSource) -> None:
        source.days.filter(day=day(50)).update(state="red")
        assert planned(source, again=2) == [0, 1, 2, 50]


def batch(*rows: SyncDay, last_day: date | None = None) -> Batch:
    return Batch(days=list(rows), last_day=last_day, horizon=NOON)


class TestBatch:
    def pending(self, *ago: int) -> list[SyncDay]:
        return [SyncDay(day=day(each)) for each in ago]

    def test_it_has_the_newest_of_them_so_many_at_most(self) -> None:
        days = self.pending(0, 1, 2, 3)
        found = ledger.next_batch(days, size=3, today=day(0), horizon=NOON)
        assert found.days == days[:3]

    def test_days_that_lie_far_apart_are_not_read_together(self) -> None:
        days = self.pending(0, 28, 57)
        found = ledger.next_batch(days, size=9, today=day(0), horizon=NOON)
        assert found.days == days[:2]

    @pytest.mark.parametrize(("ago", "is_recent"), [(27, True), (28, False)])
    def test_the_last_28_days_are_read_with_those_that_are_among_them(
        self, ago: int, is_recent: bool
    ) -> None:
        found = ledger.next_batch(self.pending(ago), size=1, today=day(0), horizon=NOON)
        assert found.last_day == (day(0) if is_recent else None)

    def test_they_are_read_once_with_the_last_of_these(self) -> None:
        days = self.pending(0, 1, 27, 28)
        first, second = (
            ledger.next_batch(some, size=2, today=day(0), horizon=NOON) for some in (days, days[2:])
        )
        assert (first.last_day, second.last_day) == (None, day(0))


class TestProof:
    @pytest.mark.parametrize(
        ("by_event", "by_day", "is_proven"),
        [(10, 10, True), (9, 10, False), (10, 9, False), (9, 9, False), (11, 11, False)],
    )
    def test_a_day_is_proven_where_both_sums_are_what_posthog_counts(
        self, source: UsageSource, by_event: int, by_day: int, is_proven: bool
    ) -> None:
        row = source.days.get(day=day(0))
        tally = Tally(by_event=Counter({day(0): by_event}), by_day=Counter({day(0): by_day}))
        proof = ledger.prove(source, batch(row), tally)
        assert (proof.proven == [row], proof.unproven == [row]) == (is_proven, not is_proven)

    @pytest.mark.parametrize(
        ("events", "is_proven"), [(280, True), (279, False), (281, False), (290, False)]
    )
    def test_the_last_28_days_are_where_their_sum_is(
        self, source: UsageSource, events: int, is_proven: bool
    ) -> None:
        row = source.days.get(day=day(0))
        proof = ledger.prove(source, batch(row, last_day=day(0)), Tally(last_28_days=events))
        assert proof.last_28_days == is_proven

    def test_they_are_not_where_nobody_asked(self, source: UsageSource) -> None:
        row = source.days.get(day=day(40))
        assert not ledger.prove(source, batch(row), Tally(last_28_days=280)).last_28_days


class Reader:
    """Has read one event of the last 28 days."""

    def __init__(self, read: AccountEvent) -> None:
        self._read = read

    def place(self, *, days: set[date], last_28_days: bool) -> None:
        if last_28_days:
            self._read.save(force_insert=True)

    def clear(self) -> None:
        pass


@pytest.mark.parametrize(("is_proven", "kept"), [(True, 5), (False, 3)])
def test_events_of_the_last_28_days_are_replaced_only_where_they_are_proven(
    source: UsageSource, is_proven: bool, kept: int
) -> None:
    account = Account.objects.create(source=source, key="a", name="a")
    event = UsageEvent.objects.create(source=source, name="signup")
    AccountEvent.objects.create(account=account, event=event, events=3, people=1)
    reader = Reader(AccountEvent(account=account, event=event, events=5, people=1))
    ledger.store(
        source,
        reader=reader,  # type: ignore[arg-type]
        batch=batch(last_day=day(0)),
        proof=Proof(proven=[], unproven=[], last_28_days=is_proven),
        tally=Tally(),
        now=NOON,
    )
    assert AccountEvent.objects.get().events == kept
