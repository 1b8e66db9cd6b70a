"""What can be judged: the days that are over, proven and held in a row; and an account's facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from ...models import AccountDay, AccountEventDay, UsageEvent, UsageSource
from ...pql.facts import DayFacts, Days
from ...pql.rules import Rule
from .statement import RuleStatement

_ACCOUNTS_AT_A_TIME = 500


@dataclass(frozen=True, kw_only=True)
class History:
    """Days of which usage is held, without a gap, up to the last one that is over and verified.

    Today's part is left out: half a day looks like a fall, and a silence.
    """

    first: date
    last: date

    def first_for(self, rule: Rule) -> date:
        """The first day as of which a rule can be judged: all that it looks back on is held."""
        return self.first + timedelta(days=rule.lookback - 1)


def history_of(source: UsageSource) -> History | None:
    """What of a source can be judged; None while that is nothing."""
    last: date | None = None
    first: date | None = None
    for row in source.days.held().newest_first():
        if last is None:
            if row.was_over(source):
                last = first = row.day
        elif first is not None and row.was_over(source) and row.day == first - timedelta(days=1):
            first = row.day
        else:
            break
    return History(first=first, last=last) if first and last else None


def statement_of(rule: Rule, source: UsageSource, *, first: date, last: date) -> RuleStatement:
    """A rule over a source's accounts, as of some days."""
    names = UsageEvent.objects.filter(source=source, name__in=rule.event_names)
    ids = dict(names.values_list("name", "id"))
    return RuleStatement(rule, source=source, event_ids=ids, first=first, last=last)


def facts_of(
    account_ids: Collection[int], *, first: date, last: date
) -> Iterator[tuple[int, Days]]:
    """What is held of some accounts, day by day, some accounts at a time."""
    ids = sorted(account_ids)
    for start in range(0, len(ids), _ACCOUNTS_AT_A_TIME):
        some = ids[start : start + _ACCOUNTS_AT_A_TIME]
        yield from _facts(some, first=first, last=last).items()


def _facts(ids: list[int], *, first: date, last: date) -> dict[int, dict[date, DayFacts]]:
    by_event: defaultdict[tuple[int, date], dict[str, int]] = defaultdict(dict)
    rows = AccountEventDay.objects.filter(account_id__in=ids, day__range=(first, last))
    for account, day, name, count in rows.values_list("account", "day", "event__name", "events"):
        by_event[account, day][name] = count
    found: dict[int, dict[date, DayFacts]] = {account: {} for account in ids}
    days = AccountDay.objects.filter(account_id__in=ids, day__range=(first, last))
    for account, day, events, people_7d, people_28d in days.values_list(
        "account", "day", "events", "people_7d", "people_28d"
    ):
        found[account][day] = DayFacts(
            events=events,
            people_7d=people_7d,
            people_28d=people_28d,
            by_event=by_event.get((account, day), {}),
        )
    return found
