"""How much more often accounts convert after a signal, by cases that can be counted by hand."""

from __future__ import annotations

import time

import numpy
import pytest

from integrations_posthog.pql.lift import Course, Interval, LiftEstimate

DAYS, HORIZON = 50, 10


def lift_of(*groups: tuple[int, Course], days: int = DAYS, seed: int = 1) -> Interval | None:
    courses = [course for count, course in groups for _ in range(count)]
    return LiftEstimate(courses, days=days, horizon=HORIZON).interval(seed=seed)


def course(signal: int | None = None, goal: int | None = None, seen: int = -1) -> Course:
    return Course(seen=seen, goal=goal, signal=signal)


def value_of(*groups: tuple[int, Course]) -> float:
    found = lift_of(*groups)
    assert found is not None
    return found.value


AFTER_SIGNALS = (20, course(10, goal=15)), (20, course(10))
"""Half of them converts."""


def test_it_is_the_share_after_signals_by_the_share_without_in_the_same_days() -> None:
    assert value_of(*AFTER_SIGNALS, (10, course(goal=15)), (90, course())) == pytest.approx(
        0.5 / 0.1
    )


def test_conversions_at_other_times_are_no_part_of_the_baseline() -> None:
    others = (10, course(goal=15)), (80, course()), (10, course(goal=30))
    assert value_of(*AFTER_SIGNALS, *others) == pytest.approx(0.5 / 0.1)
    before = (10, course(goal=15)), (90, course()), (10, course(goal=9)), (10, course(goal=10))
    assert value_of(*AFTER_SIGNALS, *before) == pytest.approx(0.5 / 0.1)


def test_an_account_counts_without_a_signal_until_its_own() -> None:
    # Of 100, 20 convert on day 12; the 40 that have their signal on day 13 convert after it only.
    late = (40, course(13, goal=14))
    groups = (*AFTER_SIGNALS, (20, course(goal=12)), (40, course()), late)
    baseline = 0.2
    share = (20 + 40) / (40 + 40)
    expected = 40 * baseline + 40 * 0  # Nobody converts without a signal after day 13.
    assert value_of(*groups) == pytest.approx(share * 80 / expected)


def test_who_had_a_signal_before_the_period_is_held_against_nobody() -> None:
    others = (10, course(goal=15)), (90, course())
    before = Course(seen=-1, goal=None, signal=None, had_one_before=True)
    converted = Course(seen=-1, goal=16, signal=None, had_one_before=True)
    plain = value_of(*AFTER_SIGNALS, *others)
    assert value_of(*AFTER_SIGNALS, *others, (80, before), (30, converted)) == plain


def test_what_one_will_be_does_not_change_what_others_are_held_against() -> None:
    """Whoever converts before a signal that would have come counts as one without it."""
    plain = value_of(*AFTER_SIGNALS, (10, course(goal=15)), (90, course()))
    assert value_of(*AFTER_SIGNALS, (10, course(15, goal=15)), (90, course())) == plain
    assert value_of(*AFTER_SIGNALS, (10, course(40, goal=15)), (90, course())) == plain


def test_accounts_count_from_the_day_after_they_were_seen() -> None:
    plain = value_of(*AFTER_SIGNALS, (10, course(goal=15)), (90, course()))
    newer = (50, course(seen=15)), (50, course(seen=40))
    assert value_of(*AFTER_SIGNALS, (10, course(goal=15)), (90, course()), *newer) == plain
    older = (100, course(seen=14))
    more = value_of(*AFTER_SIGNALS, (10, course(goal=15)), (90, course()), older)
    assert more == pytest.approx(2 * plain)


def test_signals_whose_horizon_is_not_over_are_not_counted() -> None:
    groups = (*AFTER_SIGNALS, (10, course(goal=15)), (10, course(goal=45)), (90, course()))
    counted = value_of(*groups, (30, course(39)))
    assert value_of(*groups, (30, course(40))) > counted


@pytest.mark.parametrize(
    "groups",
    [
        ((4, course(10, goal=15)), (40, course(10)), (50, course(goal=15))),
        ((40, course(10, goal=15)), (4, course(goal=15)), (50, course())),
        (),
    ],
    ids=["after signals", "without", "no accounts"],
)
def test_of_few_conversions_there_is_none(groups: tuple[tuple[int, Course], ...]) -> None:
    assert lift_of(*groups) is None


def test_where_nobody_converts_in_the_days_of_the_signals_there_is_no_limit_and_no_lift() -> None:
    assert lift_of(*AFTER_SIGNALS, (30, course(goal=45)), (30, course())) is None


def test_the_same_seed_gives_the_same_interval_and_holds_the_value() -> None:
    groups = (*AFTER_SIGNALS, (10, course(goal=15)), (90, course()))
    found = lift_of(*groups)
    assert found is not None
    assert found.low < found.value < found.high
    assert lift_of(*groups) == found
    other = lift_of(*groups, seed=2)
    assert other is not None
    assert other != found
    assert other.value == found.value


def test_more_accounts_make_the_interval_narrower() -> None:
    groups = (*AFTER_SIGNALS, (10, course(goal=15)), (90, course()))
    few, many = lift_of(*groups), lift_of(*((16 * count, one) for count, one in groups))
    assert few is not None
    assert many is not None
    assert numpy.log(few.high / few.low) == pytest.approx(
        4 * numpy.log(many.high / many.low), rel=0.2
    )


def test_twenty_thousand_accounts_are_a_matter_of_seconds() -> None:
    dice = numpy.random.default_rng(1)
    columns = (
        dice.integers(low, high, 20_000) for low, high in ((-200, 365), (0, 4_000), (0, 900))
    )
    courses = [
        Course(seen=int(seen), goal=int(goal), signal=int(signal) if signal < 365 else None)
        for seen, goal, signal in zip(*columns, strict=True)
    ]
    start = time.process_time()
    assert LiftEstimate(courses, days=365, horizon=30).interval(seed=1) is not None
    assert time.process_time() - start < 10
