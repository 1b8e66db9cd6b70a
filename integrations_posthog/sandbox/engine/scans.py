"""How much of the events a query reads: what lies in its ranges of ``timestamp``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..grammar import HogQLError, Node
from ..hogql import walk
from .run import Readable, run
from .times import read_time

LOWER, UPPER = (">", ">="), ("<", "<=")


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Over all parts of a query: the events in their ranges, and the days of the longest one.

    A range without a beginning or an end is as long as there have been events.
    """

    events: int
    days: float


def scanned(*, select: Node, data: Readable, now: datetime) -> Scan:
    parts = [
        _scan(node, data=data, now=now)
        for node in walk(select)
        if node["node"] == "SelectQuery" and _reads_events(node)
    ]
    return Scan(
        events=sum(part.events for part in parts),
        days=max((part.days for part in parts), default=0),
    )


def _reads_events(select: Node) -> bool:
    source = select["select_from"]
    return bool(source) and source["table"].get("chain") == ["events"]


def _scan(select: Node, *, data: Readable, now: datetime) -> Scan:
    bounds = list(_bounds(select.get("where")))
    source = {"select_from": select["select_from"]}
    where = {"node": "And", "exprs": bounds} if bounds else None
    [[events]] = _asked([_call("count")], source | {"where": where}, data=data, now=now)
    ends = [_call(name, "timestamp") for name in ("min", "max")]
    [[first, last]] = _asked(ends, source, data=data, now=now)
    lower, upper = (_moments(bounds, each, data=data, now=now) for each in (LOWER, UPPER))
    length = min(upper or [_time(last, data)]) - max(lower or [_time(first, data)])
    return Scan(events=events, days=length.total_seconds() / 86_400)


def _call(name: str, *fields: str) -> Node:
    args = [{"node": "Field", "chain": [field]} for field in fields]
    return {"node": "Call", "name": name, "args": args, "params": None, "distinct": False}


def _bounds(where: Node | None) -> Iterator[Node]:
    """The comparisons of ``timestamp`` with what is the same for every row."""
    if where is None:
        return
    if where["node"] == "And":
        for each in where["exprs"]:
            yield from _bounds(each)
    elif where["node"] == "CompareOperation" and where["op"] in LOWER + UPPER:
        fields = [node for node in walk(where) if node["node"] == "Field"]
        if where["left"].get("chain", [""])[-1] == "timestamp" and len(fields) == 1:
            yield where


def _moments(
    bounds: list[Node], operators: tuple[str, ...], *, data: Readable, now: datetime
) -> list[datetime]:
    sides = [bound["right"] for bound in bounds if bound["op"] in operators]
    [row] = _asked(sides, {}, data=data, now=now) if sides else [[]]
    return [_time(value, data) for value in row]


def _time(value: Any, data: Readable) -> datetime:
    """The time that a constant of a query, or a column of its answer, tells.

    Raises:
        HogQLError: it tells none.
    """
    moment = read_time(str(value), data.zone)
    if moment is None:
        raise HogQLError(f"Cannot parse DateTime: '{value}'", code="type_mismatch")
    return moment


def _asked(
    columns: list[Node], parts: dict[str, Any], *, data: Readable, now: datetime
) -> list[list[Any]]:
    """The rows of a SELECT of these columns, by the same rules as any other."""
    names = ("distinct", "select_from", "where", "group_by", "having", "order_by", "limit")
    named = [
        {"node": "Alias", "alias": f"column_{number}", "expr": column}
        for number, column in enumerate(columns)
    ]
    select = dict.fromkeys(names) | {"node": "SelectQuery", "select": named} | parts
    return run(select=select, text="", data=data, now=now).rows
