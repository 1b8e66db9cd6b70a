"""Histories drawn by a seed: the same for the same one, and with all that is odd in some."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations_posthog.sandbox import ProjectData, RandomWorld
from integrations_posthog.sandbox.worlds.random_world import MEGABYTE, ZONES

from .conftest import filled

SEEDS = range(12)


@pytest.fixture(scope="module")
def worlds() -> Iterator[dict[RandomWorld, ProjectData]]:
    made = {world: filled(world, now=world.now) for world in map(RandomWorld, SEEDS)}
    yield made
    for data in made.values():
        data.forget()


def numbers(data: ProjectData, sql: str) -> tuple[Any, ...]:
    [row] = data.run_sql(sql)
    return row


def test_the_same_seed_gives_the_same_history(worlds: dict[RandomWorld, ProjectData]) -> None:
    world, data = next(iter(worlds.items()))
    again = filled(RandomWorld(world.seed), now=world.now)
    for table in ("events", "persons", "groups"):
        assert again.run_sql(f"SELECT * FROM {table}") == data.run_sql(f"SELECT * FROM {table}")


def test_they_are_small(worlds: dict[RandomWorld, ProjectData]) -> None:
    for data in worlds.values():
        events, people, accounts = numbers(
            data,
            'SELECT count(*), count(DISTINCT person_id), count(DISTINCT "$group_0") FROM events',
        )
        assert 500 <= events <= 3_200
        assert 80 <= people <= 300
        assert 15 <= accounts <= 64


def test_all_time_zones_are_drawn_and_the_clocks_change_on_the_way() -> None:
    drawn = [RandomWorld(seed) for seed in range(60)]
    assert {world.timezone for world in drawn} == set(ZONES)
    for world in drawn:
        zone = ZoneInfo(world.timezone)
        offsets = {
            (world.now - timedelta(days=day)).astimezone(zone).utcoffset() for day in range(37)
        }
        assert len(offsets) == (1 if world.timezone in ("UTC", "Asia/Kolkata") else 2)


ODDITIES = {
    "a key of 200 characters": 'length("$group_0") = 200',
    "a key of 201 characters": 'length("$group_0") = 201',
    "a key of a megabyte": f'strlen("$group_0") = {MEGABYTE}',
    "a NUL in a key": 'contains("$group_0", chr(0))',
    "no key": "\"$group_0\" = ''",
    "a key beyond ASCII": 'strlen("$group_0") > length("$group_0")',
    "a property of a megabyte": f"strlen(properties) > {MEGABYTE}",
    "no property": "properties = '{}'",
    "a property that is no string": "json_type(properties, '$.workspace_id') = 'ARRAY'",
    "a time in the future": "timestamp > created_at",
    "a late event": "created_at > timestamp + INTERVAL 1 DAY",
    "an event from long ago": "timestamp < created_at - INTERVAL 70 DAY",
    "an event without a name": "event = ''",
    "a person who is not there": "person_id NOT IN (SELECT id FROM persons)",
    "public mail": "person_id IN (SELECT id FROM persons WHERE properties LIKE '%@gmail.com%')",
}


@pytest.mark.parametrize("what", ODDITIES)
def test_some_history_has(worlds: dict[RandomWorld, ProjectData], what: str) -> None:
    sql = f"SELECT count(*) FROM events WHERE {ODDITIES[what]}"
    assert sum(numbers(data, sql)[0] for data in worlds.values()) > 0


def test_many_events_are_exactly_at_midnight_or_just_before(
    worlds: dict[RandomWorld, ProjectData],
) -> None:
    for data in worlds.values():
        text = (
            "select countIf(timestamp = toStartOfDay(timestamp)), "
            "countIf(toDate(timestamp) != toDate(timestamp + toIntervalSecond(1))) from events"
        )
        [[midnight, before]] = data.run_text(text).rows
        assert midnight > 30
        assert before > 10


def test_some_events_come_twice(worlds: dict[RandomWorld, ProjectData]) -> None:
    for data in worlds.values():
        events, uuids = numbers(data, "SELECT count(*), count(DISTINCT uuid) FROM events")
        assert uuids < events


def test_nothing_was_taken_in_after_now(worlds: dict[RandomWorld, ProjectData]) -> None:
    for data in worlds.values():
        assert data.run_text("select count() from events where created_at > now()").rows == [[0]]
