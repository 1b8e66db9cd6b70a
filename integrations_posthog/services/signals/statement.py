"""A rule as one SQL statement over all accounts of a source, as of any range of days.

The numbers of a rule change only on days on which something comes into a window or goes out of
it, so an account has one row for each such day, however many days are asked for; and all that came
in before the first of them is one sum. As of one day or two, a plain GROUP BY is quicker.

The text is made of the statement's own words, of dates, and of numbers that ``pql.rules`` checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.db import connection

from ...models import UsageSource
from ...pql.episodes import Episode
from ...pql.rules import Percentile, Rule, Value
from .few_days import MOST_DAYS, FewDays
from .movements import Movements, Term, terms_of
from .verdicts import compared, verdict_of


class RuleStatement:
    """A rule, ready to be asked about a source's accounts.

    Args:
        event_ids: of the names of events, as far as the source has them.
        first, last: the days as of which the rule is evaluated.
    """

    def __init__(
        self,
        rule: Rule,
        *,
        source: UsageSource,
        event_ids: Mapping[str, int],
        first: date,
        last: date,
    ) -> None:
        self._rule = rule
        self._asked = (rule.within_days or 1) - 1
        self._origin = first - timedelta(days=self._asked)
        self._end = (last - self._origin).days
        self._usage: dict[str, Any] = {
            "source": source,
            "event_ids": event_ids,
            "origin": self._origin,
            "last": last,
        }
        self._terms: list[Term] = []
        self._places: list[int] = []
        for condition in rule.conditions:
            self._places.append(len(self._terms))
            self._terms += terms_of(condition)
        self._percentiles = {
            at: condition.compare.at_least
            for at, condition in enumerate(rule.conditions)
            if isinstance(condition.compare, Percentile)
        }

    def episodes(self) -> list[Episode]:
        """The days as of which the rule is met, by account and then by day."""
        return [
            Episode(
                account_id=account,
                first=self._date(day),
                until=None if until is None else self._date(until),
            )
            for account, day, until in _rows(self._episodes())
        ]

    def bars(self) -> dict[tuple[int, date], float]:
        """What each percentile stands for, by its condition's place in the rule and the day."""
        if not self._percentiles:
            return {}
        names = ", ".join(f"bar{at}" for at in self._percentiles)
        text = self._with([*self._daily(), *self._bars()]) + f"\nSELECT day, {names} FROM bars"
        return {
            (at, self._date(day)): bar
            for day, *bars in _rows(text)
            for at, bar in zip(self._percentiles, bars, strict=True)
            if bar is not None
        }

    def _episodes(self) -> str:
        if self._end < MOST_DAYS and self._rule.within_days is None and not self._percentiles:
            return self._episodes_of_few_days()
        turns = f"""edges AS (
    SELECT account_id, day, met, LAG(met, 1, 0) OVER past AS met_before FROM judged
    WHERE day >= {self._asked} WINDOW past AS (PARTITION BY account_id ORDER BY day)
),
turns AS (
    SELECT account_id, day, met, LEAD(day) OVER past AS until FROM edges WHERE met <> met_before
    WINDOW past AS (PARTITION BY account_id ORDER BY day)
)
SELECT account_id, day, until FROM turns WHERE met = 1 ORDER BY account_id, day"""
        return self._with([*self._judged(), turns])

    def _episodes_of_few_days(self) -> str:
        few = FewDays(**self._usage)
        days = range(self._end + 1)
        if _everybody_counts(self._rule):
            verdicts = [f"seen <= {day} AND ({self._met(f'_{day}')})" for day in days]
            return few.episodes(few.numbers_of_everybody(self._terms), verdicts)
        return few.episodes(few.numbers(self._terms), [self._met(f"_{day}") for day in days])

    def _date(self, number: int) -> date:
        return self._origin + timedelta(days=number)

    @staticmethod
    def _with(parts: Sequence[str]) -> str:
        return "WITH RECURSIVE " + ",\n".join(parts)

    # From usage to the numbers of every account

    def _steps(self) -> list[str]:
        """The numbers of an account from a day on until another one."""
        movements = Movements(**self._usage)
        comings = movements.of_terms(self._terms)
        if _everybody_counts(self._rule):
            comings.append(movements.of_births())
        changes = ", ".join(
            f"CAST(SUM(CASE WHEN term = {at} THEN amount ELSE 0 END) AS BIGINT) AS m{at}"
            for at in range(len(self._terms))
        )
        running = ", ".join(
            f"CAST(SUM(m{at}) OVER past AS BIGINT) AS m{at}" for at in range(len(self._terms))
        )
        return [
            f"changes AS (SELECT account_id, day, {changes} FROM ({self._moves(comings)}) AS moves "
            "GROUP BY account_id, day)",
            f"steps AS (SELECT account_id, day, LEAD(day, 1, {self._end + 1}) OVER past AS until, "
            f"{running} FROM changes WINDOW past AS (PARTITION BY account_id ORDER BY day))",
        ]

    def _moves(self, comings: Sequence[str]) -> str:
        """All that comes in and goes out on the days that are asked for, or was there before."""
        coming = "CASE WHEN comes < 0 THEN 0 ELSE comes END"
        union = "\n    UNION ALL ".join(comings)
        there = f"({union}\n) AS comings"
        which = f"WHERE goes > 0 AND comes <= {self._end}"
        if not self._end:  # Nothing goes on the only day.
            return f"SELECT account_id, {coming} AS day, term, amount FROM {there} {which}"
        return (
            f"SELECT account_id, CASE WHEN sign > 0 THEN {coming} ELSE goes END AS day, term, "
            f"sign * amount AS amount FROM {there} JOIN (SELECT 1 AS sign UNION ALL SELECT -1) "
            f"AS signs ON sign > 0 OR goes <= {self._end} {which}"
        )

    def _daily(self) -> list[str]:
        """The numbers of an account day by day, from the first one on that it has any."""
        numbers = ", ".join(f"m{at}" for at in range(len(self._terms)))
        return [
            *self._steps(),
            f"days(day) AS (SELECT 0 UNION ALL SELECT day + 1 FROM days WHERE day < {self._end})",
            f"daily AS (SELECT account_id, days.day, {numbers} FROM steps JOIN days "
            "ON days.day >= steps.day AND days.day < steps.until)",
        ]

    def _bars(self) -> list[str]:
        """What percentiles stand for, by day: the least value that so many per cent of the
        accounts do not exceed."""
        bars = [self._bar(at, percent) for at, percent in self._percentiles.items()]
        joined = " ".join(f"JOIN bar_of_{at} USING (day)" for at in self._percentiles)
        names = ", ".join(f"bar{at}" for at in self._percentiles)
        return [*bars, f"bars AS (SELECT day, {names} FROM days {joined})"]

    def _bar(self, at: int, percent: float) -> str:
        number = f"m{self._places[at]}"
        enough = compared("up_to * 100", ">=", percent, "everyone")
        return f"""bar_of_{at} AS (
    SELECT day, MIN(CASE WHEN {enough} THEN value END) AS bar{at}
    FROM (
        SELECT day, value, SUM(accounts) OVER (PARTITION BY day ORDER BY value) AS up_to,
            SUM(accounts) OVER (PARTITION BY day) AS everyone
        FROM (SELECT day, {number} AS value, COUNT(*) AS accounts FROM daily GROUP BY day, {number})
            AS counted
    ) AS ranked
    GROUP BY day
)"""

    # From the numbers to verdicts

    def _judged(self) -> list[str]:
        if self._rule.within_days is not None:
            return self._judged_in_turn(self._verdicts(), within_days=self._rule.within_days)
        parts, rows = self._steps(), "steps"
        if self._percentiles:
            parts, rows = [*self._daily(), *self._bars()], "daily JOIN bars USING (day)"
        judged = (
            f"SELECT account_id, day, CASE WHEN {self._met()} THEN 1 ELSE 0 END AS met FROM {rows}"
        )
        return [*parts, f"judged AS ({judged})"]

    def _met(self, as_of: str = "") -> str:
        """Whether a rule without an order is met, over the numbers as of a day."""
        return (" AND " if self._rule.joined == "all" else " OR ").join(self._verdicts(as_of))

    def _verdicts(self, as_of: str = "") -> list[str]:
        """Whether each condition is met, over the numbers as of a day."""
        return [
            verdict_of(
                condition, value=f"m{at}{as_of}", before=f"m{at + 1}{as_of}", bar=f"bar{place}"
            )
            for place, (at, condition) in enumerate(
                zip(self._places, self._rule.conditions, strict=True)
            )
        ]

    def _judged_in_turn(self, verdicts: Sequence[str], *, within_days: int) -> list[str]:
        """A sequence: for each condition, the latest day on which a chain of all conditions up to
        this one can have begun, that has come so far."""
        parts, rows = self._daily(), "daily"
        if self._percentiles:
            parts, rows = [*parts, *self._bars()], "daily JOIN bars USING (day)"
        flags = ", ".join(
            f"CASE WHEN {verdict} THEN 1 ELSE 0 END AS c{at}" for at, verdict in enumerate(verdicts)
        )
        kept = ", ".join(f"c{at}" for at in range(len(verdicts)))
        links = [f"link AS (SELECT account_id, day, day AS began, {flags} FROM {rows})"]
        for at in range(len(verdicts)):
            before = f"link{at - 1}" if at else "link"
            began = f"MAX(CASE WHEN c{at} = 1 THEN began END) OVER past AS began"
            links.append(
                f"link{at} AS (SELECT account_id, day, {began}, {kept} FROM {before} "
                "WINDOW past AS (PARTITION BY account_id ORDER BY day))"
            )
        met = f"CASE WHEN began > day - {within_days} THEN 1 ELSE 0 END AS met"
        last = f"link{len(verdicts) - 1}"
        return [*parts, *links, f"judged AS (SELECT account_id, day, {met} FROM {last})"]


def _everybody_counts(rule: Rule) -> bool:
    """Whether accounts matter that did nothing at all: as part of a percentile, or where a
    condition is met by nothing."""
    return any(
        isinstance(condition.compare, Percentile)
        or (isinstance(condition.compare, Value) and not condition.compare.at_least)
        for condition in rule.conditions
    )


def _rows(text: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
