"""The form that values have in an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Project

ID = "00000000-0000-0000-0000-000000000001"


ID = "00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("1", "1"),
        ("1.5", "1.5"),
        ("true", "true"),
        ("1 = 1", "1"),
        ("[1 = 1, 1 = 2]", "[1, 0]"),
        ("NULL", "null"),
        ("[NULL, 1]", "[null, 1]"),
        ("(1, ('a', today()))", '[1, ["a", "2026-10-09"]]'),
        ("toFloat('nan')", "null"),
        ("[toFloat('inf')]", "[null]"),
        (f"toUUID('{ID}')", f'"{ID}"'),
        ("(toDateTime('2026-10-07 12:00:00'), NULL)", '["2026-10-07T12:00:00Z", null]'),
    ],
)
def test_a_value_is_sent_as_json(constants: Project, expression: str, text: str) -> None:
    value: Any = constants.value(expression)
    assert json.dumps(value) == text


def test_a_number_of_64_bits_is_sent_as_it_is(constants: Project) -> None:
    assert constants.value("{number}", number=2**64 - 1) == 2**64 - 1
