"""A definition replayed over what is held, and held against the accounts that converted."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from beton.models import Workspace
from integrations_posthog.errors import InvalidInput
from integrations_posthog.models import (
    Account,
    AccountDay,
    AccountEventDay,
    Signal,
    SignalDefinition,
    SignalDefinitionVersion,
    SyncDay,
    UsageEvent,
    UsageSource,
)
from integrations_posthog.services.signals.backtest import BacktestResult, replay, run_backtest
from tests.usage import store_source

pytestmark = pytest.mark.django_db

FIRST = date(2026, 3, 1)
DAYS = 100
LAST = FIRST + timedelta(days=DAYS - 1)
HORIZON = 10
BUSY = {
    "all": [
        {"measure": "events", "events": None, "days": 3, "compare": {"to": "value", "at_least": 5}}
    ]
}
EARLIEST = 2
"""The number of the first day as of which the rule can be judged."""


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """A hundred days, all of them read on the morning after the last one."""
    return hold(store_source(acme, project_timezone="Europe/Berlin"))


def hold(source: UsageSource) -> UsageSource:
    morning = datetime.combine(LAST + timedelta(days=1), time(6), tzinfo=UTC)
    SyncDay.objects.bulk_create(
        SyncDay(
            source=source,
            day=day(number),
            state="green",
            events_posthog=0,
            horizon=morning,
            verified_at=morning,
        )
        for number in range(DAYS)
    )
    for name in ("work", "upgraded"):
        UsageEvent.objects.create(source=source, name=name)
    return source


@pytest.fixture
def busy(acme: Workspace) -> SignalDefinition:
    """Five events in three days."""
    definition = SignalDefinition.objects.create(workspace=acme)
    definition.version = SignalDefinitionVersion.objects.create(
        definition=definition,
        number=1,
        name="Busy",
        rule=BUSY,
        weight=10,
        cooldown_days=0,
        actor_name="alice",
    )
    definition.save()
    return definition


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def use(
    source: UsageSource, *, busy: tuple[int, ...] = (), goal: int | None = None, people: int = 1
) -> Account:
    """An account from the first day on, that is busy on some days and upgrades on another."""
    name = f"Account {source.accounts.count()}"
    account = Account.objects.create(source=source, key=name, name=name, first_seen=FIRST)
    events = dict(UsageEvent.objects.filter(source=source).values_list("name", "pk"))
    for number in sorted({0, *busy}):
        count = 5 if number in busy else 1
        AccountDay.objects.create(
            account=account,
            day=day(number),
            events=count,
            people=1,
            people_7d=people,
            people_28d=people,
        )
    if goal is not None:
        AccountEventDay.objects.create(
            account=account, day=day(goal), event_id=events["upgraded"], events=1, people=1
        )
    return account


def fill(source: UsageSource) -> None:
    """Of 40 accounts with a signal 20 upgrade within the horizon, of 100 without one 10."""
    for number in range(40):
        use(source, busy=(20,), goal=25 if number < 20 else None)
    for number in range(100):
        use(source, goal=25 if number < 10 else None)


def backtest(definition: SignalDefinition, source: UsageSource, **asked: Any) -> BacktestResult:
    wanted: dict[str, Any] = {"goal_event": "upgraded", "horizon_days": HORIZON} | asked
    return run_backtest(definition, source=source, **wanted)


def signals(definition: SignalDefinition, source: UsageSource, *, first: date) -> float:
    """How many a backtest counts from a day on."""
    weeks = ((LAST - first).days + 1) / 7
    return round(backtest(definition, source, first=first).signals_per_week * weeks, 6)


def test_it_tells_what_the_definition_was_worth(
    busy: SignalDefinition, source: UsageSource
) -> None:
    fill(source)
    found = backtest(busy, source)
    assert (found.sample, found.accounts, found.exposed, found.goals) == ("ok", 140, 40, 30)
    assert found.precision is not None
    assert found.precision.value == 0.5
    assert found.recall is not None
    assert found.recall.value == 20 / 30
    assert found.lift is not None
    assert found.lift.value == pytest.approx(5)
    assert found.lift.low < 5 < found.lift.high
    assert found.median_lead_days == 5
    assert found.signals_per_week == pytest.approx(40 * 7 / (DAYS - EARLIEST))
    assert dict(found.caught_by_weekly_top) == {5: 5 / 30, 10: 10 / 30, 25: 20 / 30, 50: 20 / 30}
    assert found.changed_after == 0
    assert not Signal.objects.exists(), "Nothing fires"


def test_the_largest_accounts_of_a_week_are_its_best(
    busy: SignalDefinition, source: UsageSource
) -> None:
    for _ in range(10):
        use(source, busy=(20,))
    for _ in range(5):
        use(source, busy=(20,), goal=25, people=9)
    for _ in range(5):
        use(source, goal=50)
    assert dict(backtest(busy, source).caught_by_weekly_top)[5] == 0.5


def test_the_same_seed_tells_the_same(busy: SignalDefinition, source: UsageSource) -> None:
    fill(source)
    assert backtest(busy, source) == backtest(busy, source)
    assert backtest(busy, source).lift != backtest(busy, source, seed=1).lift


def test_of_few_accounts_only_counts_are_told(busy: SignalDefinition, source: UsageSource) -> None:
    use(source, busy=(20,), goal=25)
    found = backtest(busy, source)
    assert (found.sample, found.accounts, found.exposed, found.goals) == ("too_few", 1, 1, 1)
    assert (found.precision, found.recall, found.lift) == (None, None, None)


class TestPeriod:
    def test_only_signals_and_goals_within_it_count(
        self, busy: SignalDefinition, source: UsageSource
    ) -> None:
        fill(source)
        later = backtest(busy, source, first=day(30), last=day(80))
        assert (later.accounts, later.exposed, later.goals) == (140, 0, 0)
        around = backtest(busy, source, first=day(15), last=day(30))
        assert (around.exposed, around.goals) == (40, 30)
        assert around.signals_per_week == pytest.approx(40 * 7 / 16)

    def test_who_had_a_signal_before_it_is_held_against_nobody(
        self, busy: SignalDefinition, source: UsageSource
    ) -> None:
        for number in range(20):
            use(source, busy=(40,), goal=45 if number < 10 else None)
        for number in range(100):
            use(source, goal=45 if number < 10 else None)
        for number in range(50):
            use(source, busy=(20,), goal=45 if number < 25 else None)
        lift = backtest(busy, source, first=day(30)).lift
        assert lift is not None
        assert lift.value == pytest.approx(0.5 / 0.1)

    def test_who_converted_before_it_is_no_part_of_it(
        self, busy: SignalDefinition, source: UsageSource
    ) -> None:
        fill(source)
        for _ in range(20):
            use(source, busy=(60,), goal=25)
        assert backtest(busy, source, first=day(30)).exposed == 0

    def test_an_episode_that_began_before_it_is_no_signal_of_it(
        self, busy: SignalDefinition, source: UsageSource
    ) -> None:
        account = use(source, busy=(20, 21, 22, 50))
        assert busy.version is not None
        found = replay(busy.version, source=source, last=LAST)
        first, second = [(one.account_id, one.first) for one in found]
        assert (first, second) == ((account.pk, day(20)), (account.pk, day(50)))
        assert signals(busy, source, first=day(22)) == 1

    def test_signals_before_it_still_cool_down(
        self, busy: SignalDefinition, source: UsageSource
    ) -> None:
        use(source, busy=(20, 40))
        assert busy.version is not None
        busy.version.cooldown_days = 21
        assert signals(busy, source, first=day(30)) == 0
        busy.version.cooldown_days = 20
        assert signals(busy, source, first=day(30)) == 1

    @pytest.mark.parametrize(
        ("first", "last"), [(EARLIEST - 1, None), (None, DAYS), (50, 49), (DAYS, None)]
    )
    def test_outside_of_what_can_be_judged_it_is_refused(
        self, first: int | None, last: int | None, busy: SignalDefinition, source: UsageSource
    ) -> None:
        asked = {
            "first": None if first is None else day(first),
            "last": None if last is None else day(last),
        }
        with pytest.raises(InvalidInput) as refused:
            backtest(busy, source, **asked)
        assert (
            refused.value.hint
            == "from and to are days from 2026-03-03 to 2026-06-08, in this order."
        )

    def test_while_nothing_can_be_judged_it_is_too_few(
        self, busy: SignalDefinition, source: UsageSource
    ) -> None:
        fill(source)
        source.days.filter(day__lt=LAST).delete()
        found = backtest(busy, source)
        assert (found.sample, found.accounts, found.changed_after) == ("too_few", 0, 0)


class TestRefusals:
    def test_an_event_that_nobody_has_done_is_no_goal(
        self, busy: SignalDefinition, source: UsageSource
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            backtest(busy, source, goal_event="paid")
        assert refused.value.hint == "goal_event: no event 'paid' is held of this project."

    def test_an_event_of_another_project_is_no_goal(
        self, busy: SignalDefinition, source: UsageSource, globex: Workspace
    ) -> None:
        UsageEvent.objects.create(source=store_source(globex), name="theirs")
        with pytest.raises(InvalidInput):
            backtest(busy, source, goal_event="theirs")

    @pytest.mark.parametrize("days", [0, -1, 181])
    def test_the_horizon_is_from_a_day_to_half_a_year(
        self, days: int, busy: SignalDefinition, source: UsageSource
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            backtest(busy, source, horizon_days=days)
        assert refused.value.hint == "horizon_days is a whole number from 1 to 180."


class TestChanges:
    """Signals that a live run may have judged by other numbers."""

    def changed(
        self, source: UsageSource, busy: SignalDefinition, number: int, at: datetime
    ) -> int:
        source.days.filter(day=day(number)).update(last_created_at=at)
        return backtest(busy, source).changed_after

    def test_events_that_come_in_after_the_day_was_read_change_its_signals(
        self, busy: SignalDefinition, source: UsageSource
    ) -> None:
        use(source, busy=(20,))
        use(source, busy=(20,))
        use(source, busy=(50,))
        # Berlin's day 20 is over at 23:00 in UTC, and read within two hours.
        read_by = datetime.combine(day(21), time(1), tzinfo=UTC)
        assert self.changed(source, busy, 20, read_by) == 0
        assert self.changed(source, busy, 20, read_by + timedelta(seconds=1)) == 2

    def test_so_do_those_of_the_days_that_the_rule_looks_back_on(
        self, busy: SignalDefinition, source: UsageSource
    ) -> None:
        use(source, busy=(20,))
        later = datetime.combine(day(30), time(), tzinfo=UTC)
        assert self.changed(source, busy, 17, later) == 0
        assert self.changed(source, busy, 21, later) == 0
        assert self.changed(source, busy, 18, later) == 1

    def test_a_change_before_the_signals_day_was_read_is_none(
        self, busy: SignalDefinition, source: UsageSource
    ) -> None:
        use(source, busy=(20,))
        assert self.changed(source, busy, 18, datetime.combine(day(20), time(20), tzinfo=UTC)) == 0


def test_many_signals_are_looked_up_in_few_queries(
    busy: SignalDefinition, source: UsageSource, django_assert_max_num_queries: Any
) -> None:
    for _ in range(150):
        use(source, busy=(20, 40))
    with django_assert_max_num_queries(10):
        found = backtest(busy, source)
    assert found.signals_per_week == pytest.approx(300 * 7 / (DAYS - EARLIEST))
