"""The tables that a query may read, and the joins behind ``person`` and ``group_0``.

Fields: posthog/hogql/database/schema/events.py, persons.py and groups.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..grammar import HogQLError
from ..hogql import not_yet
from .context import Context
from .kinds import INT, JSON, STRING, UUID, Kind, Type, time_in
from .sql import Expr, default, name_of, quoted

GROUP_COUNT = 5
TABLES = frozenset(("events", "persons", "groups"))
OTHER_TABLES = frozenset(("sessions", "person_distinct_ids", "cohort_people", "log_entries"))
OTHER_FIELDS: Mapping[str, frozenset[str]] = {
    "events": frozenset(
        (
            *("*", "team_id", "elements_chain", "$session_id", "$session_id_uuid", "$window_id"),
            *("person_mode", "poe", "pdi", "session", "elements_chain_href"),
            *("elements_chain_texts", "elements_chain_ids", "elements_chain_elements"),
        )
    ),
    "persons": frozenset(("*", "is_identified", "pdi")),
    "groups": frozenset(("*",)),
}


def columns_of(table: str, zone: str) -> dict[str, Type]:
    """The columns that are read as they are."""
    time = time_in(zone)
    persons = {"id": UUID, "created_at": time, "properties": JSON}
    groups = {
        "index": INT,
        "key": STRING,
        "created_at": time,
        "updated_at": time,
        "properties": JSON,
    }
    events = {
        "uuid": UUID,
        "event": STRING,
        "timestamp": time,
        "created_at": time,
        "distinct_id": STRING,
        "person_id": UUID,
        "properties": JSON,
        **{f"$group_{index}": STRING for index in range(GROUP_COUNT)},
    }
    return {"events": events, "persons": persons, "groups": groups}[table]


class Source(Protocol):
    """What a SELECT reads from."""

    @property
    def names(self) -> frozenset[str]:
        """What may stand in front of a field."""

    def field(self, chain: Sequence[str]) -> Expr | None:
        """A field and what is in it; None if there is none of its name."""

    def sql(self) -> str:
        """The SQL to read from, once all fields that are wanted have been asked for."""


def json_field(text: Expr, path: Sequence[str]) -> Expr:
    """A property as a nullable string."""
    keys = "".join('."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in path)
    sql = f"json_extract_string({text.sql}, {quoted('$' + keys)})"
    return Expr(sql=sql, type=STRING.or_null())


def inside(column: Expr, rest: Sequence[str]) -> Expr:
    """The column, or a property in it.

    Raises:
        HogQLError: nothing can be in it.
    """
    if not rest:
        return column
    if column.type.kind is Kind.JSON:
        return json_field(column, rest)
    raise HogQLError(not_yet(f"the field {'.'.join(rest)} of {column.type}"))


class TableSource:
    """One of PostHog's tables."""

    def __init__(self, *, table: str, alias: str | None, context: Context) -> None:
        self.names = frozenset((table, alias or table))
        self._table = table
        self._context = context
        self._columns = columns_of(table, context.zone)
        self._joins: dict[str, _Join] = {}

    def field(self, chain: Sequence[str]) -> Expr | None:
        first, *rest = chain
        if first in self._columns:
            column = Expr(sql=f"t.{name_of(first)}", type=self._columns[first])
            return inside(column, rest)
        if self._table == "events" and first in JOINED:
            if not rest:
                raise HogQLError(not_yet(f"the field {first} by itself"))
            join = self._joins.setdefault(first, _Join(name=first, context=self._context))
            return join.field(rest)
        if first in OTHER_FIELDS[self._table]:
            raise HogQLError(not_yet(f"the field {'.'.join(chain)}"))
        return None

    def sql(self) -> str:
        relation = self._context.relation(self._table)
        if not self._joins:
            return relation
        joined = [join.columns() for join in self._joins.values()]
        joins = [join.sql() for join in self._joins.values()]
        columns = ", ".join(("e.*", *joined))
        return f"(SELECT {columns} FROM {relation} e {' '.join(joins)})"  # noqa: S608


JOINED = {
    "person": ("persons", "{0}.id = e.person_id"),
    **{
        f"group_{index}": (
            "groups",
            f'{{0}}."index" = {index} AND {{0}}.key = e."$group_{index}"',
        )
        for index in range(GROUP_COUNT)
    },
}


class _Join:
    """A table that comes along with the events, one row or none for each of them.

    Properties are taken out of the JSON before the join, once a row of the joined table.
    """

    def __init__(self, *, name: str, context: Context) -> None:
        self._name = name
        self._table, self._on = JOINED[name]
        self._context = context
        self._known = columns_of(self._table, context.zone)
        self._wanted: dict[str, str] = {}

    def field(self, chain: Sequence[str]) -> Expr:
        first, *rest = chain
        if first not in self._known:
            raise HogQLError(f"Unable to resolve field: {first}")
        whole = Expr(sql=f"j.{name_of(first)}", type=self._known[first])
        part = inside(whole, rest)
        label = f"{self._name}.{'.'.join(chain)}"
        self._wanted[label] = part.sql
        sql = f"t.{name_of(label)}"
        # A row that is not there has ClickHouse's defaults.
        given = sql if part.type.nullable else f"coalesce({sql}, {default(part.type)})"
        return Expr(sql=given, type=part.type)

    def columns(self) -> str:
        alias = name_of(self._name)
        return ", ".join(f"{alias}.{name_of(label)}" for label in self._wanted)

    def sql(self) -> str:
        wanted = "".join(f", {sql} AS {name_of(label)}" for label, sql in self._wanted.items())
        relation = self._context.relation(self._table)
        keys = "j.id" if self._table == "persons" else 'j."index", j.key'
        alias = name_of(self._name)
        inner = f"(SELECT {keys}{wanted} FROM {relation} j)"  # noqa: S608
        return f"LEFT JOIN {inner} AS {alias} ON {self._on.format(alias)}"


class QuerySource:
    """A subquery: its fields are the names of its columns."""

    def __init__(self, *, sql: str, columns: Mapping[str, Type], alias: str | None) -> None:
        self.names = frozenset((alias,) if alias else ())
        self._sql = sql
        self._columns = columns

    def field(self, chain: Sequence[str]) -> Expr | None:
        first, *rest = chain
        if first not in self._columns:
            return None
        return inside(Expr(sql=f"t.{name_of(first)}", type=self._columns[first]), rest)

    def sql(self) -> str:
        return f"({self._sql})"
