"""The numbers of a rule, as SQL: what comes into each window, when, and when it goes again.

Every row of usage counts for the days whose window holds it. It comes in on its own day and goes
out when the window has passed; a number is the running sum of its comings and goings.

Days are numbers here, counted from an origin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection

from ...models import UsageSource
from ...pql.rules import Condition, FirstTime, OwnPast

_DAY_NUMBERS = {
    "postgresql": "({column} - DATE '{origin}')",
    "sqlite": "CAST(julianday({column}) - julianday('{origin}') AS INTEGER)",
}


@dataclass(frozen=True, kw_only=True)
class Term:
    """A number of a condition: a measure over ``length`` days that ended ``ago`` days ago."""

    measure: str
    events: tuple[str, ...] | None
    length: int
    ago: int = 0
    column: str = "events"

    def window(self, day: date) -> tuple[date, date]:
        """The first and the last day of which the number is made, as of a day."""
        last = day - timedelta(days=self.ago)
        return last - timedelta(days=self.length - 1), last


def terms_of(condition: Condition) -> list[Term]:
    """What a condition compares: its measure and, where it asks for it, that of the time before."""
    length, column = condition.days, "events"
    if condition.measure == "active_people":
        # They are stored by the day that the window ends with.
        length, column = 1, f"people_{condition.days}d"
    facts = {"measure": condition.measure, "events": condition.events, "column": column}
    terms = [Term(**facts, length=length)]  # type: ignore[arg-type]
    if isinstance(condition.compare, OwnPast):
        terms.append(Term(**facts, length=length, ago=condition.days))  # type: ignore[arg-type]
    elif isinstance(condition.compare, FirstTime):
        silent, ago = condition.compare.silent_days, condition.days
        terms.append(Term(measure="events", events=condition.events, length=silent, ago=ago))
    return terms


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Rows of usage of which numbers are made, and how.

    Attributes:
        which: of the table's rows.
        by_event: whether an account has several such rows a day, one for each event.
    """

    measure: str
    column: str
    table: str
    which: str
    by_event: bool


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What is stored of a source's accounts, as far as numbers are made of it.

    Attributes:
        event_ids: of the names of events, as far as the source has them.
        origin, last: the days as of which numbers are wanted.
    """

    source: UsageSource
    event_ids: Mapping[str, int]
    origin: date
    last: date

    def alike(self, terms: Sequence[Term]) -> dict[Kind, dict[int, Term]]:
        """The numbers of a rule by their places, with those together that are made of the same
        rows, so that these are read once."""
        alike: defaultdict[Kind, dict[int, Term]] = defaultdict(dict)
        for number, term in enumerate(terms):
            alike[self._kind(term)][number] = term
        return dict(alike)

    def _kind(self, term: Term) -> Kind:
        by_event = term.events is not None or term.measure == "distinct_events"
        table, which, several = "posthog_account_day", f"{term.column} > 0", False
        if by_event:
            table, which, several = "posthog_account_event_day", "events > 0", True
        if term.events is not None:
            ids = [str(self.event_ids[name]) for name in term.events if name in self.event_ids]
            which, several = f"event_id IN ({', '.join(ids) or 'NULL'})", len(ids) > 1
        return Kind(
            measure=term.measure, column=term.column, table=table, which=which, by_event=several
        )

    def rows(self, kind: Kind, terms: Iterable[Term]) -> str:
        """The rows that count for some numbers of a kind, to be selected FROM."""
        spans = " OR ".join(
            f"day BETWEEN '{first}' AND '{last}'" for first, last in map(self._span, terms)
        )
        return (
            f"{kind.table} WHERE account_id IN (SELECT id FROM posthog_account WHERE source_id = "
            f"{self.source.pk}) AND ({spans}) AND {kind.which}"
        )

    def _span(self, term: Term) -> tuple[date, date]:
        """The first and the last day whose rows count for a number."""
        return term.window(self.origin)[0], term.window(self.last)[1]

    def number(self, column: str) -> str:
        """A day as a number."""
        return _DAY_NUMBERS[connection.vendor].format(column=column, origin=self.origin)


class Movements(Usage):
    """SELECTs of (account_id, comes, goes, term, amount) about a source's accounts."""

    def of_terms(self, terms: Sequence[Term]) -> list[str]:
        """What counts for the numbers of a rule, which are numbered by their places."""
        return [self._comings(kind, some) for kind, some in self.alike(terms).items()]

    def _comings(self, kind: Kind, terms: Mapping[int, Term]) -> str:
        numbers = " UNION ALL ".join(
            f"SELECT {number} AS term, {term.ago} AS ago, {term.length} AS length"
            for number, term in terms.items()
        )
        used, goes = self._used(kind, self.rows(kind, terms.values()))
        return (
            f"SELECT account_id, day + ago AS comes, {goes} AS goes, term, amount "
            f"FROM ({used}) AS used CROSS JOIN ({numbers}) AS terms"
        )

    def _used(self, kind: Kind, rows: str) -> tuple[str, str]:
        """What counts of some rows, and when it goes out of a window."""
        day, goes, column = self.number("day"), "day + ago + length", kind.column
        if kind.measure == "active_people":
            return _unchanged(rows, column=column, day=day), "gone + ago"
        if kind.measure == "active_days":
            return (
                f"SELECT account_id, {day} AS day, 1 AS amount FROM {once_a_day(kind, rows)}",
                goes,
            )
        if kind.measure == "distinct_events":
            next_use = f"LEAD({day}) OVER (PARTITION BY account_id, event_id ORDER BY day)"
            used = f"SELECT account_id, {day} AS day, 1 AS amount, {next_use} AS again FROM {rows}"
            # The same event again takes the place of the one before.
            return used, f"CASE WHEN again + ago < {goes} THEN again + ago ELSE {goes} END"
        return f"SELECT account_id, {day} AS day, {column} AS amount FROM {rows}", goes

    def of_births(self) -> str:
        """Every account, as nothing, from the first day on that it was seen on."""
        return (
            f"SELECT id, {self.number('first_seen')}, {(self.last - self.origin).days + 1}, -1, 0 "
            f"FROM posthog_account WHERE source_id = {self.source.pk} "
            f"AND first_seen <= '{self.last}'"
        )


