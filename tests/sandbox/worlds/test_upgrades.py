"""Upgrades of the product world: what its chances say is what its events tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from integrations_posthog.pql.lift import Course, Interval, LiftEstimate
from integrations_posthog.pql.templates import proposals
from integrations_posthog.sandbox import ProductWorld, ProjectData
from integrations_posthog.sandbox.worlds.product import PUBLIC_DOMAINS
from integrations_posthog.sandbox.worlds.upgrades import (
    LEAST_PEOPLE,
    LIFT,
    RAISED_DAYS,
    RISE_RATIO,
)

from .conftest import filled

NOW = datetime(2026, 10, 9, 19, 30, tzinfo=UTC)
WORLD = ProductWorld()
LAST = WORLD.days - 1
"""The last day that is over. Days are numbers, 0 is a year before today."""

USED = f"""
CREATE TEMP TABLE used AS
SELECT * FROM (
    SELECT event, person_id AS person,
        split_part(json_extract_string(p.properties, '$.email'), '@', 2) AS company,
        CAST(timezone('{WORLD.timezone}', timezone('UTC', timestamp)) AS DATE) - $1::DATE AS day
    FROM events JOIN persons p ON p.id = person_id
) WHERE company <> '' AND NOT list_contains($2, company)
"""
RISES = f"""
WITH weeks AS (
    SELECT company, last, count(DISTINCT person) AS people
    FROM (SELECT DISTINCT company, person, day FROM used), range($1, $2) AS days(last)
    WHERE day BETWEEN greatest(last - 6, $1) AND last GROUP BY company, last
)
SELECT company, min(last) FROM weeks JOIN (
    SELECT company, last + 7 AS last, people AS before FROM weeks
) USING (company, last)
WHERE people >= {LEAST_PEOPLE} AND people >= {RISE_RATIO} * before AND last >= $1 + 13
GROUP BY company
"""
FIRST_DAYS = "SELECT company, min(day) FROM used WHERE day BETWEEN $1 AND $2 {of} GROUP BY company"


@pytest.fixture(scope="module")
def used() -> Iterator[ProjectData]:
    """The events of companies, by the e-mail addresses of their people."""
    data = filled(WORLD, now=NOW)
    first: date = NOW.date() - timedelta(days=WORLD.days)
    data.execute(USED, [first, list(PUBLIC_DOMAINS)])
    yield data
    data.forget()


def courses(data: ProjectData, *, first: int) -> list[Course]:
    """What became of each company, of what is held from a day on."""
    begins = first + 13
    rises = dict(data.execute(RISES, [first, LAST + 1]))
    seen = dict(data.execute(FIRST_DAYS.format(of=""), [first, LAST]))
    upgrades = FIRST_DAYS.format(of="AND event = 'plan_upgraded'")
    goals = dict(data.execute(upgrades, [first, LAST]))
    return [
        Course(
            seen=day - begins,
            goal=goals[company] - begins if company in goals else None,
            signal=rises[company] - begins if company in rises else None,
        )
        for company, day in sorted(seen.items())
    ]


def lift(data: ProjectData, *, first: int) -> Interval:
    days = LAST - (first + 13) + 1
    estimate = LiftEstimate(courses(data, first=first), days=days, horizon=RAISED_DAYS)
    found = estimate.interval(seed=1)
    assert found is not None
    return found


def test_a_rise_is_what_the_definition_of_people_looks_for() -> None:
    [more_people] = [each for each in proposals([]) if each.template.slug == "more-people"]
    assert more_people.template.condition["compare"] == {
        "to": "own_past",
        "ratio_at_least": RISE_RATIO,
        "min_volume": LEAST_PEOPLE,
    }


def test_its_lift_is_about_three() -> None:
    assert 3 < LIFT < 3.5


def test_every_kind_of_account_is_in_it(used: ProjectData) -> None:
    found = courses(used, first=0)
    risen = [one for one in found if one.signal is not None]
    after = [one for one in risen if one.is_exposed and one.converts_within(RAISED_DAYS)]
    assert len(after) > 30
    assert sum(one.goal is None for one in risen) > 100
    assert sum(one.signal is None and one.goal is not None for one in found) > 100
    assert len(risen) < len(found) / 3


@pytest.mark.parametrize("first", [0, WORLD.days - 89], ids=["a year", "the last 90 days"])
def test_the_lift_of_its_chances_is_what_its_events_have(first: int, used: ProjectData) -> None:
    found = lift(used, first=first)
    assert found.low <= LIFT <= found.high
    assert found.low > 1.2
