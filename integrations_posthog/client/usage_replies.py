"""What PostHog's replies to the questions of ``usage`` mean. Reading is pure.

Every answer names the project's time zone (posthog/hogql_queries/query_runner.py).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from math import isfinite
from typing import Any, NamedTuple

from ..errors import ApiError
from . import shapes
from .replies import read_object, storable_text
from .transport import Reply

_TIMEZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")

LONGEST_PROPERTIES = 20_000
"""Of a group, as JSON text; longer ones are left out."""


class DayCount(NamedTuple):
    """How many events a day has, and when PostHog took in the last of them."""

    day: date
    events: int
    last_created_at: datetime


class EventUsage(NamedTuple):
    """An account's use of one event: the days, and for each of them the numbers."""

    event: str
    days: list[date]
    events: list[int]
    people: list[int]


class DayUsage(NamedTuple):
    """An account's use of everything: the days, and for each of them the numbers; people also of
    the 7 and 28 days up to it."""

    days: list[date]
    events: list[int]
    people: list[int]
    people_7d: list[int]
    people_28d: list[int]


class RecentEvent(NamedTuple):
    """An account's use of one event in the last 28 days."""

    event: str
    events: int
    people: int


class AccountUsage(NamedTuple):
    """The usage of one account, or of all events that have this for a key."""

    key: str
    by_event: list[EventUsage]
    by_day: list[DayUsage]
    last_28_days: list[RecentEvent]


class ChoiceCount(NamedTuple):
    """Events and accounts of one choice of an account's key, or of one e-mail domain of it."""

    choice: str
    domain: str
    events: int
    accounts: int


class GroupRow(NamedTuple):
    """A group as PostHog knows it; no properties where they are too long."""

    key: str
    name: str
    properties: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class QueryAnswer:
    """The rows of a query, each a list, and the time zone in which its days are days."""

    rows: list[Any]
    timezone: str


def read_answer(reply: Reply) -> QueryAnswer:
    """The answer to any query (posthog.com/docs/api/queries)."""
    body = read_object(reply, of_project=True)
    rows, timezone = body.get("results"), body.get("timezone")
    if not isinstance(rows, list) or not isinstance(timezone, str):
        raise ApiError(status=reply.status)
    if not _TIMEZONE.fullmatch(timezone):
        raise ApiError(status=reply.status, hint="PostHog names a time zone that cannot be one.")
    return QueryAnswer(rows=rows, timezone=timezone)


def read_day_counts(answer: QueryAnswer, *, origin: date) -> list[DayCount]:
    """The answer to ``hogql.DAY_COUNTS``."""
    match shapes.tuples(answer.rows, 1):
        case [[days]]:
            return [
                DayCount(shapes.day(origin, day), shapes.count(events), shapes.moment(last))
                for day, events, last in shapes.tuples(days, 3)
            ]
    raise shapes.misshapen()


def read_usage(
    answer: QueryAnswer, *, origin: date, after: str | None = None
) -> list[AccountUsage]:
    """The answer to ``hogql.usage``: accounts in the order of their keys, each once and with
    something to count; of each account, every day and event once.

    Args:
        after: the key that the accounts come after.
    """
    page = _accounts(answer, origin)
    last = after
    for usage in page:
        if last is not None and _bytes(usage.key) <= _bytes(last):
            raise ApiError(status=200, hint="PostHog's pages of accounts do not go on.")
        last = usage.key
        _refuse_repeats(usage)
    return page


def _refuse_repeats(usage: AccountUsage) -> None:
    """Each event once, and each of its days; and something at all."""
    names: list[list[Any]] = [[row.event for row in usage.by_event]]
    names += [[row.event for row in usage.last_28_days]]
    days = [row.days for row in usage.by_event if len(row.days) > 1]
    days += [[day for row in usage.by_day for day in row.days]]
    if any(len(set(each)) != len(each) for each in [*names, *days]):
        raise shapes.misshapen()
    if not (usage.by_event or usage.by_day or usage.last_28_days):
        raise shapes.misshapen()


def _accounts(answer: QueryAnswer, origin: date) -> list[AccountUsage]:
    days = shapes.Days(origin)
    return [
        AccountUsage(
            shapes.string(key),
            _by_event(by_event, days),
            _by_day(by_day, days),
            [
                RecentEvent(shapes.string(event), *shapes.counts(rest))
                for event, *rest in shapes.tuples(last_28_days, 3)
            ],
        )
        for key, by_event, by_day, last_28_days in shapes.tuples(answer.rows, 4)
    ]


def _by_event(rows: object, days: shapes.Days) -> list[EventUsage]:
    checked = shapes.tuples(rows, 4)
    _check_columns([row[1:] for row in checked])
    return [
        EventUsage(shapes.string(event), [days[offset] for offset in offsets], events, people)
        for event, offsets, events, people in checked
    ]


def _by_day(rows: object, days: shapes.Days) -> list[DayUsage]:
    checked = shapes.tuples(rows, 5)
    _check_columns(checked)
    return [
        DayUsage([days[offset] for offset in offsets], *numbers) for offsets, *numbers in checked
    ]


def _check_columns(rows: list[list[Any]]) -> None:
    """Refuse anything but columns of equal length, the first of days and the others of counts.

    All rows at once: they are very many, and the columns very short.
    """
    if not {type(column) for row in rows for column in row} <= {list}:
        raise shapes.misshapen()
    if any(len(set(map(len, row))) != 1 for row in rows):
        raise shapes.misshapen()
    shapes.integers(list(chain.from_iterable(row[0] for row in rows)))
    shapes.counts(list(chain.from_iterable(column for row in rows for column in row[1:])))


def read_coverage(answer: QueryAnswer) -> list[ChoiceCount]:
    """The answer to ``hogql.coverage``."""
    match shapes.tuples(answer.rows, 1):
        case [[counts]]:
            return [
                ChoiceCount(shapes.string(choice), shapes.string(domain), *shapes.counts(rest))
                for choice, domain, *rest in shapes.tuples(counts, 4)
            ]
    raise shapes.misshapen()


def read_groups(answer: QueryAnswer, *, after: str = "") -> list[GroupRow]:
    """The answer to ``hogql.GROUPS``: groups in the order of their keys.

    Args:
        after: the key that they come after.
    """
    page = [
        GroupRow(shapes.string(key), storable_text(shapes.string(name)), _properties(properties))
        for key, name, properties in shapes.tuples(answer.rows, 3)
    ]
    for row in page:
        if _bytes(row.key) <= _bytes(after):
            raise ApiError(status=200, hint="PostHog's pages of groups do not go on.")
        after = row.key
    return page


def _bytes(key: str) -> bytes:
    """What ClickHouse orders texts by."""
    return key.encode(errors="surrogatepass")


def _properties(text: object) -> dict[str, Any] | None:
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_PROPERTIES:
        return None
    try:
        # Databases take no NaN and no infinity, which Python's JSON does.
        properties = _storable(json.loads(text, parse_constant=lambda _: None, parse_float=_finite))
    except (ValueError, RecursionError):
        return None
    return properties if isinstance(properties, dict) else None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if isfinite(number) else None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable_text(name): _storable(item) for name, item in value.items()}
    return value
