"""What PostHog's answers about usage mean; whatever is not of their shape is an error of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations_posthog.client import usage_replies as replies
from integrations_posthog.client.transport import Reply
from integrations_posthog.client.usage_replies import QueryAnswer
from integrations_posthog.errors import ApiError, Unauthorized

ORIGIN = date(2026, 11, 1)

Reader = Callable[[QueryAnswer], object]
READERS: dict[str, Reader] = {
    "days": lambda answer: replies.read_day_counts(answer, origin=ORIGIN),
    "usage": lambda answer: replies.read_usage(answer, origin=ORIGIN),
    "coverage": replies.read_coverage,
    "groups": replies.read_groups,
}


def reply(body: Any, status: int = 200) -> Reply:
    return Reply(status=status, headers={}, body=json.dumps(body).encode())


def answer(*rows: list[Any]) -> QueryAnswer:
    return QueryAnswer(rows=list(rows), timezone="UTC")


class TestAnswer:
    def test_it_has_rows_and_the_project_s_time_zone(self) -> None:
        found = replies.read_answer(reply({"results": [[1]], "timezone": "Asia/Kolkata"}))
        assert found == QueryAnswer(rows=[[1]], timezone="Asia/Kolkata")

    @pytest.mark.parametrize(
        "body",
        [[], {}, {"results": [[1]]}, {"results": {}, "timezone": "UTC"}, {"timezone": "UTC"}],
    )
    def test_anything_else_is_an_api_error(self, body: Any) -> None:
        with pytest.raises(ApiError):
            replies.read_answer(reply(body))

    @pytest.mark.parametrize(
        "zone", ["", "X" * 65, "a\0b", "\ud800", "../../etc", "<script>", "Europe/Berlin\n", " UTC"]
    )
    def test_a_time_zone_that_cannot_be_one_is_an_api_error(self, zone: str) -> None:
        with pytest.raises(ApiError) as raised:
            replies.read_answer(reply({"results": [[1]], "timezone": zone}))
        assert raised.value.hint == "PostHog names a time zone that cannot be one."

    def test_a_refusal_is_a_refusal(self) -> None:
        with pytest.raises(Unauthorized):
            replies.read_answer(reply({}, status=401))


def test_days_are_counted_from_the_origin_and_times_are_utc() -> None:
    days = [[0, 5, "2026-11-01T10:00:00.000001Z"], [3, 7, "2026-11-05T00:30:00+02:00"]]
    assert replies.read_day_counts(answer([days]), origin=ORIGIN) == [
        (ORIGIN, 5, datetime(2026, 11, 1, 10, 0, 0, 1, tzinfo=UTC)),
        (date(2026, 11, 4), 7, datetime(2026, 11, 4, 22, 30, tzinfo=UTC)),
    ]


def test_usage_is_by_account_day_and_event() -> None:
    row = [
        "initech",
        [["signup", [0], [3], [2]]],
        [[[-1, 0], [0, 3], [0, 2], [1, 2], [4, 4]]],
        [["signup", 9, 4]],
    ]
    [usage] = replies.read_usage(answer(row), origin=ORIGIN)
    assert usage.key == "initech"
    assert usage.by_event == [("signup", [ORIGIN], [3], [2])]
    assert usage.by_day == [([date(2026, 10, 31), ORIGIN], [0, 3], [0, 2], [1, 2], [4, 4])]
    assert usage.last_28_days == [("signup", 9, 4)]


def test_groups_come_with_properties_that_a_database_takes() -> None:
    properties = json.dumps({"plan": "team", "no\0te": ["a\0b", "\ud800", {"x": None}], "n": 1.5})
    rows = [
        ["a", "A\0ye\ud800", properties],
        ["b", "", ""],
        ["c", "", "[1]"],
        ["d", "", "{nonsense"],
    ]
    found = replies.read_groups(answer(*rows))
    assert found[0].name == "Aye?"
    assert found[0].properties == {"plan": "team", "note": ["ab", "?", {"x": None}], "n": 1.5}
    assert [row.properties for row in found[1:]] == [None, None, None]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"a": NaN, "b": [Infinity, -Infinity], "c": 1}', {"a": None, "b": [None, None], "c": 1}),
        ('{"a": 1e999, "b": -1e999, "c": 1e3}', {"a": None, "b": None, "c": 1000.0}),
        ('{"a": ' + "9" * 5_000 + "}", None),
        ('{"a": ' + "[" * 9_000 + "]" * 9_000 + "}", None),
        ('{"a": "' + "x" * 20_000 + '"}', None),
    ],
    ids=["NaN", "infinite", "a number too long", "too deep", "too long"],
)
def test_properties_that_no_database_takes_are_left_out(text: str, kept: Any) -> None:
    [row] = replies.read_groups(answer(["a", "A", text]))
    assert row.properties == kept


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("days", []),
        ("days", [[[]], [[]]]),
        ("days", [[[[0, 5]]]]),
        ("days", [[[[0, -5, "2026-11-01T10:00:00Z"]]]]),
        ("days", [[[[0, 5, "yesterday"]]]]),
        ("days", [[[[10**9, 5, "2026-11-01T10:00:00Z"]]]]),
        ("days", [[[[True, 5, "2026-11-01T10:00:00Z"]]]]),
        ("usage", [["a", [], []]]),
        ("usage", [[None, [], [], []]]),
        ("usage", [["a", [["signup", [0], [1.5], [1]]], [], []]]),
        ("usage", [["a", [["signup", [True], [1], [1]]], [], []]]),
        ("usage", [["a", [["signup", [0], [1], [-1]]], [], []]]),
        ("usage", [["a", [["signup", [0], [1, 1], [1]]], [], []]]),
        ("usage", [["a", [["signup", 0, 1, 1]], [], []]]),
        ("usage", [["a", [[None, [0], [1], [1]]], [], []]]),
        ("usage", [["a", [], [[[0], [1], [1], [1]]], []]]),
        ("usage", [["a", [], [[[0], [2**63], [1], [1], [1]]], []]]),
        ("usage", [["a", [], [], [["signup", "9", 4]]]]),
        ("usage", ["a"]),
        ("usage", [["a", [["signup", [0], [10**13 + 1], [1]]], [], []]]),
        ("usage", [["a", [], [], []]]),
        ("usage", [["a", [["signup", [0, 0], [1, 1], [1, 1]]], [], []]]),
        ("usage", [["a", [["signup", [0], [1], [1]], ["signup", [1], [1], [1]]], [], []]]),
        ("usage", [["a", [], [[[0, 0], [1, 1], [1, 1], [1, 1], [1, 1]]], []]]),
        ("usage", [["a", [], [[[0], [1], [1], [1], [1]], [[0], [1], [1], [1], [1]]], []]]),
        ("usage", [["a", [], [], [["signup", 9, 4], ["signup", 1, 1]]]]),
        ("days", [[[[0, 10**13 + 1, "2026-11-01T10:00:00Z"]]]]),
        ("days", [[[[0, 5, "9999-12-31T23:59:59-10:00"]]]]),
        ("coverage", [["all", "", None, 1]]),
        ("groups", [["a", None, ""]]),
    ],
)
def test_what_is_misshapen_is_an_api_error(name: str, rows: list[Any]) -> None:
    with pytest.raises(ApiError):
        READERS[name](answer(*rows))


def a_row(key: str) -> list[Any]:
    return [key, [["signup", [0], [1], [1]]], [], []]


@pytest.mark.parametrize(
    ("keys", "after"),
    [
        (["a", "a"], None),
        (["b", "a"], None),
        (["a"], "a"),
        (["a"], "b"),
        (["", "a", ""], None),
        # As bytes, which is the order of ClickHouse's.
        (["🦔", "\uffff"], None),
    ],
)
def test_accounts_that_come_twice_or_out_of_order_are_an_api_error(
    keys: list[str], after: str | None
) -> None:
    with pytest.raises(ApiError) as raised:
        replies.read_usage(answer(*map(a_row, keys)), origin=ORIGIN, after=after)
    assert raised.value.hint == "PostHog's pages of accounts do not go on."


@pytest.mark.parametrize(("keys", "after"), [(["a", "a"], ""), (["b", "a"], ""), (["a"], "a")])
def test_so_are_groups(keys: list[str], after: str) -> None:
    with pytest.raises(ApiError) as raised:
        replies.read_groups(answer(*([key, "A", "{}"] for key in keys)), after=after)
    assert raised.value.hint == "PostHog's pages of groups do not go on."


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=5),
    max_leaves=20,
)


@pytest.mark.parametrize("name", READERS)
@given(rows=st.lists(_JSON, max_size=4))
def test_nothing_but_an_api_error_comes_of_nonsense(name: str, rows: list[Any]) -> None:
    try:
        READERS[name](QueryAnswer(rows=rows, timezone="UTC"))
    except ApiError:
        return
