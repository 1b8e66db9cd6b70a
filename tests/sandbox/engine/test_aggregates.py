"""Aggregate functions, over something and over nothing."""

from __future__ import annotations

from typing import Any

import pytest

from integrations_posthog.sandbox.grammar import HogQLError

from .conftest import Project

SOME = "(select arrayJoin([(1, 'a'), (2, 'b'), (2, 'c'), (5, 'c')]) as t, t.1 as n, t.2 as s)"
NULLS = "(select arrayJoin([1, 2, NULL]) as n)"
NOTHING = "(select arrayJoin(range(0)) as n, 'x' as s, now() as at)"


def aggregate(project: Project, expression: str, source: str) -> Any:
    [[value]] = project.rows(f"select {expression} from {source}")
    return value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("count()", 4),
        ("COUNT(*)", 4),
        ("count(distinct n)", 3),
        ("countIf(n > 1)", 3),
        ("uniq(n)", 3),
        ("uniqExact(n)", 3),
        ("uniqExact(n, s)", 4),
        ("uniqIf(n, s = 'c')", 2),
        ("uniqExactIf(n, s = 'c')", 2),
        ("uniqExactIf(n, s, n = 2)", 2),
        ("sum(n)", 10),
        ("sumIf(n, s = 'c')", 7),
        ("sum(n = 2)", 2),
        ("min(n)", 1),
        ("max(s)", "c"),
        ("minIf(n, s = 'c')", 2),
        ("maxIf(n, s != 'c')", 2),
        ("any(2)", 2),
        ("anyIf(n, s = 'a')", 1),
        ("argMin(s, n)", "a"),
        ("argMax(s, n)", "c"),
        ("avg(n)", 2.5),
        ("median(n)", 2.0),
        ("topK(1)(n)", [2]),
        ("arraySort(groupArray(n))", [1, 2, 2, 5]),
        ("arraySort(groupArrayIf(n, n > 1))", [2, 2, 5]),
        ("groupArrayIf((n, s), n = 1)", [[1, "a"]]),
        ("arraySort(groupUniqArray(n))", [1, 2, 5]),
    ],
)
def test_over_some_rows(constants: Project, expression: str, value: Any) -> None:
    assert aggregate(constants, expression, SOME) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("count()", 0),
        ("uniqExact(n)", 0),
        ("sum(n)", 0),
        ("max(n)", 0),
        ("max(s)", ""),
        ("max(at)", "1970-01-01T00:00:00Z"),
        ("any(s)", ""),
        ("avg(n)", None),
        ("max(nullIf(n, 1))", None),
        ("groupArray(n)", []),
        ("groupArray((n, s))", []),
    ],
)
def test_over_nothing_there_are_defaults(constants: Project, expression: str, value: Any) -> None:
    assert aggregate(constants, expression, NOTHING) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("count()", 3),
        ("count(n)", 2),
        ("uniqExact(n)", 2),
        ("sum(n)", 3),
        ("arraySort(groupArray(n))", [1, 2]),
        ("groupArrayIf(n, n > 1)", [2]),
        ("any(n) is null", 0),
    ],
)
def test_null_is_left_out(constants: Project, expression: str, value: Any) -> None:
    assert aggregate(constants, expression, NULLS) == value


def test_nothing_meets_a_condition(constants: Project) -> None:
    text = "sumIf(n, n > 9), maxIf(s, n > 9), countIf(n > 9), groupArrayIf(s, n > 9)"
    assert constants.rows(f"select {text} from {SOME}") == [[0, "", 0, []]]


def test_a_sum_of_large_numbers_is_a_number(constants: Project) -> None:
    big = 2**62
    assert aggregate(constants, "sum(n)", f"(select arrayJoin([{big}, {big}]) as n)") == 2**63


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"select s, count() from {SOME}", "not_an_aggregate"),
        (f"select n from {SOME} where count() > 1", "illegal_aggregation"),
        (f"select sum(count()) from {SOME}", "illegal_aggregation"),
    ],
)
def test_an_aggregate_in_the_wrong_place_is_refused(
    constants: Project, text: str, code: str
) -> None:
    with pytest.raises(HogQLError) as refusal:
        constants.rows(text)
    assert refusal.value.code == code
