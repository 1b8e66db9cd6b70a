"""What was found, and what is missing, in words."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from integrations_posthog.pql.facts import Judgement, Verdict
from integrations_posthog.pql.rules import Condition, parse_rule
from integrations_posthog.pql.sentences import (
    asked_text,
    found_text,
    gap_text,
    needed_text,
    sentence_of,
)

TODAY = date(2026, 11, 22)
RISE = {"to": "own_past", "ratio_at_least": 1.5, "min_volume": 20}
FALL = {"to": "own_past", "ratio_at_most": 0.5, "min_volume": 20}
FIRST = {"to": "first_time", "silent_days": 30}
TOP = {"to": "percentile", "at_least": 99.9}
FIVE = {"to": "value", "at_least": 5}
ONE = {"to": "value", "at_least": 1}
NONE = {"to": "value", "at_most": 0}


def condition(measure: str, events: list[str] | None, days: int, compare: Any) -> Condition:
    data = {"measure": measure, "events": events, "days": days, "compare": compare}
    return parse_rule({"all": [data]}).conditions[0]


def judged(
    measure: str,
    events: list[str] | None,
    days: int,
    compare: Any,
    *,
    value: float,
    before: float | None = None,
    needed: float = 5,
    met: bool = True,
) -> Judgement:
    return Judgement(
        condition=condition(measure, events, days, compare),
        as_of=TODAY,
        met=met,
        value=value,
        before=before,
        needed=needed,
    )


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (
            judged("active_people", None, 7, RISE, value=11, before=4),
            "active people 4 → 11 in 7 days",
        ),
        (
            judged("events", None, 14, FALL, value=1200, before=5000),
            "events 5,000 → 1,200 in 14 days",
        ),
        (judged("events", ["invite_sent"], 14, FIVE, value=6), "6 × invite_sent in 14 days"),
        (judged("events", ["a", "b"], 1, FIVE, value=6), "6 × a or b in 1 day"),
        (
            judged("events", ["a", "b", "c", "d", "e"], 2, FIVE, value=6),
            "6 × a or b or c or 2 more in 2 days",
        ),
        (judged("events", None, 7, FIVE, value=6), "6 events in 7 days"),
        (judged("events", None, 7, FIVE, value=1), "1 event in 7 days"),
        (judged("events", None, 7, NONE, value=0), "no events in 7 days"),
        (judged("events", ["a"], 7, NONE, value=0), "no a in 7 days"),
        (judged("active_people", None, 7, FIVE, value=1), "1 active person in 7 days"),
        (judged("active_days", None, 14, FIVE, value=6), "active on 6 of 14 days"),
        (judged("active_days", None, 14, NONE, value=0), "active on 0 of 14 days"),
        (judged("active_days", ["a"], 14, FIVE, value=6), "a on 6 of 14 days"),
        (judged("distinct_events", None, 28, FIVE, value=6), "6 different events in 28 days"),
        (
            judged("distinct_events", None, 28, TOP, value=6),
            "6 different events in 28 days, as much as the top 0.1 % of accounts",
        ),
        (judged("events", ["a"], 7, FIRST, value=6, before=0), "a for the first time in 37 days"),
        (
            judged("events", None, 7, FIRST, value=6, before=0),
            "active for the first time in 37 days",
        ),
    ],
)
def test_what_was_found_is_said_with_its_numbers(one: Judgement, text: str) -> None:
    assert found_text(one) == text


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (condition("active_days", None, 14, ONE), "at least 1 active day in 14 days"),
        (condition("active_days", ["a"], 14, ONE), "at least 1 day with a in 14 days"),
        (condition("active_people", None, 7, ONE), "at least 1 active person in 7 days"),
        (condition("distinct_events", None, 7, ONE), "at least 1 different event in 7 days"),
        (condition("events", None, 1, ONE), "at least 1 event in 1 day"),
        (condition("events", ["a"], 1, ONE), "at least 1 × a in 1 day"),
        (condition("events", ["a"], 1, NONE), "no a in 1 day"),
        (condition("active_days", None, 14, NONE), "no active days in 14 days"),
        (condition("events", None, 7, {"to": "value", "at_most": 2}), "at most 2 events in 7 days"),
    ],
)
def test_what_is_asked_for_is_said_as_people_say_it(asked: Condition, text: str) -> None:
    assert asked_text(asked) == text


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (
            judged("events", ["a"], 14, FIVE, value=2),
            "a in 14 days: 2, at least 5 needed",
        ),
        (
            judged("events", None, 14, NONE, value=2, needed=0),
            "events in 14 days: 2, at most 0 needed",
        ),
        (
            judged("active_people", None, 7, RISE, value=25, before=24, needed=36),
            "active people in 7 days: 25, at least 36 needed; 24 before",
        ),
        (
            judged("active_people", None, 7, RISE, value=25, before=0, needed=20),
            "active people in 7 days: 25, at least 20 needed; 0 before, where there has to be "
            "something",
        ),
        (
            judged("events", None, 7, FALL, value=2, before=10, needed=5),
            "events in 7 days: 2, at most 5 needed; 10 before, and 20 in one of the two",
        ),
        (
            judged("events", ["a"], 7, FIRST, value=3, before=4, needed=1),
            "a in 7 days: 3, at least 1 needed; none in the 30 days before needed, 4 were there",
        ),
        (
            judged("active_days", ["a"], 28, RISE, value=3, before=3, needed=20),
            "days with a in 28 days: 3, at least 20 needed; 3 before",
        ),
    ],
)
def test_what_is_missing_is_said_and_by_how_much(one: Judgement, text: str) -> None:
    assert needed_text(one) == text


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (judged("events", ["a"], 14, FIVE, value=2, met=False), "3 more"),
        (judged("events", None, 14, NONE, value=2, needed=0, met=False), "2 fewer"),
        (
            judged("active_people", None, 7, RISE, value=25, before=24, needed=36.6, met=False),
            "11.6 more",
        ),
        (judged("events", None, 7, FALL, value=9, before=10, needed=5, met=False), "4 fewer"),
        (judged("events", None, 7, TOP, value=6, needed=7, met=False), "1 more"),
        # What is missed is not the value, of which there is enough.
        (judged("events", ["a"], 7, FIRST, value=3, before=4, needed=1, met=False), ""),
        (judged("active_people", None, 7, RISE, value=25, before=0, needed=20, met=False), ""),
        (judged("events", None, 7, FALL, value=2, before=10, needed=5, met=False), ""),
        (judged("events", ["a"], 14, FIVE, value=7), ""),
    ],
)
def test_by_how_much_it_is_missed_is_told_where_the_value_is_what_is_missing(
    one: Judgement, text: str
) -> None:
    assert gap_text(one) == text


def test_a_sentence_tells_what_is_met_and_nothing_else() -> None:
    verdict = Verdict(
        met=True,
        judgements=(
            judged("active_people", None, 7, RISE, value=11, before=4),
            judged("events", None, 7, FIVE, value=2, met=False),
            judged("events", ["invite_sent"], 14, FIVE, value=6),
        ),
    )
    assert sentence_of(verdict) == "active people 4 → 11 in 7 days; 6 × invite_sent in 14 days"
