"""Changes of a project's data, and what the data were before them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

import pytest

from integrations_posthog.sandbox import Event, ProjectData
from integrations_posthog.sandbox.data import Store

NOON = datetime(2026, 10, 9, 12, 0, tzinfo=UTC)
ANN, BOB, EVE = (UUID(int=number) for number in (1, 2, 3))


class Clock:
    """A clock that goes on by an hour whenever it is told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def tick(self) -> None:
        self.now += timedelta(hours=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def load(store: Store) -> None:
    """Ann, an event of hers at noon, and the group acme."""
    at = datetime(2026, 10, 8, 12, 0)  # noqa: DTZ001 (as the store holds times)
    store.insert("persons", [{"id": ANN, "created_at": at, "properties": '{"email": "ann@x.y"}'}])
    store.insert("events", [Event(event="first", timestamp=NOON, person_id=ANN).row(now=NOON)])
    group = {"index": 0, "key": "acme", "created_at": at, "updated_at": at, "properties": "{}"}
    store.insert("groups", [group])


@pytest.fixture
def data(clock: Clock) -> Iterator[ProjectData]:
    project = ProjectData(load=load, zone="UTC", clock=clock)
    yield project
    project.forget()


def names(data: ProjectData, *, as_of: int | None = None) -> list[str]:
    rows = data.run_text("select event from events order by event", as_of=as_of).rows
    return [name for [name] in rows]


def value(data: ProjectData, expression: str, *, as_of: int | None = None) -> Any:
    [[only]] = data.run_text(f"select {expression} from events", as_of=as_of).rows
    return only


def event(name: str, person: UUID = ANN, **more: Any) -> Event:
    return Event(event=name, timestamp=NOON, person_id=person, **more)


def test_unchanged_data_are_of_version_0(data: ProjectData) -> None:
    assert names(data) == ["first"]
    assert data.version == 0


def test_a_late_event_is_taken_in_now_whenever_it_happened(data: ProjectData, clock: Clock) -> None:
    clock.tick()
    version = data.add_events([event("late")])
    assert version == data.version == 1
    moments = data.run_sql("SELECT timestamp, created_at FROM events WHERE event = 'late'")
    assert [moment.replace(tzinfo=UTC) for moment in moments[0]] == [NOON, clock.now]


def test_an_event_sent_again_counts_twice_until_they_are_merged(
    data: ProjectData, clock: Clock
) -> None:
    [[uuid]] = data.run_sql("SELECT uuid FROM events")
    clock.tick()
    data.resend([uuid])
    assert names(data) == ["first", "first"]
    assert value(data, "uniqExact(uuid)") == 1
    data.merge_duplicates()
    assert names(data) == ["first"]
    assert value(data, "max(created_at)") == "2026-10-09T13:00:00Z"


def test_events_of_one_uuid_that_differ_otherwise_are_not_merged(data: ProjectData) -> None:
    twice = event("second")
    data.add_events([twice, event("third", uuid=twice.uuid)])
    data.merge_duplicates()
    assert names(data) == ["first", "second", "third"]


def test_deleted_events_are_gone(data: ProjectData) -> None:
    gone = event("gone")
    data.add_events([gone])
    data.delete_events([gone.uuid])
    assert names(data) == ["first"]


class TestPersons:
    def test_old_events_of_a_merged_person_become_the_others(self, data: ProjectData) -> None:
        data.add_events([event("second", BOB)])
        data.set_person(BOB, {"email": "bob@x.y"})
        assert value(data, "uniqExact(person_id)") == 2
        data.merge_persons(ANN, into=BOB)
        assert value(data, "groupUniqArray(person_id)") == [str(BOB)]
        assert value(data, "groupUniqArray(person.properties.email)") == ["bob@x.y"]
        assert data.run_text("select id from persons").rows == [[str(BOB)]]

    def test_merges_add_up(self, data: ProjectData) -> None:
        data.merge_persons(ANN, into=BOB)
        data.merge_persons(BOB, into=EVE)
        assert value(data, "any(person_id)") == str(EVE)

    def test_a_property_can_change(self, data: ProjectData) -> None:
        assert value(data, "any(person.properties.email)") == "ann@x.y"
        data.set_person(ANN, {"email": "ann@new.y"})
        assert value(data, "any(person.properties.email)") == "ann@new.y"
        assert data.run_text("select count() from persons").rows == [[1]]


def test_a_groups_properties_can_change_and_tell_when(data: ProjectData, clock: Clock) -> None:
    clock.tick()
    data.set_group(0, "acme", {"plan": "pro"})
    data.set_group(0, "globex", {})
    rows = data.run_text(
        "select key, properties.plan, created_at, updated_at from groups order by key"
    ).rows
    now = "2026-10-09T13:00:00Z"
    assert rows == [["acme", "pro", "2026-10-08T12:00:00Z", now], ["globex", None, now, now]]


def test_the_time_zone_can_change(data: ProjectData) -> None:
    assert value(data, "any(timestamp)") == "2026-10-09T12:00:00Z"
    data.set_timezone("Asia/Kolkata")
    assert data.zone == "Asia/Kolkata"
    assert value(data, "any(timestamp)") == "2026-10-09T17:30:00+05:30"
    with pytest.raises(ZoneInfoNotFoundError):
        data.set_timezone("Mars/Base")


CHANGES: dict[str, Callable[[ProjectData], int]] = {
    "add_events": lambda data: data.add_events([event("new")]),
    "resend": lambda data: data.resend([row[0] for row in data.run_sql("SELECT uuid FROM events")]),
    "delete_events": lambda data: data.delete_events(
        [row[0] for row in data.run_sql("SELECT uuid FROM events LIMIT 1")]
    ),
    "merge_duplicates": lambda data: data.merge_duplicates(),
    "merge_persons": lambda data: data.merge_persons(ANN, into=BOB),
    "merge_again": lambda data: data.merge_persons(BOB, into=EVE),
    "set_person": lambda data: data.set_person(EVE, {"email": "eve@x.y"}),
    "set_group": lambda data: data.set_group(0, "acme", {"plan": "pro"}),
    "set_timezone": lambda data: data.set_timezone("Pacific/Auckland"),
}


def all_there_is(data: ProjectData, *, as_of: int | None = None) -> Any:
    text = (
        "select event, toString(timestamp), created_at, person_id, person.properties.email, "
        "group_0.properties.plan from events order by uuid, created_at"
    )
    groups = "select key, properties, updated_at from groups"
    persons = "select id, properties from persons order by id"
    return [data.run_text(each, as_of=as_of).rows for each in (text, groups, persons)]


def test_what_was_true_at_each_version_can_be_asked_for_later(
    data: ProjectData, clock: Clock
) -> None:
    seen = [all_there_is(data)]
    for number, change in enumerate(CHANGES.values(), 1):
        clock.tick()
        assert change(data) == number
        seen.append(all_there_is(data))
    assert seen == [all_there_is(data, as_of=version) for version in range(len(CHANGES) + 1)]
    told = [data.run_sql("SELECT count(*) FROM events", as_of=version) for version in range(5)]
    assert told == [[(1,)], [(2,)], [(4,)], [(2,)], [(1,)]]


@pytest.mark.parametrize("name", CHANGES)
def test_data_that_are_forgotten_are_as_at_first(data: ProjectData, name: str) -> None:
    before = all_there_is(data)
    CHANGES[name](data)
    data.forget()
    [[_, *rest]] = all_there_is(data)[0]
    assert (rest, data.version, data.zone) == (before[0][0][1:], 0, "UTC")


def test_events_can_be_asked_for_in_sql(data: ProjectData) -> None:
    data.merge_persons(ANN, into=BOB)
    sql = (
        "SELECT e.event, e.person_id, p.id FROM events e LEFT JOIN persons p ON p.id = e.person_id"
    )
    assert data.run_sql(sql) == [("first", BOB, None)]
    assert data.run_sql(sql, as_of=0) == [("first", ANN, ANN)]
