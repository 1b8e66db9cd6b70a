"""The engine of the stand-in: counts over its small history of events.

``Engine`` is the seam: it gets a parsed and checked query and gives a table. This one answers
``select count() from events where ...``, which is what proves a key, and refuses all else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from .events import EventRow, events_of
from .expressions import Compiler, Value
from .grammar import HogQLError, Node
from .hogql import not_yet
from .world import Project


@dataclass(frozen=True, kw_only=True)
class Table:
    """``types`` are ClickHouse's names of the columns' types."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[list[Value]]


class Engine(Protocol):
    def run(self, *, select: Node, project: Project, now: datetime, limit: int) -> Table:
        """At most ``limit`` rows of the query's answer.

        Raises:
            HogQLError: the query cannot be answered.
        """


SELECT_PARTS = frozenset(("node", "start", "end", "select", "select_from", "where", "limit"))


class CountingEngine:
    """Counts the events of a project; see the module's docstring for what it refuses."""

    def run(self, *, select: Node, project: Project, now: datetime, limit: int) -> Table:
        _refuse_other_parts(select)
        items = [_select_item(item) for item in select["select"]]
        source = select["select_from"]
        if any(item.counts != bool(source) for item in items):
            raise HogQLError(not_yet("any other column than count() of a table"), at=select)
        rows = events_of(project, now.astimezone(UTC).date()) if source else ()
        total = sum(row.count for row in _kept(rows, select=select, now=now))
        return Table(
            columns=tuple(item.name for item in items),
            types=tuple("UInt64" if item.counts else _type_name(item.value) for item in items),
            rows=[[total if item.counts else item.value for item in items]][:limit],
        )


def _kept(rows: tuple[EventRow, ...], *, select: Node, now: datetime) -> list[EventRow]:
    if not select["where"]:
        return list(rows)
    tables = {"events", select["select_from"]["alias"]}
    keeps = Compiler(now=now, tables=tables).getter(select["where"])
    return [row for row in rows if keeps(row)]


def _refuse_other_parts(select: Node) -> None:
    if select["node"] != "SelectQuery":
        raise HogQLError(not_yet("UNION, EXCEPT and INTERSECT"), at=select)
    for part, value in select.items():
        if part not in SELECT_PARTS and value:
            raise HogQLError(not_yet(part.replace("_", " ").upper()), at=select)
    source = select["select_from"]
    if source is None:
        if select["where"]:
            raise HogQLError(not_yet("WHERE without a table"), at=select)
    elif source["table"].get("chain") != ["events"] or source["next_join"] or source["sample"]:
        raise HogQLError(not_yet("any other source than events"), at=source)


@dataclass(frozen=True, kw_only=True)
class _SelectItem:
    name: str
    counts: bool
    value: Value = None


def _select_item(node: Node) -> _SelectItem:
    if node["node"] == "Alias":
        item = _select_item(node["expr"])
        return _SelectItem(name=node["alias"], counts=item.counts, value=item.value)
    if node["node"] == "Constant":
        return _SelectItem(name=str(node["value"]), counts=False, value=node["value"])
    if node["node"] == "Call" and node["name"].lower() == "count":
        args = node["args"]
        if not args:
            return _SelectItem(name="count()", counts=True)
        if [arg.get("chain") for arg in args] == [["*"]] and not node["distinct"]:
            return _SelectItem(name="count(*)", counts=True)
    raise HogQLError(not_yet("any other column than count()"), at=node)


def _type_name(value: Value) -> str:
    if value is None:
        return "Nullable(Nothing)"
    names: dict[type, str] = {bool: "Bool", int: "UInt8", float: "Float64", str: "String"}
    return names[type(value)]
