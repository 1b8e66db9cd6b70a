"""The query endpoint: its checks, its cache, its limits and its answer.

Source: posthog/api/query.py and posthog/hogql_queries/hogql_query_runner.py.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from .answers import Answer, RefusalError, Request, bad_query, iso
from .data import ProjectData
from .engine import Readable, Scan, Table, run, scanned
from .grammar import HogQLError, Node, parse_select
from .hogql import fill_placeholders, limit_of, not_yet, refuse_offset, tables_of
from .query_request import QueryRequest, read_body
from .refusals import TOO_BIG
from .tenants import Project
from .versions import QueryDialect

DEFAULT_ROWS = 100
MOST_ROWS = 50_000
FRESH_FOR = timedelta(hours=6)
NEXT_REFRESH_AFTER = timedelta(minutes=3)
BUDGET_BYTES = 20 * 10**9
BYTES_PER_QUERY = 65_536


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a region's queries may be, below PostHog's own limits.

    ``rows`` is a LIMIT that larger ones, and none, are cut to without a word. Queries that read
    more than so many ``events``, or a range of more than so many ``days``, are refused with
    ``status``, 504, 512 or 513.

    Raises:
        ValueError: another status, or no row at all.
    """

    rows: int = MOST_ROWS
    events: int | None = None
    days: float | None = None
    status: int = 512

    def __post_init__(self) -> None:
        if self.status not in TOO_BIG or self.rows < 1:
            raise ValueError("status is 504, 512 or 513, and rows is 1 or more")

    def allow(self, scan: Scan) -> bool:
        too_many = self.events is not None and scan.events > self.events
        too_long = self.days is not None and scan.days > self.days
        return not too_many and not too_long


class QueryEndpoint:
    """Answers queries of one region, and remembers the answers as PostHog does."""

    def __init__(self) -> None:
        self.limits = Limits()
        self._answers: dict[str, tuple[datetime, Answer]] = {}

    def forget(self) -> None:
        self._answers.clear()

    def answer(
        self,
        *,
        request: Request,
        project: Project,
        data: ProjectData,
        dialect: QueryDialect,
        now: datetime,
    ) -> Answer:
        """The answer to the body of the request, which may be one of the last six hours.

        Raises:
            RefusalError: 400, for the body or for the query in it.
        """
        asked = read_body(request.body, dialect=dialect)
        name = _cache_key(project, asked)
        computed, answer = self._answers.get(name, (now, None))
        if answer and not asked.forces and now - computed < FRESH_FOR:
            return replace(
                answer,
                body=answer.body | {"is_cached": True},
                headers=_cost(0),
            )
        answer = self._computed(asked, data=data, dialect=dialect, now=now)
        if dialect.caches:
            fresh = _freshness(name, now, zone=project.timezone)
            answer = replace(answer, body=answer.body | fresh, headers=_cost())
            self._answers[name] = (now, answer)
        return answer

    def _computed(
        self, asked: QueryRequest, *, data: ProjectData, dialect: QueryDialect, now: datetime
    ) -> Answer:
        tables: list[str] = []
        try:
            select = fill_placeholders(parse_select(asked.text), values=asked.values)
            tables = tables_of(select)
            if not dialect.offset_allowed:
                refuse_offset(select)
            paged = select["node"] == "SelectQuery" and limit_of(select) is None
            most = min(MOST_ROWS, self.limits.rows)
            rows = DEFAULT_ROWS + paged
            with data.lock:
                snapshot = data.as_of()
                self._refuse_too_big(select, data=snapshot, now=now)
                table = run(
                    select=select,
                    text=asked.text,
                    data=snapshot,
                    now=now,
                    limit=lambda own: min(rows if own is None else own, most),
                )
        except RecursionError:
            error = HogQLError(not_yet("a query that is nested this deeply"))
            raise RefusalError(_refusal(error, asked, tables, dialect)) from None
        except HogQLError as error:
            raise RefusalError(_refusal(error, asked, tables, dialect)) from None
        body = _body(asked.text, table, paged=paged)
        return Answer(status=200, body=body, version=snapshot.version)

    def _refuse_too_big(self, select: Node, *, data: Readable, now: datetime) -> None:
        limits = self.limits
        if limits.events is None and limits.days is None:
            return
        if not limits.allow(scanned(select=select, data=data, now=now)):
            raise RefusalError(TOO_BIG[limits.status])


def _body(text: str, table: Table, *, paged: bool) -> dict[str, Any]:
    """The response; ``hasMore``, ``limit`` and ``offset`` are for a query without a LIMIT."""
    hogql = f"{text} LIMIT {DEFAULT_ROWS + 1} OFFSET 0" if paged else text
    return {
        "query": None,
        "hogql": hogql,
        "clickhouse": f"-- the stand-in has no ClickHouse\n{hogql}",
        "columns": list(table.columns),
        "types": [list(pair) for pair in zip(table.columns, table.types, strict=True)],
        "results": table.rows[:DEFAULT_ROWS] if paged else table.rows,
        "hasMore": len(table.rows) > DEFAULT_ROWS if paged else None,
        "limit": DEFAULT_ROWS if paged else None,
        "offset": 0 if paged else None,
        "error": None,
        "explain": None,
        "metadata": None,
        "modifiers": {},
        "timings": [{"k": "./parse_select", "t": 0.001}, {"k": ".", "t": 0.002}],
    }


def _freshness(cache_key: str, now: datetime, *, zone: str) -> dict[str, Any]:
    return {
        "is_cached": False,
        "cache_key": cache_key,
        "cache_target_age": iso(now + FRESH_FOR),
        "last_refresh": iso(now),
        "next_allowed_client_refresh": iso(now + NEXT_REFRESH_AFTER),
        "timezone": zone,
        "query_metadata": None,
        "query_status": None,
        "calculation_trigger": None,
    }


def _cache_key(project: Project, asked: QueryRequest) -> str:
    identity = json.dumps([project.id, asked.as_sent], sort_keys=True)
    return f"cache_{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def _cost(read: int = BYTES_PER_QUERY) -> dict[str, str]:
    return {
        "X-PostHog-Query-Bytes-Read": str(read),
        "X-PostHog-Query-Budget-Remaining-Bytes": str(BUDGET_BYTES - read),
    }


def _refusal(
    error: HogQLError, asked: QueryRequest, tables: list[str], dialect: QueryDialect
) -> Answer:
    if not dialect.explains:
        return bad_query(detail=error.message, code="invalid_input")
    metadata = {
        "isValid": False,
        "errors": [{"message": error.message, "start": error.start, "end": error.end}],
        "warnings": [],
        "notices": [],
        "query": asked.text,
        "table_names": tables,
    }
    referenced = f"\nTables referenced: {', '.join(tables)}" if tables else ""
    return bad_query(
        detail=error.message + referenced,
        code=error.code,
        extra={"hogql_metadata": metadata},
    )
