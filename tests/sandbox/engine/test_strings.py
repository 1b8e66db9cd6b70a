"""Functions of strings, against what ClickHouse documents for them."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Project


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("lower('ABC')", "abc"),
        ("LOWER('ABC')", "abc"),
        ("lower('ÄBC')", "Äbc"),
        ("upper('straße')", "STRAßE"),
        ("trim('  a b  ')", "a b"),
        ("trim('\\n a ')", "\n a"),
        ("trim('xxaxx', 'x')", "a"),
        ("concat('a', NULL, 1)", "a1"),
        ("'a' || 'b'", "ab"),
        ("substring('hello', 2, 3)", "ell"),
        ("position('hello', 'l')", 3),
        ("position('hello', 'x')", 0),
        ("position('über', 'b')", 3),
        ("splitByChar('@', 'a@b')", ["a", "b"]),
        ("splitByChar('@', 'a@b')[2]", "b"),
        ("splitByChar('@', 'ab')[2]", ""),
        ("split_part('a-b-c', '-', 2)", "b"),
        ("extract('ann@acme.example', '@([^@]+)$')", "acme.example"),
        ("extract('a@b@c', '@([^@]+)$')", "c"),
        ("extract('nobody', '@([^@]+)$')", ""),
        ("extract('abc123', '[0-9]+')", "123"),
        ("extract('a(b', '\\\\(b')", "(b"),
        ("extract('a\\nb', 'a.b')", "a\nb"),
        ("match('hello', '^h.*o$')", 1),
        ("match('hello', '^x')", 0),
        ("startsWith('hello', 'he')", 1),
        ("endsWith('hello', 'he')", 0),
        ("like('a_c', 'a\\\\_c')", 1),
        ("like('abc', 'a\\\\_c')", 0),
        ("like('abc', 'a%')", 1),
        ("ilike('ABC', 'a_c')", 1),
        ("replaceAll('aXbX', 'X', '-')", "a-b-"),
        ("replaceRegexpAll('a1b22', '[0-9]+', '#')", "a#b#"),
        ("lengthUTF8('über')", 4),
        ("length('über')", 5),
        ("lower(NULL)", None),
        ("toString(1.0)", "1"),
        ("toString(1.5)", "1.5"),
        ("toString(1 = 1)", "1"),
        ("toString(true)", "true"),
        ("toString(toDate('2026-01-02'))", "2026-01-02"),
        ("toString(toDateTime64('2026-01-02 03:04:05', 6, 'UTC'))", "2026-01-02 03:04:05.000000"),
        ("toString(NULL)", None),
    ],
)
def test_a_function_gives_what_clickhouse_documents(
    constants: Project, expression: str, value: Any
) -> None:
    assert constants.value(expression) == value


@pytest.mark.parametrize(
    "word",
    ["", "it's", "\0", "a\0b\0", "🦔", "\\", pytest.param("x" * 1024 * 1024, id="a megabyte")],
)
def test_any_text_passes_unharmed(constants: Project, word: str) -> None:
    assert constants.value("{word}", word=word) == word
    assert constants.value("lengthUTF8({word})", word=word) == len(word)
    assert constants.value("{word} = {word}", word=word) == 1


def test_strings_are_ordered_by_their_bytes(constants: Project) -> None:
    names = ["b", "a", "B", "é", "z", "🦔", "a\0"]
    rows = constants.rows(
        "select name from (select arrayJoin({names}) as name) order by name", names=names
    )
    assert [name for [name] in rows] == sorted(names, key=str.encode)
