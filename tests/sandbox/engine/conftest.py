"""A project of four events, to try expressions on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from integrations_posthog.sandbox import Event, ProjectData
from integrations_posthog.sandbox.data import Store

NOON = datetime(2026, 10, 9, 12, 0, tzinfo=UTC)
ANN, BOB, NOBODY = (UUID(int=number) for number in (1, 2, 3))


def load(store: Store) -> None:
    """Nothing: each test adds what it needs."""


@dataclass(frozen=True)
class Project:
    """A project in some time zone, whose clock stands at noon of 9 October 2026."""

    data: ProjectData

    def rows(self, text: str, **values: Any) -> list[list[Any]]:
        """The answer as a client reads it."""
        rows: list[list[Any]] = json.loads(json.dumps(self.data.run_text(text, values).rows))
        return rows

    def value(self, expression: str, **values: Any) -> Any:
        """What an expression of constants is."""
        [[value]] = self.rows(f"select {expression}", **values)
        return value

    def type(self, expression: str) -> str:
        [name] = self.data.run_text(f"select {expression}").types
        return name


@pytest.fixture
def in_zone() -> Callable[[str], Project]:
    def project(zone: str) -> Project:
        return Project(ProjectData(load=load, zone=zone, clock=lambda: NOON))

    return project


@pytest.fixture(scope="session")
def constants() -> Project:
    """A project in UTC, for what needs no data."""
    return Project(ProjectData(load=load, zone="UTC", clock=lambda: NOON))


def event(name: str = "signup", moment: str = "2026-10-08T10:00:00", **more: Any) -> Event:
    """An event; times are in UTC unless they tell their offset."""
    at = datetime.fromisoformat(moment)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Event(event=name, timestamp=at, **{"person_id": ANN} | more)


@pytest.fixture
def project(in_zone: Callable[[str], Project]) -> Project:
    """Ann signed up and viewed twice, Bob once; Ann has an e-mail address, and both are of Acme."""
    made = in_zone("UTC")
    made.data.set_person(ANN, {"email": "Ann@Acme.example", "seats": 5, "tags": {"vip": True}})
    made.data.set_person(BOB, {"email": None})
    made.data.set_group(0, "acme", {"name": "Acme", "plan": "pro"})
    views = {"groups": {0: "acme"}, "properties": {"org id": "o1", "n": 7}}
    made.data.add_events(
        [
            event("signup", "2026-10-07T09:00:00"),
            event("view", "2026-10-07T23:59:59.999999", **views),
            event("view", "2026-10-08T00:00:00", **views),
            event("view", "2026-10-08T10:00:00", person_id=BOB, groups={0: "acme"}),
        ]
    )
    return made
