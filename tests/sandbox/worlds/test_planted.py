"""A world whose truth is known: it is as it says, and its lift follows from its chances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations_posthog.sandbox import PlantedWorld, ProjectData

from .conftest import filled

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
WORLD = PlantedWorld(seed=1)
FIRST = 13
"""The first day on which a rise can be seen: a week has to be held, and the one before it."""


@pytest.fixture(scope="module")
def planted() -> Iterator[ProjectData]:
    data = filled(WORLD, now=NOW)
    yield data
    data.forget()


def people_by_day(data: ProjectData) -> dict[str, dict[int, int]]:
    """How many people each account has in the seven days that end with a day."""
    origin = NOW.date() - timedelta(days=WORLD.days)
    rows = data.execute(
        'WITH active AS (SELECT "$group_0" AS key, person_id, '
        "CAST(timestamp AS DATE) - $1::DATE AS day FROM events) "
        "SELECT key, last, count(DISTINCT person_id) FROM active, range($2) AS days(last) "
        "WHERE day BETWEEN last - 6 AND last GROUP BY key, last",
        [origin, WORLD.days],
    )
    found: dict[str, dict[int, int]] = {}
    for key, day, people in rows:
        found.setdefault(key, {})[day] = people
    return found


def upgrades(data: ProjectData) -> dict[str, int]:
    origin = NOW.date() - timedelta(days=WORLD.days)
    rows = data.execute(
        'SELECT "$group_0", CAST(timestamp AS DATE) - $1::DATE FROM events '
        "WHERE event = 'plan_upgraded'",
        [origin],
    )
    assert len(rows) == len(dict(rows)), "An account upgrades once"
    return dict(rows)


def rises(people: dict[str, dict[int, int]]) -> dict[str, int]:
    """The first day on which an account has half as many people again as a week before."""
    found = {}
    for key, days in people.items():
        for day in range(7, WORLD.days):
            before = days.get(day - 7, 0)
            if before and days.get(day, 0) >= 1.5 * before:
                found[key] = day
                break
    return found


def test_every_kind_of_account_is_in_it(planted: ProjectData) -> None:
    people, upgraded = people_by_day(planted), upgrades(planted)
    risen = rises(people)
    after = {key for key in risen.keys() & upgraded.keys() if risen[key] < upgraded[key]}
    assert len(people) == WORLD.accounts
    assert len(after) > 20
    assert len(risen.keys() - upgraded.keys()) > 30
    assert len(upgraded.keys() - risen.keys()) > 30
    gone = {key for key, days in people.items() if WORLD.days - 1 not in days}
    assert len(gone) > 10


def test_people_rise_once_and_never_by_chance(planted: ProjectData) -> None:
    for days in people_by_day(planted).values():
        counts = [days.get(day, 0) for day in range(WORLD.days)]
        ups = [day for day in range(1, WORLD.days) if counts[day] > counts[day - 1]]
        assert len(ups) <= 1
        for day in ups:
            assert day >= WORLD.first_rise
            assert counts[day] >= 2 * counts[day - 1]


def test_nothing_happens_today_or_comes_in_late(planted: ProjectData) -> None:
    [[first, last, delay]] = planted.execute(
        "SELECT min(timestamp), max(timestamp), max(created_at - timestamp) FROM events"
    )
    assert (first.date(), last.date()) == (
        NOW.date() - timedelta(days=WORLD.days),
        NOW.date() - timedelta(days=1),
    )
    assert delay < timedelta(minutes=1)


def test_the_same_seed_gives_the_same_history_and_another_one_another(planted: ProjectData) -> None:
    def events(data: ProjectData) -> list[Any]:
        return data.execute("SELECT * FROM events ORDER BY uuid")

    assert events(filled(PlantedWorld(seed=1), now=NOW)) == events(planted)
    assert events(filled(PlantedWorld(seed=2), now=NOW)) != events(planted)


def test_its_lift_is_about_three() -> None:
    assert round(WORLD.lift(horizon_days=30, first=FIRST), 2) == 2.95


def test_its_lift_is_by_hand_where_that_is_easy() -> None:
    """Nobody leaves, so chances multiply."""
    world = replace(WORLD, churn=0.0)
    after = 1 - (1 - world.raised) ** 10
    without = 1 - (1 - world.usual) ** 10
    assert world.lift(horizon_days=10, first=FIRST) == pytest.approx(after / without)
    after = 1 - (1 - world.raised) ** 30 * (1 - world.usual) ** 10
    without = 1 - (1 - world.usual) ** 40
    assert world.lift(horizon_days=40, first=FIRST) == pytest.approx(after / without)


def test_without_a_difference_there_is_no_lift() -> None:
    world = replace(WORLD, raised=WORLD.usual, churn=0.0)
    assert world.lift(horizon_days=30, first=FIRST) == pytest.approx(1)


def test_who_has_left_makes_the_others_look_better() -> None:
    """An account that rises is at work; of those without a rise some have left."""
    world = replace(WORLD, raised=WORLD.usual, churn=0.01)
    assert world.lift(horizon_days=1, first=FIRST) > 1.1
