"""Comparisons and arithmetic: PostHog's comparisons are never NULL."""

from __future__ import annotations

from typing import Any

import pytest

from integrations_posthog.sandbox.grammar import HogQLError

from .conftest import Project

ID = "00000000-0000-0000-0000-00000000000a"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 = 1", 1),
        ("1 = 1.0", 1),
        ("1 != 1", 0),
        ("'a' < 'b'", 1),
        ("'B' < 'a'", 1),
        ("NULL = 1", 0),
        ("nullIf(1, 1) = 1", 0),
        ("nullIf(1, 1) != 1", 1),
        ("nullIf(1, 1) > 0", 0),
        ("nullIf(1, 1) = NULL", 1),
        ("nullIf(1, 1) is null", 1),
        ("1 is not null", 1),
        ("nullIf('a', 'a') like 'a'", 0),
        ("nullIf('a', 'a') not like 'a'", 1),
        ("'Abc' ilike 'a%'", 1),
        ("'Abc' like 'a%'", 0),
        ("1 in (1, 2)", 1),
        ("1 in [1, 2]", 1),
        ("3 not in (1, 2)", 1),
        ("nullIf(1, 1) in (1, 2)", 0),
        ("nullIf(1, 1) not in (1, 2)", 1),
        ("(1, 'a') in ((1, 'a'), (2, 'b'))", 1),
        ("1 in range(3)", 1),
        ("1 between 1 and 2", 1),
        ("3 not between 1 and 2", 1),
        ("(1, 'b') > (1, 'a')", 1),
        ("(1, 'b') > (2, 'a')", 0),
        ("(1, 'a') >= (1, 'a')", 1),
        ("(1, 'b') >= (1, 'c')", 0),
        ("(1, 'a') = (1, 'b')", 0),
        ("(1, 'a') != (1, 'b')", 1),
        ("1 + 2 * 3", 7),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("7 / 2", 3.5),
        ("1 / 0", None),
        ("-(2)", -2),
        ("1 + NULL", None),
        ("(1 = 1) + 1", 2),
        (f"toUUID('{ID}') = '{ID.upper()}'", 1),
    ],
)
def test_an_operator_gives_what_is_documented(
    constants: Project, expression: str, value: Any
) -> None:
    assert constants.value(expression) == value


def test_no_element_of_an_empty_list_is_met(constants: Project) -> None:
    assert constants.value("'a' in {names}", names=[]) == 0


@pytest.mark.parametrize(
    "expression", ["'a' = 1", "'a' in (1, 2)", "[1] = 1", "(1, 2) = (1, 2, 3)"]
)
def test_values_of_different_types_are_not_compared(constants: Project, expression: str) -> None:
    with pytest.raises(HogQLError) as refusal:
        constants.value(expression)
    assert refusal.value.code == "no_common_type"
    assert refusal.value.message.startswith("There is no supertype for types ")


def test_nor_added(constants: Project) -> None:
    with pytest.raises(HogQLError) as refusal:
        constants.value("'a' + 1")
    assert refusal.value.code == "illegal_type_of_argument"
