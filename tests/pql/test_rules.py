"""A rule is read from its JSON, or refused with the place of what is wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from integrations_posthog.pql.examples import example_rules
from integrations_posthog.pql.rules import (
    Condition,
    FirstTime,
    OwnPast,
    Percentile,
    Rule,
    RuleError,
    Value,
    parse_rule,
)

CONDITION = {
    "measure": "events",
    "events": ["invite_sent"],
    "days": 14,
    "compare": {"to": "value", "at_least": 5},
}
PEOPLE = {**CONDITION, "measure": "active_people", "events": None, "days": 7}


def one(condition: Any) -> dict[str, Any]:
    return {"all": [condition]}


def comparing(**compare: Any) -> dict[str, Any]:
    return one({**CONDITION, "compare": compare})


def refusal(rule: Any) -> RuleError:
    with pytest.raises(RuleError) as caught:
        parse_rule(rule)
    return caught.value


class TestForms:
    @pytest.mark.parametrize("form", example_rules())
    def test_each_example_is_a_rule(self, form: str) -> None:
        assert parse_rule(example_rules()[form]).conditions

    @pytest.mark.parametrize("joined", ["all", "any"])
    def test_conditions_are_joined_as_the_rule_says(self, joined: str) -> None:
        rule = parse_rule({joined: [CONDITION, PEOPLE]})
        assert (rule.joined, rule.within_days) == (joined, None)
        assert [condition.measure for condition in rule.conditions] == ["events", "active_people"]

    def test_a_sequence_has_its_days(self) -> None:
        rule = parse_rule({"sequence": [CONDITION, CONDITION], "within_days": 10})
        assert (rule.joined, rule.within_days) == ("sequence", 10)

    @pytest.mark.parametrize(
        ("compare", "meaning"),
        [
            ({"to": "value", "at_least": 5}, Value(at_least=5)),
            ({"to": "value", "at_most": 0}, Value(at_most=0)),
            (
                {"to": "own_past", "ratio_at_least": 1.5, "min_volume": 20},
                OwnPast(ratio_at_least=1.5, min_volume=20),
            ),
            ({"to": "own_past", "ratio_at_most": 0.5}, OwnPast(ratio_at_most=0.5, min_volume=0)),
            ({"to": "percentile", "at_least": 95}, Percentile(at_least=95)),
            ({"to": "first_time", "silent_days": 30}, FirstTime(silent_days=30)),
        ],
    )
    def test_each_comparison_means_what_it_says(
        self, compare: dict[str, Any], meaning: object
    ) -> None:
        assert parse_rule(comparing(**compare)).conditions[0].compare == meaning

    def test_events_may_be_left_out_and_count_once_each(self) -> None:
        without = {name: value for name, value in CONDITION.items() if name != "events"}
        assert parse_rule(one(without)).conditions[0].events is None
        twice = {**CONDITION, "events": ["a", "b", "a"]}
        assert parse_rule(one(twice)).conditions[0].events == ("a", "b")

    def test_a_whole_number_may_be_written_with_a_point(self) -> None:
        assert parse_rule(one({**CONDITION, "days": 14.0})).conditions[0].days == 14

    def test_reading_changes_nothing_of_what_was_given(self) -> None:
        rule = example_rules()["One after another"]
        before = copy.deepcopy(rule)
        parse_rule(rule)
        assert rule == before


DAYS_OF_14 = {"measure": "active_days", "days": 14}
TWO_EVENTS = {"measure": "distinct_events", "events": ["a", "b"]}


class TestRefusals:
    @pytest.mark.parametrize(
        ("rule", "path"),
        [
            (None, ""),
            ([], ""),
            ("all", ""),
            ({}, ""),
            ({"all": [CONDITION], "any": [CONDITION]}, ""),
            ({"all": [CONDITION], "colour": 1}, "colour"),
            ({"all": [CONDITION], "within_days": 3}, "within_days"),
            ({"all": CONDITION}, "all"),
            ({"any": []}, "any"),
            ({"any": [CONDITION] * 6}, "any"),
            ({"sequence": [CONDITION], "within_days": 3}, "sequence"),
            ({"sequence": [CONDITION] * 2}, "within_days"),
            ({"sequence": [CONDITION] * 2, "within_days": 0}, "within_days"),
            ({"sequence": [CONDITION] * 2, "within_days": "3"}, "within_days"),
            ({"all": [CONDITION, "x"]}, "all[1]"),
            (one({**CONDITION, "colour": 1}), "all[0].colour"),
            (one({**CONDITION, "measure": "luck"}), "all[0].measure"),
            (one({**CONDITION, "measure": ["events"]}), "all[0].measure"),
            (one({**CONDITION, "days": 0}), "all[0].days"),
            (one({**CONDITION, "days": 366}), "all[0].days"),
            (one({**CONDITION, "days": 1.5}), "all[0].days"),
            (one({**CONDITION, "days": True}), "all[0].days"),
            (one({**CONDITION, "events": []}), "all[0].events"),
            (one({**CONDITION, "events": "invite_sent"}), "all[0].events"),
            (one({**CONDITION, "events": ["a"] * 51}), "all[0].events"),
            (one({**CONDITION, "events": ["a", ""]}), "all[0].events[1]"),
            (one({**CONDITION, "events": ["a", 1]}), "all[0].events[1]"),
            (one({**CONDITION, "events": ["x" * 201]}), "all[0].events[0]"),
            (one({**CONDITION, "events": ["a\0b"]}), "all[0].events[0]"),
            (one({**CONDITION, "events": ["a\ud800b"]}), "all[0].events[0]"),
            (one({**PEOPLE, "events": ["a"]}), "all[0].events"),
            (one({**PEOPLE, "days": 14}), "all[0].days"),
            (one({**CONDITION, "compare": None}), "all[0].compare"),
            (comparing(), "all[0].compare.to"),
            (comparing(to="luck"), "all[0].compare.to"),
            (comparing(to=["value"], at_least=1), "all[0].compare.to"),
            (comparing(to="value"), "all[0].compare"),
            (comparing(to="value", at_least=1, at_most=2), "all[0].compare"),
            (comparing(to="value", at_least=-1), "all[0].compare.at_least"),
            (comparing(to="value", at_least=float("nan")), "all[0].compare.at_least"),
            (comparing(to="value", at_most=float("inf")), "all[0].compare.at_most"),
            (comparing(to="value", at_most="5"), "all[0].compare.at_most"),
            (comparing(to="value", at_most=True), "all[0].compare.at_most"),
            (comparing(to="value", at_least=1, min_volume=1), "all[0].compare.min_volume"),
            (comparing(to="own_past"), "all[0].compare"),
            (comparing(to="own_past", ratio_at_least=-1), "all[0].compare.ratio_at_least"),
            (
                comparing(to="own_past", ratio_at_most=1, min_volume=-1),
                "all[0].compare.min_volume",
            ),
            (comparing(to="own_past", at_least=2), "all[0].compare.at_least"),
            (comparing(to="percentile"), "all[0].compare.at_least"),
            (comparing(to="percentile", at_least=0), "all[0].compare.at_least"),
            (comparing(to="percentile", at_least=100), "all[0].compare.at_least"),
            (comparing(to="first_time"), "all[0].compare.silent_days"),
            (comparing(to="first_time", silent_days=0), "all[0].compare.silent_days"),
            (comparing(to="first_time", silent_days=366), "all[0].compare.silent_days"),
        ],
    )
    def test_what_cannot_be_is_told_with_its_place(self, rule: Any, path: str) -> None:
        error = refusal(rule)
        assert error.path == path
        assert str(error) == (f"{path}: {error.reason}" if path else error.reason)

    @pytest.mark.parametrize(
        ("change", "compare", "key"),
        [
            (DAYS_OF_14, {"to": "value", "at_least": 15}, "at_least"),
            (DAYS_OF_14, {"to": "own_past", "ratio_at_least": 15}, "ratio_at_least"),
            (
                DAYS_OF_14,
                {"to": "own_past", "ratio_at_most": 0, "min_volume": 14.5},
                "min_volume",
            ),
            (TWO_EVENTS, {"to": "value", "at_least": 3}, "at_least"),
        ],
    )
    def test_what_nobody_can_ever_reach_is_told_with_its_place(
        self, change: dict[str, Any], compare: dict[str, Any], key: str
    ) -> None:
        error = refusal(one({**CONDITION, **change, "compare": compare}))
        assert error.path == f"all[0].compare.{key}"
        assert error.reason.startswith("cannot be reached: there are ")

    @pytest.mark.parametrize(
        ("change", "compare"),
        [
            (DAYS_OF_14, {"to": "value", "at_least": 14}),
            (DAYS_OF_14, {"to": "value", "at_most": 99}),
            (DAYS_OF_14, {"to": "percentile", "at_least": 95}),
            (DAYS_OF_14, {"to": "own_past", "ratio_at_least": 14, "min_volume": 14}),
            (TWO_EVENTS, {"to": "value", "at_least": 2}),
            ({**TWO_EVENTS, "events": None}, {"to": "value", "at_least": 99}),
            ({"measure": "events"}, {"to": "value", "at_least": 99}),
        ],
    )
    def test_what_can_just_be_reached_is_a_rule(
        self, change: dict[str, Any], compare: dict[str, Any]
    ) -> None:
        parse_rule(one({**CONDITION, **change, "compare": compare}))

    @pytest.mark.parametrize(
        ("rule", "path"),
        [
            (
                one({**CONDITION, "days": 183, "compare": {"to": "own_past", "ratio_at_least": 2}}),
                1,
            ),
            (
                one({**CONDITION, "days": 90, "compare": {"to": "first_time", "silent_days": 276}}),
                1,
            ),
            ({"sequence": [CONDITION, {**CONDITION, "days": 200}], "within_days": 167}, 0),
        ],
    )
    def test_no_rule_looks_back_more_than_a_year(self, rule: Any, path: int) -> None:
        error = refusal(rule)
        assert error.path == ("all[0].days" if path else "")
        assert "366 days, of 365 at most" in error.reason

    def test_a_key_that_is_not_known_is_told_no_longer_than_it_takes(self) -> None:
        error = refusal({"x" * 500: 1, "all": [CONDITION]})
        assert error.path == "x" * 60


class TestLookback:
    @pytest.mark.parametrize(
        ("rule", "days"),
        [
            (one(CONDITION), 14),
            (comparing(to="own_past", ratio_at_least=2), 28),
            (comparing(to="first_time", silent_days=30), 44),
            (comparing(to="percentile", at_least=95), 14),
            ({"any": [CONDITION, {**CONDITION, "days": 30}]}, 30),
            ({"sequence": [CONDITION, CONDITION], "within_days": 10}, 23),
            ({"sequence": [CONDITION, {**CONDITION, "days": 200}], "within_days": 166}, 365),
        ],
    )
    def test_it_is_all_the_days_that_a_verdict_rests_on(self, rule: Any, days: int) -> None:
        assert parse_rule(rule).lookback == days

    def test_a_rule_names_its_events(self) -> None:
        rule = Rule(
            joined="any",
            conditions=tuple(
                Condition(measure="events", events=names, days=1, compare=Value(at_least=1))
                for names in (("a", "b"), None, ("b", "c"))
            ),
        )
        assert rule.event_names == {"a", "b", "c"}
