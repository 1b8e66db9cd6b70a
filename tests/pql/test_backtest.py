"""What signals were worth, by cases that can be counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations_posthog.pql.backtest import (
    Caught,
    Fired,
    Statistics,
    Tried,
    statistics_of,
    wilson,
)

DAYS, HORIZON = 100, 10


def account(*signals: int, goal: int | None = None, seen: int = -1, people: int = 1) -> Tried:
    fired = tuple(Fired(day=day, people=people) for day in signals)
    return Tried(seen=seen, goal=goal, signals=fired)


def several(count: int, one: Tried) -> list[Tried]:
    return [one] * count


def statistics(*groups: list[Tried], days: int = DAYS) -> Statistics:
    accounts = [account for group in groups for account in group]
    return statistics_of(accounts, days=days, horizon_days=HORIZON)


ENOUGH = [*several(10, account(20)), *several(10, account(goal=50))]
"""Ten signals of no use, and ten goals that nothing told of."""


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_a_share_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    found = wilson(hits, of=of)
    assert found.value == hits / of
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(1, 10_000), st.data())
def test_the_interval_of_a_share_holds_it_and_is_within_0_and_1(
    of: int, data: st.DataObject
) -> None:
    hits = data.draw(st.integers(0, of))
    found = wilson(hits, of=of)
    assert 0 <= found.low <= found.value <= found.high <= 1
    mirrored = wilson(of - hits, of=of)
    assert mirrored.low == pytest.approx(1 - found.high)


class TestPrecision:
    def test_it_is_the_share_that_converts_within_the_horizon(self) -> None:
        found = statistics(
            several(6, account(20, goal=30)),  # On the horizon's last day.
            several(8, account(20, goal=31)),  # A day after it.
            several(6, account(20)),
        )
        assert (found.exposed, found.goals) == (20, 14)
        assert found.precision == wilson(6, of=20)

    def test_conversions_up_to_the_day_of_the_signal_do_not_count_for_it(self) -> None:
        found = statistics(
            ENOUGH, several(7, account(20, goal=20)), several(7, account(20, goal=15))
        )
        assert (found.exposed, found.goals) == (10, 24)
        assert found.precision == wilson(0, of=10)

    def test_only_an_accounts_first_signal_exposes_it(self) -> None:
        found = statistics(several(10, account(20, 60, goal=65)))
        assert found.exposed == 10
        assert found.precision == wilson(0, of=10)

    def test_whose_horizon_reaches_beyond_the_period_is_not_counted(self) -> None:
        found = statistics(ENOUGH, several(5, account(89)), several(5, account(90, goal=95)))
        assert found.exposed == 15
        assert found.precision == wilson(0, of=15)

    def test_who_had_converted_before_the_period_is_no_part_of_it(self) -> None:
        found = statistics(ENOUGH, several(30, account(20, goal=-1)))
        assert (found.accounts, found.exposed, found.goals) == (50, 10, 10)


class TestRecall:
    def test_it_is_the_share_of_goals_that_came_within_the_horizon_after_a_signal(self) -> None:
        found = statistics(
            several(3, account(20, goal=30)),
            several(4, account(20, goal=31)),
            several(5, account(20, 40, goal=41)),  # By the second one.
            several(6, account(goal=50)),
            several(2, account(50, goal=50)),
        )
        assert found.goals == 20
        assert found.recall == wilson(8, of=20)

    def test_goals_that_no_signal_of_the_period_could_tell_of_are_left_out(self) -> None:
        found = statistics(ENOUGH, several(9, account(goal=9)), several(1, account(0, goal=10)))
        assert found.goals == 11
        assert found.recall == wilson(1, of=11)

    def test_the_lead_is_from_the_first_signal_within_the_horizon(self) -> None:
        found = statistics(
            ENOUGH,
            several(3, account(10, 41, 45, goal=50)),  # 9 days.
            several(3, account(48, goal=50)),
            several(1, account(44, goal=50)),  # 6 days, the middle one.
        )
        assert found.median_lead_days == 6

    def test_without_a_goal_that_was_told_there_is_no_lead(self) -> None:
        assert statistics(ENOUGH).median_lead_days is None


class TestWeeklyTop:
    def test_the_largest_of_a_week_are_the_best(self) -> None:
        small = several(4, account(20, goal=25, people=3))
        large = several(6, account(17, goal=25, people=9))
        elsewhere = several(10, account(goal=50))
        found = statistics(small, large, elsewhere)
        shares = dict(found.caught_by_weekly_top)
        assert shares == {5: 5 / 20, 10: 10 / 20, 25: 10 / 20, 50: 10 / 20}
        assert found.caught_by_weekly_top[0] == Caught(n=5, share=0.25)

    def test_each_week_has_its_own_list(self) -> None:
        found = statistics(
            several(5, account(20, goal=25)), several(5, account(21, goal=25)), ENOUGH
        )
        # Of ENOUGH's ten that stand in the first of these weeks none comes before these five.
        assert dict(found.caught_by_weekly_top)[5] == 10 / 20

    def test_an_account_stands_once_in_a_week(self) -> None:
        often = several(5, account(14, 16, 18, goal=25))
        once = several(5, account(15, goal=25))
        found = statistics(often, once, several(10, account(goal=50)))
        assert dict(found.caught_by_weekly_top)[10] == 10 / 20

    def test_it_catches_nothing_by_a_signal_after_the_goal_or_long_before(self) -> None:
        found = statistics(several(10, account(20, goal=31)), several(10, account(20, goal=20)))
        assert {share for _, share in found.caught_by_weekly_top} == {0}


class TestSample:
    @pytest.mark.parametrize(("exposed", "goals"), [(9, 10), (10, 9), (0, 0)])
    def test_below_the_least_sample_only_counts_are_told(self, exposed: int, goals: int) -> None:
        found = statistics(several(exposed, account(20)), several(goals, account(goal=50)))
        assert found == Statistics(
            sample="too_few",
            accounts=exposed + goals,
            exposed=exposed,
            goals=goals,
            signals_per_week=exposed * 7 / DAYS,
        )

    def test_from_the_least_sample_on_all_is_told(self) -> None:
        found = statistics(ENOUGH)
        assert found.sample == "ok"
        assert found.precision is not None
        assert found.lift is None  # Nobody converted after a signal.

    def test_a_period_shorter_than_the_horizon_tells_nothing(self) -> None:
        accounts = several(20, account(2, goal=3))
        assert statistics(accounts, days=5).sample == "too_few"
        assert statistics([], days=0).sample == "too_few"

    def test_signals_are_counted_by_the_week(self) -> None:
        found = statistics(several(10, account(20, 50, 80)), days=70)
        assert found.signals_per_week == 3
