"""Backtests: a definition replayed over the days that are held, and what that would have told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta

from django.db.models import Min

from ...errors import InvalidInput
from ...models import (
    AccountDay,
    AccountEventDay,
    SignalDefinition,
    SignalDefinitionVersion,
    UsageEvent,
    UsageSource,
)
from ...pql.backtest import Caught, Fired, Statistics, Tried, statistics_of
from ...pql.episodes import Episode, firing
from ...pql.lift import Interval
from ...pql.rules import Rule, parse_rule
from .judging import History, history_of, statement_of

__all__ = ["LONGEST_HORIZON_DAYS", "BacktestResult", "Caught", "Interval", "replay", "run_backtest"]

LONGEST_HORIZON_DAYS = 180

READ_WITHIN = timedelta(hours=2)
"""How long after a day's end it is read for the first time: by the next hourly sync, or the one
after it. What came in later, the signals of the day were not based on."""


@dataclass(frozen=True, kw_only=True)
class BacktestResult(Statistics):
    """What a definition would have told of a goal.

    Attributes:
        changed_after: of how many signals the days that they rest on got events after the signal's
            day had been read. A live run would have judged by other numbers than the replay did.
    """

    changed_after: int


def run_backtest(
    definition: SignalDefinition,
    *,
    source: UsageSource,
    goal_event: str,
    horizon_days: int,
    first: date | None = None,
    last: date | None = None,
    seed: int = 0,
) -> BacktestResult:
    """Replay what a definition says now, and hold it against the accounts that converted.

    Args:
        goal_event: the event by which an account converts.
        horizon_days: for how many days after a signal it counts for it.
        first, last: the period; None for all days that can be judged.
        seed: of the bootstrap.

    Raises:
        InvalidInput: there is no such event, or the period or the horizon cannot be.
    """
    assert definition.version is not None  # noqa: S101  (made in one transaction with it)
    if not 1 <= horizon_days <= LONGEST_HORIZON_DAYS:
        hint = f"horizon_days is a whole number from 1 to {LONGEST_HORIZON_DAYS}."
        raise InvalidInput(hint=hint)
    event = UsageEvent.objects.filter(source=source, name=goal_event).first()
    if event is None:
        raise InvalidInput(hint=f"goal_event: no event {goal_event!r} is held of this project.")
    rule = parse_rule(definition.version.rule)
    period = _period(rule, history_of(source), first=first, last=last)
    if period is None:
        return _result(statistics_of([], days=0, horizon_days=horizon_days), changed_after=0)
    replayed = replay(definition.version, source=source, last=period.last)
    episodes = [one for one in replayed if one.first >= period.first]
    before = {one.account_id for one in replayed if one.first < period.first}
    tried = _tried(source, event, episodes, period, had_one_before=before)
    days = (period.last - period.first).days + 1
    return _result(
        statistics_of(tried, days=days, horizon_days=horizon_days, seed=seed),
        changed_after=_changed_after(source, rule, episodes),
    )


def replay(version: SignalDefinitionVersion, *, source: UsageSource, last: date) -> list[Episode]:
    """The episodes that fire up to a day, as if they had been evaluated day by day from the first
    day on that can be judged."""
    rule = parse_rule(version.rule)
    history = history_of(source)
    if history is None or history.first_for(rule) > last:
        return []
    statement = statement_of(rule, source, first=history.first_for(rule), last=last)
    return firing(statement.episodes(), fired={}, cooldown_days=version.cooldown_days)


def _period(
    rule: Rule, history: History | None, *, first: date | None, last: date | None
) -> History | None:
    """The days as of which to replay; None while no day can be judged.

    Raises:
        InvalidInput: some of those that are asked for cannot be.
    """
    if history is None or history.first_for(rule) > history.last:
        return None
    earliest, latest = history.first_for(rule), history.last
    begins, ends = first or earliest, last or latest
    if not earliest <= begins <= ends <= latest:
        hint = f"from and to are days from {earliest} to {latest}, in this order."
        raise InvalidInput(hint=hint)
    return History(first=begins, last=ends)


def _tried(
    source: UsageSource,
    event: UsageEvent,
    episodes: Sequence[Episode],
    period: History,
    *,
    had_one_before: Collection[int],
) -> list[Tried]:
    """All accounts that were there by the end of the period.

    Args:
        had_one_before: the accounts with a signal before the period.
    """
    goals = AccountEventDay.objects.filter(
        account__source=source, event=event, events__gt=0, day__lte=period.last
    )
    converted = dict(
        goals.values("account_id").annotate(first=Min("day")).values_list("account_id", "first")
    )
    people, fired = _people(episodes), defaultdict(list)
    for one in episodes:
        size = people.get((one.account_id, one.first), 0)
        fired[one.account_id].append(Fired(day=(one.first - period.first).days, people=size))
    accounts = source.accounts.filter(first_seen__lte=period.last).order_by("id")
    return [
        Tried(
            seen=(seen - period.first).days,
            goal=(converted[pk] - period.first).days if pk in converted else None,
            signals=tuple(fired.get(pk, ())),
            had_one_before=pk in had_one_before,
        )
        for pk, seen in accounts.values_list("id", "first_seen")
        if seen is not None
    ]


def _people(episodes: Sequence[Episode]) -> dict[tuple[int, date], int]:
    """The active people of the 28 days up to each signal, by account and day."""
    accounts: defaultdict[date, list[int]] = defaultdict(list)
    for one in episodes:
        accounts[one.first].append(one.account_id)
    found: dict[tuple[int, date], int] = {}
    for day, some in accounts.items():
        rows = AccountDay.objects.filter(day=day, account_id__in=some)
        for account_id, people in rows.values_list("account_id", "people_28d"):
            found[account_id, day] = people
    return found


def _changed_after(source: UsageSource, rule: Rule, episodes: Sequence[Episode]) -> int:
    """How many signals rest on days that got events after the signal's day had been read.

    Events that were removed, and people that were merged, leave no trace to tell by.
    """
    rows = source.days.exclude(last_created_at=None)
    changes = dict(rows.values_list("day", "last_created_at"))
    zone = source.zone
    per_day: defaultdict[date, int] = defaultdict(int)
    for one in episodes:
        per_day[one.first] += 1
    found = 0
    for day, signals in per_day.items():
        read_at = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone) + READ_WITHIN
        rests_on = (changes.get(day - timedelta(days=ago)) for ago in range(rule.lookback))
        found += signals * any(change is not None and change > read_at for change in rests_on)
    return found


def _result(statistics: Statistics, *, changed_after: int) -> BacktestResult:
    facts = {each.name: getattr(statistics, each.name) for each in fields(statistics)}
    return BacktestResult(**facts, changed_after=changed_after)
