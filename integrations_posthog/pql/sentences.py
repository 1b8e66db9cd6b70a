"""What is asked for and what was found, in words: ``active people 4 → 11 in 7 days``."""

from __future__ import annotations

from collections.abc import Iterable

from .facts import Judgement, Verdict
from .rules import Condition, FirstTime, OwnPast, Percentile, Rule, Value

_NAMES_SHOWN = 3


def rule_text(rule: Rule) -> str:
    """What a rule asks for: its conditions, and how they are joined."""
    joint = {"all": "; and ", "any": "; or ", "sequence": "; then "}[rule.joined]
    text = joint.join(asked_text(condition) for condition in rule.conditions)
    return text if rule.within_days is None else f"{text}; all within {_days(rule.within_days)}"


def asked_text(condition: Condition) -> str:
    """What a condition asks for: ``at least 3 × invite_sent in 14 days``."""
    compare, noun, days = condition.compare, _noun(condition), _days(condition.days)
    if isinstance(compare, Value):
        return f"{_asked_number(condition, compare)} in {days}"
    if isinstance(compare, Percentile):
        return f"{noun} in {days} among the top {100 - compare.at_least:g} % of accounts"
    if isinstance(compare, FirstTime):
        what = _names(condition.events) if condition.events else "any event"
        return f"{what} in {days} for the first time after {_days(compare.silent_days)} without"
    return _asked_of_past(compare, f"{noun} in {days}", days=days)


def _asked_number(condition: Condition, compare: Value) -> str:
    bound, number = "at least", compare.at_least or 0
    if compare.at_most is not None:
        bound, number = "at most", compare.at_most
    if compare.at_most == 0:
        return f"no {_noun(condition)}"
    times = " ×" if condition.measure == "events" and condition.events else ""
    return f"{bound} {_number(number)}{times} {_noun(condition, of=number)}"


def _asked_of_past(compare: OwnPast, what: str, *, days: str) -> str:
    bound, ratio = "at least", compare.ratio_at_least
    if compare.ratio_at_most is not None:
        bound, ratio = "at most", compare.ratio_at_most
    text = f"{what} {bound} {ratio:g} × those of the {days} before"
    if compare.ratio_at_most == 0:
        text = f"no {what}, but some in the {days} before"
    if not compare.min_volume:
        return text
    return f"{text}, where one of the two is {_number(compare.min_volume)} or more"


def sentence_of(verdict: Verdict) -> str:
    """The conditions that are met, one after another."""
    return "; ".join(found_text(one) for one in verdict.judgements if one.met)


def found_text(one: Judgement) -> str:
    """What a condition came to."""
    condition, compare = one.condition, one.condition.compare
    days = f"in {_days(condition.days)}"
    if isinstance(compare, OwnPast):
        return f"{_noun(condition)} {_number(one.before or 0)} → {_number(one.value)} {days}"
    if isinstance(compare, FirstTime):
        what = _names(condition.events) if condition.events else "active"
        return f"{what} for the first time in {_days(condition.lookback)}"
    text = _counted(condition, one.value)
    if isinstance(compare, Percentile):
        return f"{text}, as much as the top {100 - compare.at_least:g} % of accounts"
    return text


def needed_text(one: Judgement) -> str:
    """What a condition asks for, and what there is: for those that are not met."""
    compare = one.condition.compare
    bound = "at most" if _is_upper(one) else "at least"
    text = f"{_noun(one.condition)} in {_days(one.condition.days)}: {_number(one.value)}"
    text += f", {bound} {_number(one.needed)} needed"
    if isinstance(compare, OwnPast):
        text += f"; {_number(one.before or 0)} before"
        if not one.before:
            text += ", where there has to be something"
        elif _is_upper(one) and max(one.value, one.before) < compare.min_volume:
            text += f", and {_number(compare.min_volume)} in one of the two"
    if isinstance(compare, FirstTime) and one.before:
        silent = _days(compare.silent_days)
        text += f"; none in the {silent} before needed, {_number(one.before)} were there"
    return text


def gap_text(one: Judgement) -> str:
    """By how much a condition is missed: ``7 more``, ``3 fewer``; empty where it is met, and where
    it fails by something else than its value."""
    is_upper = _is_upper(one)
    gap = round(one.value - one.needed if is_upper else one.needed - one.value, 1)
    if one.met or gap <= 0:
        return ""
    return f"{_number(gap)} {'fewer' if is_upper else 'more'}"


def _is_upper(one: Judgement) -> bool:
    compare = one.condition.compare
    at_most = getattr(compare, "at_most", None)
    return at_most is not None or getattr(compare, "ratio_at_most", None) is not None


def _counted(condition: Condition, value: float) -> str:
    days, count = f"in {_days(condition.days)}", _number(value)
    if condition.measure == "active_days":
        what = f"{_names(condition.events)} on" if condition.events else "active on"
        return f"{what} {count} of {_days(condition.days)}"
    if not value:
        return f"no {_noun(condition)} {days}"
    if condition.measure == "events" and condition.events:
        return f"{count} × {_names(condition.events)} {days}"
    return f"{count} {_noun(condition, of=value)} {days}"


def _noun(condition: Condition, *, of: float = 2) -> str:
    """What is counted, as so many of it are called."""
    s = "" if of == 1 else "s"
    if condition.measure == "active_people":
        return "active person" if of == 1 else "active people"
    if condition.measure == "distinct_events":
        return f"different event{s}"
    if condition.measure == "active_days":
        return f"day{s} with {_names(condition.events)}" if condition.events else f"active day{s}"
    return _names(condition.events) if condition.events else f"event{s}"


def _names(names: Iterable[str] | None) -> str:
    every = list(names or ())
    shown = " or ".join(every[:_NAMES_SHOWN])
    more = len(every) - _NAMES_SHOWN
    return f"{shown} or {more} more" if more > 0 else shown


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
