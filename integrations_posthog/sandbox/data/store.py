"""A project's events, persons and groups in DuckDB, in every version that they ever had.

A row is there from the version ``since`` on and before the version ``until``. As long as nothing
has changed, tables are read as they are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

import duckdb

from ..engine import MACROS

Params = Sequence[Any] | Mapping[str, Any]
FOREVER = 2**31 - 1

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "4GB",
    "temp_directory": str(Path(tempfile.gettempdir()) / "posthog-sandbox"),
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "error_on_division_by_zero": False,
}

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "events": {
        "uuid": "UUID",
        "event": "VARCHAR",
        "timestamp": "TIMESTAMP",
        "created_at": "TIMESTAMP",
        "distinct_id": "VARCHAR",
        "person_id": "UUID",
        "properties": "VARCHAR",
        **{f"$group_{index}": "VARCHAR" for index in range(5)},
    },
    "persons": {"id": "UUID", "created_at": "TIMESTAMP", "properties": "VARCHAR"},
    "groups": {
        "index": "INTEGER",
        "key": "VARCHAR",
        "created_at": "TIMESTAMP",
        "updated_at": "TIMESTAMP",
        "properties": "VARCHAR",
    },
    # Whose events are whose, after persons have been merged.
    "moves": {"old_id": "UUID", "new_id": "UUID"},
}


class Store:
    """The tables of one project. Safe to use from several threads, one after the other.

    Args:
        load: fills the tables, when they are first used.
        zone: the project's time zone at first.
    """

    def __init__(self, *, load: Callable[[Store], None], zone: str) -> None:
        self.lock = RLock()
        self.properties_sql = ""
        self._load = load
        self._first_zone = zone
        self._connection: duckdb.DuckDBPyConnection | None = None
        self.forget()

    def forget(self) -> None:
        """Drop all data; they are loaded anew when they are next used."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            self._version = 0
            self._changed: set[str] = set()
            self._zones = [(0, self._first_zone)]

    def interrupt(self) -> None:
        """End the statement that another thread is at, if any, with an error there."""
        connection = self._connection
        if connection is not None:
            connection.interrupt()

    @property
    def version(self) -> int:
        """How often the data have changed."""
        return self._version

    @property
    def zone(self) -> str:
        """The project's time zone, now."""
        return self._zones[-1][1]

    def zone_at(self, version: int) -> str:
        return next(zone for since, zone in reversed(self._zones) if since <= version)

    def open(self) -> None:
        """Load the data, unless they are."""
        with self.lock:
            self._connected()

    def execute(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement of DuckDB's; for loading and for changes."""
        with self.lock:
            return self._connected().execute(sql, params).fetchall()

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]], *, since: int = 0) -> None:
        """Add rows, each a value by each column's name."""
        if not rows:
            return
        columns = COLUMNS[table]
        names = ", ".join(f'"{name}"' for name in columns)
        values = ", ".join(
            f"unnest(CAST(${index} AS {sql_type}[]))"
            for index, sql_type in enumerate(columns.values(), 1)
        )
        params = [[row[name] for row in rows] for name in columns]
        sql = f"INSERT INTO {table} ({names}, since) SELECT {values}, {since}"
        self.execute(sql, params)

    def relation(self, table: str, *, version: int) -> str:
        """The SQL to read a table from, as it was at a version."""
        extra = "e.*"
        if table == "events" and self.properties_sql:
            extra += f" REPLACE (coalesce(properties, {self.properties_sql}) AS properties)"
        there = f"since <= {version} AND until > {version}" if table in self._changed else "TRUE"
        if extra == "e.*" and there == "TRUE" and not self._moved(table):
            return f"main.{table}"
        rows = f"(SELECT {extra} FROM main.{table} e WHERE {there})"  # noqa: S608
        if not self._moved(table):
            return rows
        moves = f"(SELECT * FROM main.moves WHERE since <= {version} AND until > {version})"  # noqa: S608
        return (
            "(SELECT e.* REPLACE (coalesce(m.new_id, e.person_id) AS person_id) "  # noqa: S608
            f"FROM {rows} e LEFT JOIN {moves} m ON m.old_id = e.person_id)"
        )

    def _moved(self, table: str) -> bool:
        return table == "events" and "moves" in self._changed

    def next_version(self, *tables: str, zone: str = "") -> int:
        """Begin a change of these tables, or to another time zone, and number it."""
        self.open()
        self._version += 1
        self._changed.update(tables)
        if zone:
            self._zones.append((self._version, zone))
        return self._version

    def _connected(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = duckdb.connect(":memory:", config=SETTINGS)
            for statement in ("SET TimeZone = 'UTC'", *MACROS, *map(_create, COLUMNS)):
                self._connection.execute(statement)
            try:
                self._load(self)
            except BaseException:
                self.forget()
                raise
        return self._connection


def _create(table: str) -> str:
    columns = ", ".join(f'"{name}" {sql_type}' for name, sql_type in COLUMNS[table].items())
    versions = f"since INTEGER DEFAULT 0, until INTEGER DEFAULT {FOREVER}"
    return f"CREATE TABLE {table} ({columns}, {versions})"
