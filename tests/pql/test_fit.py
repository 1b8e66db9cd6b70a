"""Fit is how many of the criteria the properties of an account's group meet."""

from __future__ import annotations

from typing import Any

import pytest

from integrations_posthog.pql.fit import CriterionError, fit_of, parse_criteria

LARGE = {"property": "employees", "at_least": 50}
SMALL = {"property": "employees", "at_most": 500}
PAYING = {"property": "plan", "one_of": ["team", "business"]}
LIVE = {"property": "live", "one_of": ["true"]}


@pytest.mark.parametrize(
    ("properties", "fit"),
    [
        ({"employees": 80, "plan": "team"}, 100.0),
        ({"employees": 50, "plan": "team"}, 100.0),
        ({"employees": 500, "plan": "free"}, 66.7),
        ({"employees": 900, "plan": "team"}, 66.7),
        ({"employees": "80"}, 66.7),
        ({"plan": "Team"}, 0.0),
        ({"employees": "many"}, 0.0),
        ({"employees": None}, 0.0),
        ({"employees": 10**400}, 0.0),
        ({"colour": "red"}, 0.0),
    ],
)
def test_it_is_the_share_of_the_criteria_that_are_met(
    properties: dict[str, Any], fit: float
) -> None:
    assert fit_of(properties, [LARGE, SMALL, PAYING]) == fit


@pytest.mark.parametrize("properties", [None, {}])
def test_of_whom_nothing_is_known_it_is_not_said(properties: dict[str, Any] | None) -> None:
    assert fit_of(properties, [LARGE]) is None


def test_without_criteria_there_is_none() -> None:
    assert fit_of({"employees": 80}, []) is None


def test_yes_and_no_are_words_as_json_has_them() -> None:
    assert fit_of({"live": True}, [LIVE]) == 100
    assert fit_of({"live": False}, [LIVE]) == 0


def test_numbers_are_compared_with_words_as_they_are_written() -> None:
    assert fit_of({"tier": 3}, [{"property": "tier", "one_of": ["3"]}]) == 100


def test_criteria_are_read_as_they_are_written() -> None:
    assert parse_criteria([LARGE, SMALL, PAYING]) == [LARGE, SMALL, PAYING]
    assert parse_criteria([]) == []


@pytest.mark.parametrize(
    ("criteria", "path"),
    [
        (None, "criteria"),
        ({}, "criteria"),
        ([LARGE] * 21, "criteria"),
        ([LARGE, "x"], "criteria[1]"),
        ([{"at_least": 1}], "criteria[0].property"),
        ([{"property": "", "at_least": 1}], "criteria[0].property"),
        ([{"property": "x" * 101, "at_least": 1}], "criteria[0].property"),
        ([{"property": "a\0b", "at_least": 1}], "criteria[0].property"),
        ([{"property": "plan"}], "criteria[0]"),
        ([{**LARGE, "at_most": 1}], "criteria[0]"),
        ([{**LARGE, "colour": 1}], "criteria[0]"),
        ([{"property": "plan", "is": "team"}], "criteria[0]"),
        ([{"property": "plan", "at_least": "1"}], "criteria[0].at_least"),
        ([{"property": "plan", "at_least": True}], "criteria[0].at_least"),
        ([{"property": "plan", "at_least": float("inf")}], "criteria[0].at_least"),
        ([{"property": "plan", "at_most": float("nan")}], "criteria[0].at_most"),
        ([{"property": "plan", "at_most": 10**13}], "criteria[0].at_most"),
        ([{"property": "plan", "one_of": "team"}], "criteria[0].one_of"),
        ([{"property": "plan", "one_of": []}], "criteria[0].one_of"),
        ([{"property": "plan", "one_of": ["a"] * 21}], "criteria[0].one_of"),
        ([{"property": "plan", "one_of": ["a", 1]}], "criteria[0].one_of"),
        ([{"property": "plan", "one_of": ["\ud800"]}], "criteria[0].one_of"),
    ],
)
def test_what_cannot_be_a_criterion_is_told_with_its_place(criteria: Any, path: str) -> None:
    with pytest.raises(CriterionError) as caught:
        parse_criteria(criteria)
    assert str(caught.value).startswith(f"{path}: ")
