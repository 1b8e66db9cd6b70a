"""The list of accounts as it is asked for, and an account's days as its chart shows them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet

from ..models import Account
from ..services.sync.ledger import days_between
from ..services.usage import AccountUsage

PER_PAGE = 50
USUAL_ORDERING = "-events_28d"
RANGES = (28, 90, 365)
USUAL_RANGE = 90
_FIGURES = ("events", "people", "people_7d", "people_28d")
_LONGEST_SEARCH = 200
_MOST_PROPERTIES = 50
_LONGEST_PROPERTY = 300


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the list that it can be ordered by.

    Attributes:
        ordering: what a click orders by: the most first, and on the second click the least.
        sorted: as ``aria-sort`` has it; empty where the list is not ordered by this column.
    """

    label: str
    ordering: str
    sorted: str


_COLUMNS = {
    "name": "Account",
    "score": "Score",
    "events_7d": "Events, 7 days",
    "events_28d": "Events, 28 days",
    "people_7d": "People, 7 days",
    "people_28d": "People, 28 days",
    "active_days_28d": "Active days",
}
ORDERINGS = tuple(sign + name for name in _COLUMNS for sign in ("", "-"))


@dataclass(frozen=True, kw_only=True)
class AccountQuery:
    """Which accounts are asked for, in which order."""

    search: str
    ordering: str

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> AccountQuery:
        """What an address asks for; an order that there is not is the usual one."""
        ordering = asked.get("ordering", "")
        return cls(
            search=asked.get("search", "").replace("\0", "").strip()[:_LONGEST_SEARCH],
            ordering=ordering if ordering in ORDERINGS else USUAL_ORDERING,
        )

    def apply(self, accounts: QuerySet[Account]) -> QuerySet[Account]:
        """Those of the accounts, in that order."""
        if self.search:
            named = Q(name__icontains=self.search) | Q(key__icontains=self.search)
            accounts = accounts.filter(named)
        return accounts.order_by(self.ordering, "pk")

    def columns(self) -> list[Column]:
        """All columns, and which of them the list is ordered by."""
        return [self._column(name, label) for name, label in _COLUMNS.items()]

    def _column(self, name: str, label: str) -> Column:
        first, second = (name, f"-{name}") if name == "name" else (f"-{name}", name)
        is_sorted = self.ordering in (first, second)
        direction = "descending" if self.ordering.startswith("-") else "ascending"
        return Column(
            label=label,
            ordering=second if self.ordering == first else first,
            sorted=direction if is_sorted else "",
        )


@dataclass(frozen=True, kw_only=True)
class EventTotal:
    """The use of one event over some days; ``share`` is from 0 to 1."""

    event: str
    events: int
    share: float
    days: int
    people_28d: int


def event_totals(usage: AccountUsage, *, people_28d: Mapping[str, int]) -> list[EventTotal]:
    """What was used, the most first.

    Args:
        people_28d: people of the last 28 days by event; people of days cannot be added up.
    """
    counts: dict[str, list[int]] = defaultdict(list)
    for row in usage.by_event:
        counts[row["event"]].append(row["events"])
    total = sum(row["events"] for row in usage.by_event) or 1
    totals = [
        EventTotal(
            event=event,
            events=sum(daily),
            share=sum(daily) / total,
            days=len(daily),
            people_28d=people_28d.get(event, 0),
        )
        for event, daily in counts.items()
    ]
    return sorted(totals, key=lambda one: (-one.events, one.event))


def daily_rows(usage: AccountUsage, *, held: Iterable[date]) -> list[dict[str, Any]]:
    """Every day from the first to the last; the figures are None on days that are not held."""
    rows = {row["day"]: row for row in usage.daily}
    days_held = set(held)
    return [
        rows.get(day) or {"day": day} | dict.fromkeys(_FIGURES, 0 if day in days_held else None)
        for day in days_between(usage.first, usage.last)
    ]


def chart_data(daily: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The columns of the chart, with days as ``2026-11-22``."""
    rows = list(daily)
    columns: dict[str, list[Any]] = {"days": [row["day"].isoformat() for row in rows]}
    return columns | {
        name: [row[name] for row in rows] for name in ("events", "people", "people_7d")
    }


def shown_properties(account: Account) -> dict[str, str]:
    """An account's properties as text, as far as there is room for them."""
    properties = list((account.properties or {}).items())[:_MOST_PROPERTIES]
    return {name: _shown(value) for name, value in sorted(properties)}


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_PROPERTY else f"{text[:_LONGEST_PROPERTY]}…"