def once_a_day(kind: Kind, rows: str) -> str:
    """The days of each account that has such rows, to be selected FROM."""
    if not kind.by_event:
        return rows
    # No DISTINCT: two workers' distinct rows, hashed anew, keep PostgreSQL 15 busy for minutes.
    return f"(SELECT account_id, day FROM {rows} GROUP BY account_id, day) AS days_of_use"


def _unchanged(rows: str, *, column: str, day: str) -> str:
    """Days in a row with the same number, as one: it comes on the first and is gone after the last.

    Numbers of people stand for a day, not for what came in on it, and mostly stay as they are. An
    account's last day stands alone, to tell when the days before it end.
    """
    # PostgreSQL would else fetch the rows in the order of the primary key, from all over the table.
    by_account = "account_id + 0" if connection.vendor == "postgresql" else "account_id"
    past = f"PARTITION BY {by_account} ORDER BY day"
    numbered = (
        f"SELECT account_id, {day} AS day, {column} AS amount, "
        f"LAG({day}) OVER past AS day_before, LAG({column}) OVER past AS amount_before, "
        f"LEAD(day) OVER past AS day_after FROM {rows} WINDOW past AS ({past})"
    )
    return (
        f"SELECT account_id, day, amount, LEAD(day_before, 1, day) OVER ({past}) + 1 AS gone "
        f"FROM ({numbered}) AS numbered WHERE day_before IS NULL OR day_before < day - 1 "
        "OR amount_before <> amount OR day_after IS NULL"
    )
