"""Functions of arrays and tuples, against what ClickHouse documents for them."""

from __future__ import annotations

from typing import Any

import pytest

from integrations_posthog.sandbox.grammar import HogQLError

from .conftest import Project


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[1, 2]", [1, 2]),
        ("[1, 2.5]", [1.0, 2.5]),
        ("[]", []),
        ("(1, 'a')", [1, "a"]),
        ("tuple(1, 'a').2", "a"),
        ("[(1, 'a'), (2, 'b')]", [[1, "a"], [2, "b"]]),
        ("[1, 2, 3][2]", 2),
        ("[1, 2, 3][-1]", 3),
        ("[1, 2, 3][9]", 0),
        ("arrayElement(['a'], 2)", ""),
        ("range(3)", [0, 1, 2]),
        ("range(1, 3)", [1, 2]),
        ("range(0, 6, 2)", [0, 2, 4]),
        ("has([1, 2], 2)", 1),
        ("has([1, 2], 3)", 0),
        ("has([1, 2], NULL)", 0),
        ("length([1, 2])", 2),
        ("arraySort([3, 1, 2])", [1, 2, 3]),
        ("arraySort(x -> -x, [3, 1, 2])", [3, 2, 1]),
        ("arrayMap(x -> x + 1, [1, 2])", [2, 3]),
        ("arrayMap(x -> arrayMap(y -> x * y, [1, 2]), [3, 4])", [[3, 6], [4, 8]]),
        ("arrayFilter(x -> x > 1, [1, 2])", [2]),
        ("arraySum([1, 2])", 3),
        ("arraySum(x -> x * 2, [1, 2])", 6),
        ("arraySum([])", 0),
        ("arrayDistinct([2, 1, 2])", [2, 1]),
        ("arrayPopFront([1, 2, 3])", [2, 3]),
        ("arrayPopFront([])", []),
        ("arrayPushBack([1, 2], 3)", [1, 2, 3]),
        ("arrayPushBack([1], 2.5)", [1.0, 2.5]),
        ("arrayPushBack([(1, 'a')], (2, 'b'))", [[1, "a"], [2, "b"]]),
        ("arrayZip([1, 2], ['a', 'b'])", [[1, "a"], [2, "b"]]),
    ],
)
def test_a_function_gives_what_clickhouse_documents(
    constants: Project, expression: str, value: Any
) -> None:
    assert constants.value(expression) == value


def test_an_array_join_makes_a_row_of_each_element(constants: Project) -> None:
    rows = constants.rows("select arrayJoin([1, 2, 2]) as x, x * 10 as y order by x")
    assert rows == [[1, 10], [2, 20], [2, 20]]


def test_an_empty_array_leaves_no_row(constants: Project) -> None:
    assert constants.rows("select arrayJoin(range(0))") == []


def test_different_array_joins_make_every_pair(constants: Project) -> None:
    rows = constants.rows("select arrayJoin([1, 2]) as x, arrayJoin(['a', 'b']) as y order by x, y")
    assert rows == [[1, "a"], [1, "b"], [2, "a"], [2, "b"]]


def test_an_array_join_of_columns_keeps_the_row_it_came_from(project: Project) -> None:
    rows = project.rows(
        "select pair.1 as what, pair.2 as is, count() from ("
        "  select arrayJoin([('event', event), ('group', $group_0)]) as pair from events"
        ") where is != 'signup' group by what, is order by what, is"
    )
    assert rows == [["event", "view", 3], ["group", "", 1], ["group", "acme", 3]]


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("arrayJoin(1)", "type_mismatch"),
        ("arrayMap(1, [1])", "illegal_type_of_argument"),
        ("has(1, 1)", "illegal_type_of_argument"),
        ("(1, 2).3", "not_found"),
        ("[1, 'a']", "no_common_type"),
    ],
)
def test_what_is_no_array_or_tuple_is_refused(
    constants: Project, expression: str, code: str
) -> None:
    with pytest.raises(HogQLError) as refusal:
        constants.value(expression)
    assert refusal.value.code == code
