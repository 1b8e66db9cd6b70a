"""An episode fires once, on its first day, and not while the last signal still cools down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from integrations_posthog.pql.episodes import Episode, firing

START = date(2026, 3, 1)


def day(number: int) -> date:
    return START + timedelta(days=number)


def episode(first: int, until: int | None = None, *, account_id: int = 1) -> Episode:
    until_day = None if until is None else day(until)
    return Episode(account_id=account_id, first=day(first), until=until_day)


def fires(
    *episodes: Episode, fired: dict[int, Sequence[int]] | None = None, cooldown_days: int = 0
) -> list[tuple[int, int]]:
    """Account and day of each that fires."""
    known = {account: [day(one) for one in days] for account, days in (fired or {}).items()}
    found = firing(episodes, fired=known, cooldown_days=cooldown_days)
    return [(one.account_id, (one.first - START).days) for one in found]


def test_each_episode_fires_on_its_first_day_in_the_order_of_days() -> None:
    found = fires(episode(9), episode(2, 5), episode(2, 3, account_id=7))
    assert found == [(1, 2), (7, 2), (1, 9)]


def test_what_has_fired_within_an_episode_is_that_episode() -> None:
    assert fires(episode(2, 6), fired={1: [2]}) == []
    assert fires(episode(2, 6), fired={1: [5]}) == []
    assert fires(episode(2), fired={1: [500]}) == []


def test_what_fired_before_or_after_an_episode_is_another() -> None:
    assert fires(episode(2, 6), fired={1: [1]}) == [(1, 2)]
    assert fires(episode(2, 6), fired={1: [6]}) == [(1, 2)]
    assert fires(episode(2, 6), fired={7: [2]}) == [(1, 2)]


def test_while_it_cools_down_nothing_fires_and_then_it_is_armed_again() -> None:
    short = [episode(first, first + 1) for first in (0, 3, 6, 7, 13, 14)]
    assert fires(*short, cooldown_days=7) == [(1, 0), (1, 7), (1, 14)]


def test_an_earlier_day_does_not_fire_shortly_before_a_signal_either() -> None:
    assert fires(episode(0, 1), fired={1: [5]}, cooldown_days=7) == []
    assert fires(episode(0, 1), fired={1: [7]}, cooldown_days=7) == [(1, 0)]


def test_one_account_s_signal_does_not_cool_down_another() -> None:
    found = fires(episode(0, 1), episode(2, 3, account_id=7), cooldown_days=30)
    assert found == [(1, 0), (7, 2)]


def test_an_episode_holds_its_days_and_no_others() -> None:
    assert [number for number in range(8) if episode(2, 5).holds(day(number))] == [2, 3, 4]
    assert [number for number in range(5) if episode(2).holds(day(number))] == [2, 3, 4]
