"""A project's data, the ways in which they change, and what they were."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from ..engine import Table, run
from ..grammar import parse_select
from ..hogql import fill_placeholders
from .store import COLUMNS, FOREVER, Store


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event to be taken in, by default now. ``groups`` are keys by the types' indexes."""

    event: str
    timestamp: datetime
    person_id: UUID
    distinct_id: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[int, str] = field(default_factory=dict)
    uuid: UUID = field(default_factory=uuid4)
    created_at: datetime | None = None

    def row(self, *, now: datetime) -> dict[str, Any]:
        keys = {f"$group_{index}": self.groups.get(index, "") for index in range(5)}
        return keys | {
            "uuid": self.uuid,
            "event": self.event,
            "timestamp": naive(self.timestamp),
            "created_at": naive(self.created_at or now),
            "distinct_id": self.distinct_id or str(self.person_id),
            "person_id": self.person_id,
            "properties": as_json(self.properties),
        }


def naive(moment: datetime) -> datetime:
    """The time in UTC, as the store holds it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def as_json(properties: Mapping[str, Any]) -> str:
    return json.dumps(properties, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A project's data as they were at a version."""

    store: Store
    version: int

    @property
    def zone(self) -> str:
        return self.store.zone_at(self.version)

    def relation(self, table: str) -> str:
        return self.store.relation(table, version=self.version)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return self.store.execute(sql)


class ProjectData(Store):
    """The data of one project. Every change is a new version, which it returns.

    Args:
        load: fills the tables, when they are first used.
        zone: the project's time zone at first.
        clock: gives the time, with a time zone.
    """

    def __init__(
        self, *, load: Callable[[Store], None], zone: str, clock: Callable[[], datetime]
    ) -> None:
        super().__init__(load=load, zone=zone)
        self._clock = clock

    def as_of(self, version: int | None = None) -> Snapshot:
        """The data at a version, by default the latest."""
        self.open()
        return Snapshot(store=self, version=self.version if version is None else version)

    def run_text(
        self, text: str, values: Mapping[str, Any] | None = None, *, as_of: int | None = None
    ) -> Table:
        """The answer to a HogQL text, without PostHog's checks and limits.

        Raises:
            HogQLError: it cannot be answered.
        """
        select = fill_placeholders(parse_select(text), values=values or {})
        with self.lock:
            return run(select=select, text=text, data=self.as_of(as_of), now=self._clock())

    def run_sql(self, sql: str, *, as_of: int | None = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT of DuckDB's from ``events``, ``persons`` and ``groups``.

        Times are TIMESTAMPs in UTC, properties JSON text.
        """
        with self.lock:
            snapshot = self.as_of(as_of)
            tables = ", ".join(
                f"{table} AS (SELECT {_names(table)} FROM {snapshot.relation(table)})"  # noqa: S608
                for table in ("events", "persons", "groups")
            )
            return self.execute(f"WITH {tables} {sql}")

    def add_events(self, events: Sequence[Event]) -> int:
        """Take in events, whenever they happened."""
        with self.lock:
            now = self._clock()
            version = self.next_version("events")
            self.insert("events", [event.row(now=now) for event in events], since=version)
        return version

    def resend(self, uuids: Iterable[UUID]) -> int:
        """Take in events once more, now; they count twice until ``merge_duplicates``."""
        again = f"""
            INSERT INTO events SELECT * REPLACE ($now AS created_at, $version AS since)
            FROM events WHERE until = {FOREVER} AND uuid IN (SELECT unnest($uuids::UUID[]))
            QUALIFY row_number() OVER (PARTITION BY uuid) = 1
        """  # noqa: S608
        return self._change(again, "events", uuids=list(uuids), now=naive(self._clock()))

    def merge_duplicates(self) -> int:
        """Of events that ClickHouse takes for the same, leave the one that came in last."""
        merge = f"""
            UPDATE events SET until = $version WHERE rowid IN (
                SELECT rowid FROM events WHERE until = {FOREVER}
                QUALIFY row_number() OVER (
                    PARTITION BY uuid, event, CAST(timestamp AS DATE), distinct_id
                    ORDER BY created_at DESC, since DESC
                ) > 1
            )
        """  # noqa: S608
        return self._change(merge, "events")

    def delete_events(self, uuids: Iterable[UUID]) -> int:
        delete = f"""
            UPDATE events SET until = $version
            WHERE until = {FOREVER} AND uuid IN (SELECT unnest($uuids::UUID[]))
        """  # noqa: S608
        return self._change(delete, "events", uuids=list(uuids))

    def merge_persons(self, old: UUID, *, into: UUID) -> int:
        """Make one person another one: the events are the other's from now on, old ones too."""
        end = f"WHERE until = {FOREVER}"
        with self.lock:
            version = self.next_version("moves", "persons")
            moved = f"SELECT old_id FROM moves {end} AND new_id = $1 UNION SELECT $1"  # noqa: S608
            people = [row[0] for row in self.execute(moved, [old])]
            self.execute(f"UPDATE moves SET until = {version} {end} AND new_id = $1", [old])  # noqa: S608
            self.execute(f"UPDATE persons SET until = {version} {end} AND id = $1", [old])  # noqa: S608
            rows = [{"old_id": each, "new_id": into} for each in people]
            self.insert("moves", rows, since=version)
        return version

    def set_person(self, person_id: UUID, properties: Mapping[str, Any]) -> int:
        """Give a person other properties, or make a new one."""
        with self.lock:
            row = {"id": person_id, "properties": as_json(properties)}
            return self._replace_row("persons", row, key=("id",))

    def set_group(self, index: int, key: str, properties: Mapping[str, Any]) -> int:
        """Give a group other properties, or make a new one."""
        row = {
            "index": index,
            "key": key,
            "updated_at": naive(self._clock()),
            "properties": as_json(properties),
        }
        return self._replace_row("groups", row, key=("index", "key"))

    def set_timezone(self, zone: str) -> int:
        """Move the project to another time zone.

        Raises:
            ZoneInfoNotFoundError: there is none of that name.
        """
        with self.lock:
            return self.next_version(zone=ZoneInfo(zone).key)

    def _change(self, sql: str, table: str, **params: Any) -> int:
        with self.lock:
            version = self.next_version(table)
            self.execute(sql, params | {"version": version})
        return version

    def _replace_row(self, table: str, row: dict[str, Any], *, key: tuple[str, ...]) -> int:
        """End the row of the same key, and begin another one that is as old."""
        now = naive(self._clock())
        with self.lock:
            version = self.next_version(table)
            same = " AND ".join(f'"{name}" = ${index}' for index, name in enumerate(key, 1))
            ended = self.execute(
                f"UPDATE {table} SET until = {version} WHERE until = {FOREVER} AND {same} "  # noqa: S608
                "RETURNING created_at",
                [row[name] for name in key],
            )
            self.insert(table, [{"created_at": ended[0][0] if ended else now} | row], since=version)
        return version


def _names(table: str) -> str:
    return ", ".join(f'"{name}"' for name in COLUMNS[table])
