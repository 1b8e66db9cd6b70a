"""Runs a checked query on a project's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import duckdb

from ..grammar import HogQLError, Node
from ..hogql import not_yet
from .context import Context
from .selects import Limit, as_written, translate
from .values import converted


@dataclass(frozen=True, kw_only=True)
class Table:
    """``types`` are ClickHouse's names of the columns' types; ``rows`` are ready for JSON."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[list[Any]]


class Readable(Protocol):
    """A project's data as they were at some version."""

    @property
    def zone(self) -> str: ...

    def relation(self, table: str) -> str:
        """The SQL that ``events``, ``persons`` or ``groups`` is read from."""

    def fetch(self, sql: str) -> list[tuple[Any, ...]]: ...


def run(
    *, select: Node, text: str, data: Readable, now: datetime, limit: Limit = as_written
) -> Table:
    """The query's answer; ``limit`` tells what its LIMIT becomes, in each part of a UNION ALL.

    Raises:
        HogQLError: PostHog or ClickHouse refuses the query, or it is beyond the stand-in.
    """
    context = Context(zone=data.zone, now=now, relation=data.relation)
    translated = translate(select, context=context, text=text, limit=limit)
    try:
        rows = data.fetch(translated.sql)
    except duckdb.Error as error:
        raise _refusal(str(error)) from error
    return Table(
        columns=translated.names,
        types=tuple(map(str, translated.types)),
        rows=converted(rows, translated.types),
    )


REFUSALS: Mapping[str, tuple[str, str]] = {
    "GROUP BY": ("not_an_aggregate", "A column is neither under an aggregate nor in GROUP BY"),
    "aggregate": ("illegal_aggregation", "An aggregate function is found where none may be"),
}
"""Words in DuckDB's message: the code and the words of ClickHouse's error."""


def _refusal(message: str) -> HogQLError:
    first_line = message.splitlines()[0]
    for word, (code, text) in REFUSALS.items():
        if first_line.startswith("Binder Error") and word in first_line:
            return HogQLError(text, code=code)
    return HogQLError(not_yet(first_line))
