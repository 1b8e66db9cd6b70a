"""HogQL expressions compiled to functions of an event."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .events import EventRow
from .grammar import HogQLError, Node
from .hogql import column_of, not_yet

Value = Any
Getter = Callable[[EventRow], Value]

COMPARISONS: dict[str, Callable[[Value, Value], Value]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda left, right: left in right,
    "not in": lambda left, right: left not in right,
    "like": lambda left, right: _like(right).fullmatch(left) is not None,
    "not like": lambda left, right: _like(right).fullmatch(left) is None,
    "ilike": lambda left, right: _like(right.lower()).fullmatch(left.lower()) is not None,
    "not ilike": lambda left, right: _like(right.lower()).fullmatch(left.lower()) is None,
}
ARITHMETIC: dict[str, Callable[[Value, Value], Value]] = {"+": operator.add, "-": operator.sub}
COLUMNS: dict[str, Getter] = {
    "event": lambda row: row.event,
    "timestamp": lambda row: row.timestamp,
    "distinct_id": lambda row: row.distinct_id,
    "person_id": lambda row: row.person_id,
    "$group_0": lambda row: row.company,
}
INTERVALS = {
    "toIntervalSecond": timedelta(seconds=1),
    "toIntervalMinute": timedelta(minutes=1),
    "toIntervalHour": timedelta(hours=1),
    "toIntervalDay": timedelta(days=1),
    "toIntervalWeek": timedelta(weeks=1),
}


def _like(pattern: str) -> re.Pattern[str]:
    parts = ({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _moment(text: Value, zone: str = "UTC") -> datetime:
    """A time as HogQL reads it: without an offset it is in the project's time zone."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "toDateTime": _moment,
    "toDateTime64": lambda text, scale=6, zone="UTC": _moment(text, zone),
    "subtractDays": lambda moment, days: moment - timedelta(days=days),
    "addDays": lambda moment, days: moment + timedelta(days=days),
    "not": operator.not_,
}


class Compiler:
    """Expressions to functions of a row."""

    def __init__(self, *, now: datetime, tables: set[Any]) -> None:
        self.now = now
        self.tables = tables
        self._by_node: dict[str, Callable[[Node], Getter]] = {
            "And": self._and,
            "ArithmeticOperation": self._arithmetic,
            "Array": self._tuple,
            "BetweenExpr": self._between,
            "Call": self._call,
            "CompareOperation": self._comparison,
            "Constant": self._constant,
            "Field": self._field,
            "Not": self._not,
            "Or": self._or,
            "Tuple": self._tuple,
        }

    def getter(self, node: Node) -> Getter:
        """What the expression is, for any row.

        Raises:
            HogQLError: here or at the first row, where it is beyond this engine.
        """
        compile_node = self._by_node.get(node["node"])
        if compile_node is None:
            raise HogQLError(not_yet(f"the expression {node['node']}"), at=node)
        return compile_node(node)

    def _constant(self, node: Node) -> Getter:
        value = node["value"]
        return lambda row: value

    def _field(self, node: Node) -> Getter:
        name = column_of(node, tables=self.tables)
        if name not in COLUMNS or len(node["chain"]) > 2:
            raise HogQLError(not_yet(f"the field {'.'.join(map(str, node['chain']))}"), at=node)
        return COLUMNS[name]

    def _and(self, node: Node) -> Getter:
        parts = [self.getter(each) for each in node["exprs"]]
        return lambda row: all(part(row) for part in parts)

    def _or(self, node: Node) -> Getter:
        parts = [self.getter(each) for each in node["exprs"]]
        return lambda row: any(part(row) for part in parts)

    def _not(self, node: Node) -> Getter:
        part = self.getter(node["expr"])
        return lambda row: not part(row)

    def _tuple(self, node: Node) -> Getter:
        parts = [self.getter(each) for each in node["exprs"]]
        return lambda row: tuple(part(row) for part in parts)

    def _comparison(self, node: Node) -> Getter:
        operation = self._operation(COMPARISONS, node)
        return self._applied(lambda left, right: operation(*_comparable(left, right)), node)

    def _arithmetic(self, node: Node) -> Getter:
        return self._applied(self._operation(ARITHMETIC, node), node)

    def _between(self, node: Node) -> Getter:
        value, low, high = (self.getter(node[part]) for part in ("expr", "low", "high"))

        def between(row: EventRow) -> bool:
            above, floor = _comparable(value(row), low(row))
            below, ceiling = _comparable(value(row), high(row))
            return bool((floor <= above and below <= ceiling) != node["negated"])

        return self._guarded(between, node)

    def _call(self, node: Node) -> Getter:
        name, args = node["name"], [self.getter(each) for each in node["args"]]
        if name.lower() == "now" and not args:
            now = self.now
            return lambda row: now
        if name in INTERVALS and len(args) == 1:
            unit = INTERVALS[name]
            return self._guarded(lambda row: unit * args[0](row), node)
        if name in FUNCTIONS:
            function = FUNCTIONS[name]
            return self._guarded(lambda row: function(*(arg(row) for arg in args)), node)
        raise HogQLError(not_yet(f"the function {name}"), at=node)

    def _operation(
        self, table: dict[str, Callable[[Value, Value], Value]], node: Node
    ) -> Callable[[Value, Value], Value]:
        if node["op"] not in table:
            raise HogQLError(not_yet(f"the operator {node['op']}"), at=node)
        return table[node["op"]]

    def _applied(self, operation: Callable[[Value, Value], Value], node: Node) -> Getter:
        left, right = self.getter(node["left"]), self.getter(node["right"])
        return self._guarded(lambda row: operation(left(row), right(row)), node)

    def _guarded(self, getter: Getter, node: Node) -> Getter:
        def guarded(row: EventRow) -> Value:
            try:
                return getter(row)
            except (TypeError, ValueError, AttributeError, OverflowError, ZoneInfoNotFoundError):
                message = not_yet("a comparison or function of values of these types")
                raise HogQLError(message, at=node) from None

        return guarded


def _comparable(left: Value, right: Value) -> tuple[Value, Value]:
    """Both sides, with text read as a time where the other side is one."""
    if isinstance(left, datetime) and isinstance(right, str):
        return left, _moment(right)
    if isinstance(left, str) and isinstance(right, datetime):
        return _moment(left), right
    return left, right
