"""What each form of a condition comes to for one account, and what it would take."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from integrations_posthog.pql.facts import DayFacts, Judgement, judge, judge_rule
from integrations_posthog.pql.rules import parse_rule

TODAY = date(2026, 11, 22)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


DAYS = {
    # In the last 7 days: 12 events on 3 days, 2 names; in the 7 days before: 8 on 2 days.
    ago(0): DayFacts(events=6, people_7d=11, people_28d=15, by_event={"a": 4, "b": 2}),
    ago(3): DayFacts(events=5, people_7d=9, people_28d=12, by_event={"a": 5}),
    ago(6): DayFacts(events=1, people_7d=5, people_28d=9, by_event={"b": 1}),
    ago(7): DayFacts(events=3, people_7d=4, people_28d=9, by_event={"a": 3}),
    ago(13): DayFacts(events=5, people_7d=3, people_28d=8, by_event={"a": 5}),
}


def judged(measure: str, compare: dict[str, Any], **condition: Any) -> Judgement:
    data = {"measure": measure, "events": None, "days": 7, "compare": compare} | condition
    return judge(parse_rule({"all": [data]}).conditions[0], DAYS, as_of=TODAY, bar=12)


@pytest.mark.parametrize(
    ("one", "value", "before", "needed", "met"),
    [
        (judged("events", {"to": "value", "at_least": 12}), 12, None, 12, True),
        (judged("events", {"to": "value", "at_least": 13}), 12, None, 13, False),
        (judged("events", {"to": "value", "at_most": 12}), 12, None, 12, True),
        (judged("events", {"to": "value", "at_most": 11}), 12, None, 11, False),
        (judged("events", {"to": "value", "at_least": 9}, events=["a"]), 9, None, 9, True),
        (judged("events", {"to": "value", "at_least": 1}, events=["x"]), 0, None, 1, False),
        (judged("active_days", {"to": "value", "at_least": 3}), 3, None, 3, True),
        (judged("active_days", {"to": "value", "at_least": 3}, events=["a"]), 2, None, 3, False),
        (judged("distinct_events", {"to": "value", "at_least": 2}), 2, None, 2, True),
        (judged("active_people", {"to": "value", "at_least": 12}), 11, None, 12, False),
        (judged("active_people", {"to": "value", "at_least": 12}, days=28), 15, None, 12, True),
        (judged("events", {"to": "own_past", "ratio_at_least": 1.5}), 12, 8, 12, True),
        (judged("events", {"to": "own_past", "ratio_at_least": 1.6}), 12, 8, 12.8, False),
        (
            judged("events", {"to": "own_past", "ratio_at_least": 1.5, "min_volume": 13}),
            *(12, 8, 13, False),
        ),
        (judged("events", {"to": "own_past", "ratio_at_most": 1.5}), 12, 8, 12, True),
        (judged("events", {"to": "own_past", "ratio_at_most": 1.4}), 12, 8, 11.2, False),
        (
            judged("events", {"to": "own_past", "ratio_at_most": 1.5, "min_volume": 13}),
            *(12, 8, 12, False),
        ),
        (
            judged("events", {"to": "own_past", "ratio_at_least": 2}, events=["b"]),
            *(3, 0, 0, False),
        ),
        (judged("active_people", {"to": "own_past", "ratio_at_least": 2}), 11, 4, 8, True),
        (judged("events", {"to": "percentile", "at_least": 95}), 12, None, 12, True),
        (judged("active_days", {"to": "percentile", "at_least": 95}), 3, None, 12, False),
        (
            judged("events", {"to": "first_time", "silent_days": 7}, events=["b"]),
            *(3, 0, 1, True),
        ),
        (
            judged("events", {"to": "first_time", "silent_days": 7}, events=["a"]),
            *(9, 8, 1, False),
        ),
        (
            judged("events", {"to": "first_time", "silent_days": 7}, events=["x"]),
            *(0, 0, 1, False),
        ),
    ],
)
def test_each_form_tells_what_it_found_and_what_it_takes(
    one: Judgement, value: int, before: int | None, needed: float, met: bool
) -> None:
    assert (one.value, one.before, one.needed, one.met) == (value, before, needed, met)


def once(name: str, number: int) -> dict[str, Any]:
    compare = {"to": "value", "at_least": number}
    return {"measure": "events", "events": [name], "days": 1, "compare": compare}


@pytest.mark.parametrize(
    ("sequence", "within", "days", "met"),
    [
        ([once("b", 1), once("a", 5)], 7, [6, 3], True),
        ([once("b", 1), once("a", 5)], 6, [0, 0], False),
        ([once("a", 4), once("b", 2)], 1, [0, 0], True),
        ([once("a", 5), once("b", 2), once("a", 4)], 4, [3, 0, 0], True),
        ([once("a", 4), once("b", 9)], 7, [3, 0], False),
    ],
)
def test_a_sequence_tells_of_each_condition_as_of_the_day_of_its_turn(
    sequence: list[dict[str, Any]], within: int, days: list[int], met: bool
) -> None:
    rule = parse_rule({"sequence": sequence, "within_days": within})
    verdict = judge_rule(rule, DAYS, as_of=TODAY, first_seen=ago(99), bars={})
    assert [one.as_of for one in verdict.judgements] == [ago(day) for day in days]
    assert verdict.met == met


def test_a_sequence_begins_no_earlier_than_its_account() -> None:
    nothing = {**once("b", 1), "compare": {"to": "value", "at_most": 0}}
    rule = parse_rule({"sequence": [nothing, once("a", 4)], "within_days": 3})
    for first_seen, met in ((ago(1), True), (ago(0), False)):
        verdict = judge_rule(rule, DAYS, as_of=TODAY, first_seen=first_seen, bars={})
        assert verdict.met == met


@pytest.mark.parametrize(("joined", "met"), [("all", False), ("any", True)])
def test_all_and_any_tell_of_every_condition(joined: str, met: bool) -> None:
    rule = parse_rule({joined: [once("a", 4), once("a", 5)]})
    verdict = judge_rule(rule, DAYS, as_of=TODAY, first_seen=ago(99), bars={})
    assert [one.met for one in verdict.judgements] == [True, False]
    assert verdict.met == met
