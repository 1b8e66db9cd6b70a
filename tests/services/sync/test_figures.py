"""An account's figures: each window ends with the last day held, and is as long as it is named."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from beton.models import Workspace
from integrations_posthog.models import (
    Account,
    AccountDay,
    AccountEvent,
    AccountEventDay,
    UsageEvent,
    UsageSource,
)
from integrations_posthog.services.sync import figures
from integrations_posthog.services.sync.figures import refresh
from tests.usage import AS_OF, store_source


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's, with no account yet."""
    return store_source(acme, as_of=AS_OF)


def day(ago: int) -> date:
    return AS_OF - timedelta(days=ago)


def an_account(source: UsageSource, name: str = "initech", **events: int) -> Account:
    """Of which so many events are stored of the day so long ago: ``ago_7=3``."""
    account = Account.objects.create(source=source, key=name, name=name)
    for ago, count in events.items():
        add_day(account, ago=int(ago.removeprefix("ago_")), events=count)
    return account


def add_day(
    account: Account, *, ago: int, events: int, people: tuple[int, int, int] = (1, 1, 1)
) -> None:
    AccountDay.objects.create(
        account=account,
        day=day(ago),
        events=events,
        people=people[0],
        people_7d=people[1],
        people_28d=people[2],
    )


def refreshed(account: Account) -> Account:
    refresh(account.source, as_of=AS_OF)
    account.refresh_from_db()
    return account


def test_windows_of_events_begin_and_end_on_their_days(source: UsageSource) -> None:
    edges = (0, 6, 7, 13, 14, 27, 28, 55, 56)
    events = {f"ago_{ago}": 2**number for number, ago in enumerate(edges)}
    account = refreshed(an_account(source, **events))
    assert account.events_7d == 2**0 + 2**1
    assert account.events_7d_before == 2**2 + 2**3
    assert account.events_28d == sum(2**number for number in range(6))
    assert account.events_28d_before == 2**6 + 2**7


def test_the_trend_is_of_twelve_weeks_the_oldest_first(source: UsageSource) -> None:
    account = refreshed(an_account(source, ago_84=64, ago_83=1, ago_77=2, ago_76=4, ago_0=8))
    assert account.trend == [3, 4, *[0] * 9, 8]


def test_days_without_events_are_not_active_and_nobody_is_seen_on_them(
    source: UsageSource,
) -> None:
    account = refreshed(an_account(source, ago_40=5, ago_30=1, ago_27=2, ago_3=2, ago_1=0))
    assert account.active_days_28d == 2
    assert (account.first_seen, account.last_seen) == (day(40), day(3))


def test_people_are_those_of_the_last_day_s_windows(source: UsageSource) -> None:
    account = an_account(source)
    add_day(account, ago=0, events=0, people=(0, 3, 9))
    add_day(account, ago=1, events=4, people=(2, 5, 11))
    refreshed(account)
    assert (account.people_1d, account.people_7d, account.people_28d) == (0, 3, 9)


def test_who_was_there_long_ago_alone_has_figures_of_nothing(source: UsageSource) -> None:
    account = an_account(source, ago_100=7)
    account.events_28d = account.people_7d = account.active_days_28d = 99
    account.save()
    refreshed(account)
    assert (account.events_28d, account.people_7d, account.active_days_28d) == (0, 0, 0)
    assert (account.trend, account.top_events) == ([0] * 12, [])
    assert account.last_seen == day(100)


def test_the_five_most_used_events_are_told_and_all_are_counted(source: UsageSource) -> None:
    account = an_account(source, ago_0=1)
    used = {"f": 1, "b": 5, "a": 5, "c": 9, "d": 3, "e": 2}
    for name, count in used.items():
        event = UsageEvent.objects.create(source=source, name=name)
        AccountEventDay.objects.create(
            account=account, event=event, day=day(0), events=count, people=1
        )
        AccountEvent.objects.create(account=account, event=event, events=0, people=2)
    refreshed(account)
    assert [one["event"] for one in account.top_events] == ["c", "a", "b", "d", "e"]
    assert account.top_events[0] == {"event": "c", "events": 9, "people": 2}
    assert account.distinct_events_28d == 6


def test_an_account_of_which_nothing_is_stored_any_more_is_removed(source: UsageSource) -> None:
    an_account(source, "empty")
    refreshed(an_account(source, "initech", ago_0=1))
    assert Account.objects.get().key == "initech"


def test_many_accounts_are_computed_part_by_part_and_those_of_others_left_alone(
    source: UsageSource, globex: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "_ACCOUNTS_AT_A_TIME", 2)
    other = store_source(globex, as_of=AS_OF)
    for number in range(5):
        an_account(source, f"ours {number}", ago_0=number + 1)
        an_account(other, f"theirs {number}", ago_0=100)
    an_account(other, "empty")
    refresh(source, as_of=AS_OF)
    assert [one.events_7d for one in source.accounts.order_by("id")] == [1, 2, 3, 4, 5]
    assert list(other.accounts.values_list("events_7d", flat=True)) == [0] * 6
