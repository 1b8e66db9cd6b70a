"""The store: loaded when it is first used, and used by several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import pytest

from integrations_posthog.sandbox import Event, ProjectData
from integrations_posthog.sandbox.data import Store

NOON = datetime(2026, 10, 9, 12, 0, tzinfo=UTC)
COUNT = "select count() from events"


def event() -> Event:
    return Event(event="any", timestamp=NOON, person_id=UUID(int=1))


def test_data_are_loaded_once_and_when_they_are_first_used() -> None:
    loads: list[Store] = []
    data = ProjectData(load=loads.append, zone="UTC", clock=lambda: NOON)
    assert loads == []
    data.run_text(COUNT)
    data.run_text(COUNT)
    assert loads == [data]


def test_a_load_that_fails_is_tried_again() -> None:
    failures = [ValueError("no data")]

    def load(store: Store) -> None:
        if failures:
            raise failures.pop()
        store.insert("events", [event().row(now=NOON)])

    data = ProjectData(load=load, zone="UTC", clock=lambda: NOON)
    with pytest.raises(ValueError, match="no data"):
        data.run_text(COUNT)
    assert data.run_text(COUNT).rows == [[1]]


def test_each_question_sees_one_version_while_others_change_the_data() -> None:
    data = ProjectData(load=lambda store: None, zone="UTC", clock=lambda: NOON)

    def change_and_ask(number: int) -> tuple[int, int]:
        data.add_events([event()])
        with data.lock:
            [[count]] = data.run_text(COUNT).rows
            return data.version, count

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(change_and_ask, range(40)))
    assert all(version == count for version, count in seen)
    assert data.version == 40


def test_nothing_is_loaded_from_the_network() -> None:
    data = ProjectData(load=lambda store: None, zone="UTC", clock=lambda: NOON)
    settings = ("autoinstall_known_extensions", "autoload_known_extensions")
    assert [data.execute(f"SELECT current_setting('{name}')") for name in settings] == [
        [(False,)],
        [(False,)],
    ]
