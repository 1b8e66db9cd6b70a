"""What a rule comes to for one account, by plain arithmetic over its days.

This says why a signal fired, and why one did not. Who fires is found for all accounts at once, by
the statement that a rule becomes; both mean the same, and tests hold them to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from .rules import Condition, FirstTime, OwnPast, Percentile, Rule, Value


@dataclass(frozen=True, kw_only=True)
class DayFacts:
    """What an account did on a day; people are those of the 7 and 28 days that end with it."""

    events: int = 0
    people_7d: int = 0
    people_28d: int = 0
    by_event: Mapping[str, int] = field(default_factory=dict)

    def count(self, names: tuple[str, ...] | None) -> int:
        """Events with these names; None for all."""
        if names is None:
            return self.events
        return sum(self.by_event.get(name, 0) for name in names)


Days = Mapping[date, DayFacts]
"""A day without facts is one on which nothing happened."""

Bars = Mapping[tuple[int, date], float]
"""The value that a percentile stands for, by the condition's place in its rule and the day."""

_NOTHING = DayFacts()


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One condition as of one day.

    Attributes:
        before: the measure of the period before, where the condition asks for it.
        needed: what ``value`` has to reach, or not to exceed.
    """

    condition: Condition
    as_of: date
    met: bool
    value: float
    before: float | None
    needed: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A rule as of one day, with each of its conditions; those of a sequence as of the day on
    which they were met in their turn, or else of the last day."""

    met: bool
    judgements: tuple[Judgement, ...]


def judge_rule(rule: Rule, days: Days, *, as_of: date, first_seen: date, bars: Bars) -> Verdict:
    """Whether a rule is met as of a day, and what each of its conditions comes to.

    Args:
        first_seen: the account's first day, before which it meets nothing.
    """
    if rule.within_days is not None:
        begins = as_of - timedelta(days=rule.within_days - 1)
        begins = min(max(begins, first_seen), as_of)
        return _judge_in_turn(rule, days, first=begins, as_of=as_of, bars=bars)
    found = tuple(
        judge(condition, days, as_of=as_of, bar=bars.get((at, as_of), 0))
        for at, condition in enumerate(rule.conditions)
    )
    joined = all if rule.joined == "all" else any
    return Verdict(met=joined(one.met for one in found), judgements=found)


def _judge_in_turn(rule: Rule, days: Days, *, first: date, as_of: date, bars: Bars) -> Verdict:
    """One condition after another, each on the first day from its turn on that meets it."""
    on = first
    found: list[Judgement] = []
    for at, condition in enumerate(rule.conditions):
        while True:
            one = judge(condition, days, as_of=on, bar=bars.get((at, on), 0))
            if one.met or on == as_of:
                break
            on += timedelta(days=1)
        found.append(one)
    return Verdict(met=all(one.met for one in found), judgements=tuple(found))


def judge(condition: Condition, days: Days, *, as_of: date, bar: float = 0) -> Judgement:
    """Whether a condition is met as of a day, and by what.

    Args:
        bar: what a percentile stands for on that day.
    """
    value = measure(condition, days, last=as_of)
    before = _before(condition, days, as_of=as_of)
    met, needed = _compare(condition, value=value, before=before or 0, bar=bar)
    return Judgement(
        condition=condition, as_of=as_of, met=met, value=value, before=before, needed=needed
    )


def measure(condition: Condition, days: Days, *, last: date) -> int:
    """The condition's measure over its days, the last of which is given."""
    if condition.measure == "active_people":
        facts = days.get(last, _NOTHING)
        return facts.people_7d if condition.days == 7 else facts.people_28d
    window = [days.get(last - timedelta(days=ago), _NOTHING) for ago in range(condition.days)]
    if condition.measure == "distinct_events":
        names = {name for facts in window for name, count in facts.by_event.items() if count}
        return len(names if condition.events is None else names & set(condition.events))
    counts = [facts.count(condition.events) for facts in window]
    return sum(counts) if condition.measure == "events" else sum(count > 0 for count in counts)


def _before(condition: Condition, days: Days, *, as_of: date) -> int | None:
    window_before = as_of - timedelta(days=condition.days)
    if isinstance(condition.compare, OwnPast):
        return measure(condition, days, last=window_before)
    if isinstance(condition.compare, FirstTime):
        silent = range(condition.compare.silent_days)
        past = (days.get(window_before - timedelta(days=ago), _NOTHING) for ago in silent)
        return sum(facts.count(condition.events) for facts in past)
    return None


def _compare(condition: Condition, *, value: int, before: int, bar: float) -> tuple[bool, float]:
    """Whether the value will do, and what it would take."""
    compare = condition.compare
    if isinstance(compare, Value):
        if compare.at_most is not None:
            return value <= compare.at_most, compare.at_most
        needed = compare.at_least or 0
        return value >= needed, needed
    if isinstance(compare, Percentile):
        return value > 0 and value >= bar, max(bar, 1)
    if isinstance(compare, FirstTime):
        return value > 0 and before == 0, 1
    return _compare_with_past(compare, value=value, before=before)


def _compare_with_past(compare: OwnPast, *, value: int, before: int) -> tuple[bool, float]:
    enough = before > 0 and max(value, before) >= compare.min_volume
    if compare.ratio_at_most is not None:
        most = exact(compare.ratio_at_most) * before
        return enough and value <= most, float(most)
    least = exact(compare.ratio_at_least or 0) * before
    met, needed = enough and value >= least, float(least)
    return met, needed if before >= compare.min_volume else max(needed, compare.min_volume)


def exact(number: float) -> Fraction:
    """A number as it is written: 1.1 times 50 is 55, which it is not for floats."""
    return Fraction(str(number))
