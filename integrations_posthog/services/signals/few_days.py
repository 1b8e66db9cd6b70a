"""A rule as of one day or two, as SQL: a plain GROUP BY over the rows that its numbers are made of.

That is what is asked for after each sync: the new day, and the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from .movements import Kind, Term, Usage, once_a_day

MOST_DAYS = 2


class FewDays(Usage):
    """SELECTs about a source's accounts with one row for each, and in it a column for each number
    as of each day: m1_0 is the number at place 1 as of day 0."""

    def episodes(self, numbers: str, verdicts: Sequence[str]) -> str:
        """Of the accounts that meet a rule: account_id, and the days on which they begin to and
        cease to, with NULL where they do not cease.

        Args:
            verdicts: whether the rule is met as of each day.
        """
        met = ", ".join(
            f"CASE WHEN {verdict} THEN 1 ELSE 0 END AS met_{day}"
            for day, verdict in enumerate(verdicts)
        )
        last = len(verdicts) - 1
        return (
            f"SELECT account_id, CASE WHEN met_0 = 1 THEN 0 ELSE {last} END AS day, "
            f"CASE WHEN met_{last} = 1 THEN NULL ELSE {last} END AS until "
            f"FROM (SELECT account_id, {met} FROM ({numbers}) AS numbers) AS judged "
            f"WHERE met_0 = 1 OR met_{last} = 1 ORDER BY account_id"
        )

    def numbers_of_everybody(self, terms: Sequence[Term]) -> str:
        """All numbers of a rule, of every account that was seen; with the day as of which it was
        for the first time."""
        columns = ", ".join(
            f"COALESCE({name}, 0) AS {name}" for name in self._columns(dict(enumerate(terms)))
        )
        return (
            f"SELECT id AS account_id, {self.number('first_seen')} AS seen, {columns} "
            f"FROM posthog_account LEFT JOIN ({self.numbers(terms)}) AS used ON account_id = id "
            f"WHERE source_id = {self.source.pk} AND first_seen <= '{self.last}'"
        )

    def numbers(self, terms: Sequence[Term]) -> str:
        """All numbers of a rule, of the accounts that have rows of which these are made."""
        kinds = self.alike(terms)
        names = self._columns(dict(enumerate(terms)))
        parts = [self._of_kind(kind, some, names) for kind, some in kinds.items()]
        if len(parts) == 1:
            return parts[0]
        sums, union = (
            ", ".join(f"SUM({name}) AS {name}" for name in names),
            " UNION ALL ".join(parts),
        )
        return f"SELECT account_id, {sums} FROM ({union}) AS parts GROUP BY account_id"

    def _of_kind(self, kind: Kind, terms: Mapping[int, Term], names: Iterable[str]) -> str:
        """The numbers that are made of some rows; the others are 0."""
        rows, windows = self.rows(kind, terms.values()), self._columns(terms)
        if kind.measure == "distinct_events":
            used = ", ".join(
                f"MAX(CASE WHEN {window} THEN 1 ELSE 0 END) AS {name}"
                for name, window in windows.items()
            )
            rows = f"(SELECT account_id, {used} FROM {rows} GROUP BY account_id, event_id) AS used"
            sums = {name: f"SUM({name})" for name in windows}
        elif kind.measure == "active_days":
            rows = once_a_day(kind, rows)
            sums = {name: f"COUNT(*) FILTER (WHERE {window})" for name, window in windows.items()}
        else:
            sums = {
                name: f"COALESCE(SUM({kind.column}) FILTER (WHERE {window}), 0)"
                for name, window in windows.items()
            }
        columns = ", ".join(f"{sums.get(name, 0)} AS {name}" for name in names)
        return f"SELECT account_id, {columns} FROM {rows} GROUP BY account_id"

    def _columns(self, terms: Mapping[int, Term]) -> dict[str, str]:
        """The columns of some numbers, and which days each counts."""
        found = {}
        for number, term in terms.items():
            for ago in range((self.last - self.origin).days + 1):
                first, last = term.window(self.origin + timedelta(days=ago))
                found[f"m{number}_{ago}"] = f"day BETWEEN '{first}' AND '{last}'"
        return found
