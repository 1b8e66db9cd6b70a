"""Rows of the tables, made from usage as it was read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from itertools import repeat
from typing import Any

from ...client.usage_replies import AccountUsage
from .staging import EventNames, StagedRow

Row = tuple[Any, ...]


def event_days(
    usages: Iterable[AccountUsage],
    days: Collection[date],
    ids: Mapping[str, int],
    events: EventNames,
) -> Iterator[Row]:
    """Of ``AccountEventDay``, for these days.

    Args:
        ids: of the accounts, by their keys; an account without one is left out.
    """
    for usage, account in _known(usages, ids):
        for name, on_days, counts, people in usage.by_event:
            made = zip(repeat(account), on_days, repeat(events[name]), counts, people)
            yield from _of_days(made, days)


def days(
    usages: Iterable[AccountUsage], days: Collection[date], ids: Mapping[str, int]
) -> Iterator[Row]:
    """Of ``AccountDay``, for these days."""
    for usage, account in _known(usages, ids):
        for columns in usage.by_day:
            yield from _of_days(zip(repeat(account), *columns), days)


def last_28_days(
    usages: Iterable[AccountUsage], ids: Mapping[str, int], events: EventNames
) -> Iterator[Row]:
    """Of ``AccountEvent``."""
    for usage, account in _known(usages, ids):
        for name, *counts in usage.last_28_days:
            yield (account, events[name], *counts)


def staged(
    usages: Iterable[AccountUsage], *, run_id: int, ids: Mapping[str, int], events: EventNames
) -> Iterator[Row]:
    """Of ``StagedUsage``, for all of these tables and days."""
    for usage, account in _known(usages, ids):
        for name, *columns in usage.by_event:
            event = events[name]
            for day, *numbers in zip(*columns, strict=True):
                yield StagedRow(run_id, account, event, day, *numbers)
        for by_day in usage.by_day:
            for day, *numbers in zip(*by_day, strict=True):
                yield StagedRow(run_id, account, None, day, *numbers)
        for name, *counts in usage.last_28_days:
            yield StagedRow(run_id, account, events[name], None, *counts)


def _known(
    usages: Iterable[AccountUsage], ids: Mapping[str, int]
) -> Iterator[tuple[AccountUsage, int]]:
    return ((usage, ids[usage.key]) for usage in usages if usage.key in ids)


def _of_days(made: Iterable[Row], wanted: Collection[date]) -> Iterator[Row]:
    """Rows whose second column is one of these days."""
    return (row for row in made if row[1] in wanted)
