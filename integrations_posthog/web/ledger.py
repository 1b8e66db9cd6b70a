"""The ledger as the pages show it: a calendar, and what belongs to no account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from ..models import SyncDay

DAYS_OF_A_MONTH = range(1, 32)


@dataclass(frozen=True, kw_only=True)
class Month:
    """A row of the calendar: a cell for each of 31 days, None where the ledger has no such day."""

    first: date
    cells: list[SyncDay | None]


def calendar(days: Iterable[SyncDay]) -> list[Month]:
    """The days of the ledger, a month a row.

    Args:
        days: newest first; so are the months.
    """
    months = []
    for first, rows in groupby(days, key=lambda row: row.day.replace(day=1)):
        by_number = {row.day.day: row for row in rows}
        cells = [by_number.get(number) for number in DAYS_OF_A_MONTH]
        months.append(Month(first=first, cells=cells))
    return months


def unattributed_by_reason(days: Iterable[SyncDay]) -> dict[str, int]:
    """How many events belong to no account, by the reason, over all these days."""
    counts: Counter[str] = Counter()
    for row in days:
        counts.update(row.unattributed)
    return dict(counts)
