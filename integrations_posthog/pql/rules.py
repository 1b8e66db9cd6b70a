"""Rules: what the JSON of a definition means, and what of it cannot be.

Reading a rule is pure. Everything that is wrong is told with its path, such as
``all[0].compare.ratio_at_least``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Measure = Literal["events", "active_days", "distinct_events", "active_people"]
Joined = Literal["all", "any", "sequence"]

MEASURES: tuple[Measure, ...] = ("events", "active_days", "distinct_events", "active_people")
PEOPLE_WINDOWS = (7, 28)
"""The trailing windows, in days, of which active people are stored."""

MOST_CONDITIONS = 5
MOST_EVENTS = 50
LONGEST_EVENT_NAME = 200
LONGEST_LOOKBACK = 365
"""Days that a rule may look back, all of its periods together."""

MOST_VOLUME = 10**12
MOST_RATIO = 10**6

_LONGEST_KEY_TOLD = 60

NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""What databases take in no text: NUL, and halves of surrogate pairs."""


class RuleError(ValueError):
    """A rule that cannot be. ``path`` is where, such as ``all[0].days``; empty for the whole."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Value:
    """Compared with a number: one of the two is None."""

    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, kw_only=True)
class OwnPast:
    """Compared with the account's own period of the same length before: one ratio is None.

    There must have been something before, and the larger of the two reaches ``min_volume``.
    """

    ratio_at_least: float | None = None
    ratio_at_most: float | None = None
    min_volume: float = 0


@dataclass(frozen=True, kw_only=True)
class Percentile:
    """Compared with all accounts of the workspace that were seen by then: at or above the value
    that so many per cent of them do not exceed, and not zero."""

    at_least: float


@dataclass(frozen=True, kw_only=True)
class FirstTime:
    """Something within the window, and no such event in so many days before it."""

    silent_days: int


Compare = Value | OwnPast | Percentile | FirstTime


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A measure of some events over the last days, and what it is compared with.

    Attributes:
        events: their names; None for all events.
        days: the window's length; it ends with the day as of which the rule is evaluated.
    """

    measure: Measure
    events: tuple[str, ...] | None
    days: int
    compare: Compare

    @property
    def most(self) -> int | None:
        """What the measure cannot exceed; None where it can be any number."""
        if self.measure == "active_days":
            return self.days
        if self.measure == "distinct_events" and self.events is not None:
            return len(self.events)
        return None

    @property
    def lookback(self) -> int:
        """How many days of history it takes, the day itself included."""
        if isinstance(self.compare, OwnPast):
            return 2 * self.days
        if isinstance(self.compare, FirstTime):
            return self.days + self.compare.silent_days
        return self.days


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Conditions and how they are joined.

    Attributes:
        within_days: of a sequence: within how many days, the last one included, the conditions
            are met one after another (on the same day or later); None of the others.
    """

    joined: Joined
    conditions: tuple[Condition, ...]
    within_days: int | None = None

    @property
    def lookback(self) -> int:
        """How many days of history it takes, the day itself included."""
        before = (self.within_days or 1) - 1
        return before + max(condition.lookback for condition in self.conditions)

    @property
    def event_names(self) -> set[str]:
        """The events that it names."""
        return {name for condition in self.conditions for name in condition.events or ()}


def parse_rule(data: object) -> Rule:
    """A rule from its JSON.

    Raises:
        RuleError: an unknown key, a wrong type, an impossible window.
    """
    found = _object(data, "")
    joined = [name for name in ("all", "any", "sequence") if name in found]
    if len(joined) != 1:
        raise RuleError("", "give exactly one of all, any, sequence")
    name: Joined = joined[0]  # type: ignore[assignment]
    is_sequence = name == "sequence"
    _only(found, {name, "within_days"} if is_sequence else {name}, "")
    conditions = tuple(
        _condition(item, f"{name}[{at}]") for at, item in enumerate(_conditions(found[name], name))
    )
    if is_sequence and len(conditions) < 2:
        raise RuleError(name, "a sequence takes two conditions or more")
    within = (
        _whole(found, "within_days", "", least=1, most=LONGEST_LOOKBACK) if is_sequence else None
    )
    rule = Rule(joined=name, conditions=conditions, within_days=within)
    if rule.lookback > LONGEST_LOOKBACK:
        raise RuleError("", f"it looks back {rule.lookback} days, of {LONGEST_LOOKBACK} at most")
    return rule


def _conditions(value: object, path: str) -> list[object]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_CONDITIONS:
        raise RuleError(path, f"give a list of 1 to {MOST_CONDITIONS} conditions")
    return value


def _condition(data: object, path: str) -> Condition:
    found = _object(data, path)
    _only(found, {"measure", "events", "days", "compare"}, path)
    measure = found.get("measure")
    if measure not in MEASURES:
        raise RuleError(f"{path}.measure", f"is one of {', '.join(MEASURES)}")
    condition = Condition(
        measure=measure,
        events=_events(found, path),
        days=_whole(found, "days", path, least=1, most=LONGEST_LOOKBACK),
        compare=_compare(found.get("compare"), f"{path}.compare"),
    )
    if measure == "active_people":
        _refuse_unstored_people(condition, path)
    _refuse_what_cannot_be_reached(condition, f"{path}.compare")
    if condition.lookback > LONGEST_LOOKBACK:
        reason = f"looks back {condition.lookback} days, of {LONGEST_LOOKBACK} at most"
        raise RuleError(f"{path}.days", reason)
    return condition


def _refuse_unstored_people(condition: Condition, path: str) -> None:
    if condition.events is not None:
        raise RuleError(f"{path}.events", "is null for active_people: people are of all events")
    if condition.days not in PEOPLE_WINDOWS:
        raise RuleError(f"{path}.days", "is 7 or 28 for active_people")


def _refuse_what_cannot_be_reached(condition: Condition, path: str) -> None:
    """A rule that can never be met looks like one that nobody meets."""
    most = condition.most
    if most is None:
        return
    for name in ("at_least", "min_volume", "ratio_at_least"):
        asked = getattr(condition.compare, name, None)
        if asked is not None and asked > most and not isinstance(condition.compare, Percentile):
            reason = f"cannot be reached: there are {most} {condition.measure} at most"
            raise RuleError(f"{path}.{name}", reason)


def _events(found: Mapping[str, object], path: str) -> tuple[str, ...] | None:
    path = f"{path}.events"
    names = found.get("events")
    if names is None:
        return None
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_EVENTS:
        raise RuleError(path, f"give 1 to {MOST_EVENTS} names of events, or null for all")
    for at, name in enumerate(names):
        is_text = isinstance(name, str) and not NO_TEXT.search(name)
        if not is_text or not 1 <= len(name) <= LONGEST_EVENT_NAME:
            raise RuleError(f"{path}[{at}]", f"is a name of 1 to {LONGEST_EVENT_NAME} characters")
    return tuple(dict.fromkeys(names))


def _compare(data: object, path: str) -> Compare:
    found = _object(data, path)
    readers: dict[str, Callable[[Mapping[str, object], str], Compare]] = {
        "value": _value,
        "own_past": _own_past,
        "percentile": _percentile,
        "first_time": _first_time,
    }
    to = found.get("to")
    if not isinstance(to, str) or to not in readers:
        raise RuleError(f"{path}.to", f"is one of {', '.join(readers)}")
    return readers[to](found, path)


def _value(found: Mapping[str, object], path: str) -> Value:
    bound = _one_of(found, ("at_least", "at_most"), {"to"}, path)
    return Value(**{bound: _number(found, bound, path, least=0, most=MOST_VOLUME)})


def _own_past(found: Mapping[str, object], path: str) -> OwnPast:
    bound = _one_of(found, ("ratio_at_least", "ratio_at_most"), {"to", "min_volume"}, path)
    ratio = _number(found, bound, path, least=0, most=MOST_RATIO)
    volume = 0.0
    if "min_volume" in found:
        volume = _number(found, "min_volume", path, least=0, most=MOST_VOLUME)
    return OwnPast(**{bound: ratio}, min_volume=volume)


def _percentile(found: Mapping[str, object], path: str) -> Percentile:
    _only(found, {"to", "at_least"}, path)
    return Percentile(at_least=_number(found, "at_least", path, least=1, most=99.9))


def _first_time(found: Mapping[str, object], path: str) -> FirstTime:
    _only(found, {"to", "silent_days"}, path)
    return FirstTime(silent_days=_whole(found, "silent_days", path, least=1, most=LONGEST_LOOKBACK))


def _one_of(
    found: Mapping[str, object], bounds: tuple[str, str], others: set[str], path: str
) -> str:
    _only(found, {*bounds, *others}, path)
    given = [name for name in bounds if name in found]
    if len(given) != 1:
        raise RuleError(path, f"give exactly one of {', '.join(bounds)}")
    return given[0]


def _object(value: object, path: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise RuleError(path, "is a JSON object")
    return value


def _only(found: Mapping[str, object], known: set[str], path: str) -> None:
    for name in found:
        if name not in known:
            told = NO_TEXT.sub("�", str(name))[:_LONGEST_KEY_TOLD]
            raise RuleError(_at(path, told), "is not known")


def _number(
    found: Mapping[str, object], name: str, path: str, *, least: float, most: float
) -> float:
    value = found.get(name)
    if type(value) not in (int, float) or not least <= value <= most:  # type: ignore[operator]
        raise RuleError(_at(path, name), f"is a number from {least:,.15g} to {most:,.15g}")
    return value  # type: ignore[return-value]


def _whole(found: Mapping[str, object], name: str, path: str, *, least: int, most: int) -> int:
    value = found.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON makes no difference between 14 and 14.0.
    if type(value) is not int or not least <= value <= most:
        raise RuleError(_at(path, name), f"is a whole number from {least} to {most}")
    return value


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
