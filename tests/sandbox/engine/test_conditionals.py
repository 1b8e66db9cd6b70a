"""Conditions, NULL and conversions, against what PostHog and ClickHouse document for them."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Project


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("if(1 > 0, 'a', 'b')", "a"),
        ("if(NULL, 'a', 'b')", "b"),
        ("if(2, 1, 0)", 1),
        ("if(1, NULL, 'b')", None),
        ("multiIf(0, 'a', 1, 'b', 'c')", "b"),
        ("multiIf(0, 'a', 0, 'b', 'c')", "c"),
        ("1 ? 'a' : 'b'", "a"),
        ("case when 0 then 'a' else 'b' end", "b"),
        ("coalesce(NULL, NULL, 1)", 1),
        ("COALESCE(NULL, 1)", 1),
        ("ifNull(NULL, 'a')", "a"),
        ("IFNULL('b', 'a')", "b"),
        ("nullIf('a', 'a')", None),
        ("nullIf('a', 'b')", "a"),
        ("isNull(NULL)", 1),
        ("isNotNull(NULL)", 0),
        ("assumeNotNull(nullIf('a', 'a'))", ""),
        ("1 and 0", 0),
        ("and(1, 1)", 1),
        ("1 or 0", 1),
        ("not 1", 0),
        ("not(0)", 1),
        ("toInt('12')", 12),
        ("toInt('x')", None),
        ("toInt(1.9)", 1),
        ("toInt(-1.9)", -1),
        ("toFloat('1.5')", 1.5),
        ("toFloat('x')", None),
        ("toUUID('00000000-0000-0000-0000-000000000001')", "00000000-0000-0000-0000-000000000001"),
        ("toUUID('x')", None),
    ],
)
def test_a_function_gives_what_is_documented(
    constants: Project, expression: str, value: Any
) -> None:
    assert constants.value(expression) == value


def test_a_hash_is_the_same_for_the_same_value_and_parts_evenly(constants: Project) -> None:
    rows = constants.rows(
        "select cityHash64(name) % 4 as part, count() from ("
        "  select concat('account ', toString(arrayJoin(range(4000)))) as name"
        ") group by part order by part"
    )
    assert [part for part, _ in rows] == [0, 1, 2, 3]
    assert all(900 < count < 1100 for _, count in rows)
    assert constants.value("cityHash64('a') = cityHash64('a')") == 1
