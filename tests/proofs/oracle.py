"""What a project's events come to, by plain loops, as they were at each version of the data."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping as Mapped
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from integrations_posthog.sandbox import ProjectData
from integrations_posthog.services.mapping import Mapping
from integrations_posthog.services.sync.figures import TOP_EVENTS, TREND_WEEKS
from integrations_posthog.services.sync.staging import storable_event_name

LONGEST_PROPERTIES = 20_000


class Row(NamedTuple):
    """An event; ``reason`` is why it belongs to no account, if so."""

    account: str
    reason: str | None
    event: str
    day: date
    person: str
    created_at: datetime


class Moment:
    """All events that were there at a version and had been taken in by a horizon."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows: dict[date, list[Row]] = defaultdict(list)
        self._by_account: dict[date, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            self._rows[row.day].append(row)
            if row.reason is None:
                self._by_account[row.day][row.account].append(row)
        self.day = cache(self._day)
        self.events = cache(self._events)

    def counts(self, day: date) -> tuple[int, datetime | None]:
        """How many events the day has, and when the last of them was taken in."""
        rows = self._rows.get(day, [])
        return len(rows), max((row.created_at for row in rows), default=None)

    def unattributed(self, day: date) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for row in self._rows.get(day, ()):
            if row.reason is not None:
                found[row.reason] += 1
        return dict(found)

    def _day(self, day: date) -> set[Any]:
        """(account, events, people of 1, 7 and 28 days) of a day."""
        events: dict[str, int] = defaultdict(int)
        people: dict[str, tuple[set[str], ...]] = defaultdict(lambda: (set(), set(), set()))
        for back in range(28):
            for account, rows in self._by_account.get(day - timedelta(days=back), {}).items():
                who = {row.person for row in rows}
                events[account] += len(rows) if back == 0 else 0
                for days, window in zip((1, 7, 28), people[account], strict=True):
                    if back < days:
                        window |= who
        return {(account, events[account], *map(len, people[account])) for account in people}

    def _events(self, last: date, days: int) -> set[Any]:
        """(account, event, events, people) of so many days that end with this one."""
        people = defaultdict(list)
        for back in range(days):
            for account, rows in self._by_account.get(last - timedelta(days=back), {}).items():
                for row in rows:
                    people[account, row.event].append(row.person)
        return {(*which, len(who), len(set(who))) for which, who in people.items()}


class Oracle:
    """Knows what the data were.

    Args:
        data: the project's.
        mapping: what makes an account of an event.
    """

    def __init__(self, data: ProjectData, mapping: Mapping) -> None:
        self._data = data
        self._mapping = mapping
        self.moment = cache(self._moment)
        self._rows = cache(self._rows_of)

    def _moment(self, version: int, horizon: datetime) -> Moment:
        return Moment([row for row in self._rows(version) if row.created_at <= horizon])

    def _rows_of(self, version: int) -> list[Row]:
        text = f"SELECT {self._mapping.key}, event, toDate(timestamp), person_id, created_at"
        found = self._data.run_text(f"{text} FROM events", as_of=version).rows
        reason, name = cache(self._mapping.unattributed_reason), cache(storable_event_name)
        moment, day = cache(_utc), cache(date.fromisoformat)
        return [
            Row(key, reason(key), name(event), day(on_day), person, moment(created_at))
            for key, event, on_day, person, created_at in found
        ]

    def groups(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Of each group of the mapping's type, the name and the properties that are stored."""
        name = "ifNull(toString(properties.name), '')"
        text = f"SELECT key, {name}, properties FROM groups WHERE index = {self._mapping.value}"
        return {
            key: (_storable(name)[:255] or key, _properties(properties))
            for key, name, properties in self._data.run_text(text).rows
        }


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _storable(text: str) -> str:
    return text.replace("\0", "")


def _properties(text: str) -> dict[str, Any]:
    if len(text.encode()) > LONGEST_PROPERTIES:
        return {}
    properties: dict[str, Any] = json.loads(text.replace("\\u0000", ""))
    return properties


class Stored(NamedTuple):
    """What is stored of an account: its days, (events, people of 1, 7 and 28 days); its events by
    day and name, (events, people); and the people of each event of the last 28 days."""

    days: Mapped[date, tuple[int, int, int, int]]
    event_days: Mapped[tuple[date, str], tuple[int, int]]
    recent_people: Mapped[str, int]


def figures_of(stored: Stored, as_of: date) -> dict[str, Any]:
    """An account's figures, but for its top events."""
    ago = {(as_of - day).days: numbers for day, numbers in stored.days.items()}
    events = {days: numbers[0] for days, numbers in ago.items()}
    active = [days for days, count in events.items() if count > 0]
    weeks = [_sum(events, 7 * week, 7 * week + 7) for week in range(TREND_WEEKS)]
    return {
        "first_seen": as_of - timedelta(days=max(active)) if active else None,
        "last_seen": as_of - timedelta(days=min(active)) if active else None,
        "events_7d": _sum(events, 0, 7),
        "events_7d_before": _sum(events, 7, 14),
        "events_28d": _sum(events, 0, 28),
        "events_28d_before": _sum(events, 28, 56),
        "people_1d": ago.get(0, (0, 0, 0, 0))[1],
        "people_7d": ago.get(0, (0, 0, 0, 0))[2],
        "people_28d": ago.get(0, (0, 0, 0, 0))[3],
        "active_days_28d": sum(days < 28 for days in active),
        "distinct_events_28d": len(events_of_28_days(stored, as_of)),
        "trend": weeks[::-1],
    }


def _sum(events: Mapped[int, int], first: int, end: int) -> int:
    return sum(count for days, count in events.items() if first <= days < end)


def events_of_28_days(stored: Stored, as_of: date) -> dict[str, tuple[int, int]]:
    """(events, people) of each event of an account in the last 28 days."""
    found: dict[str, tuple[int, int]] = {}
    for (day, name), (events, people) in stored.event_days.items():
        if 0 <= (as_of - day).days < 28:
            so_far = found.get(name, (0, stored.recent_people.get(name, 0)))
            found[name] = so_far[0] + events, max(so_far[1], people)
    return found


def top_events_are_right(top: list[dict[str, Any]], stored: Stored, as_of: date) -> bool:
    """Whether they are the most used ones, most first; of equal ones any will do."""
    all_events = events_of_28_days(stored, as_of)
    most = sorted((events for events, _ in all_events.values()), reverse=True)[:TOP_EVENTS]
    told = {one["event"]: (one["events"], one["people"]) for one in top}
    return (
        [one["events"] for one in top] == most
        and len(told) == len(top)
        and told.items() <= all_events.items()
    )
