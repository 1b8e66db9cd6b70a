"""SELECT statements: what names stand for, and what each part of one does."""

from __future__ import annotations

import pytest

from integrations_posthog.sandbox.grammar import HogQLError

from .conftest import Project


def refused(project: Project, text: str) -> tuple[str, str]:
    with pytest.raises(HogQLError) as refusal:
        project.rows(text)
    error = refusal.value
    return error.message, text[error.start or 0 : error.end]


def test_rows_are_grouped_filtered_ordered_and_limited(project: Project) -> None:
    text = "select event, count() as n from events group by event having n > 0 order by n desc"
    assert project.rows(text) == [["view", 3], ["signup", 1]]
    assert project.rows(f"{text} limit 1") == [["view", 3]]
    assert project.rows(text.replace("n > 0", "n = 1")) == [["signup", 1]]


def test_columns_may_be_named_by_their_number(project: Project) -> None:
    text = "select event, count() from events group by 1 order by 2"
    assert project.rows(text) == [["signup", 1], ["view", 3]]


def test_null_comes_last_whatever_the_order(constants: Project) -> None:
    text = "select n from (select arrayJoin([NULL, 2, 1]) as n) order by n"
    assert constants.rows(text) == [[1], [2], [None]]
    assert constants.rows(f"{text} desc") == [[2], [1], [None]]


def test_distinct_rows_come_once(project: Project) -> None:
    text = "select distinct event from events order by event"
    assert project.rows(text) == [["signup"], ["view"]]


class TestAliases:
    def test_one_can_be_used_in_the_columns_after_it(self, constants: Project) -> None:
        assert constants.rows("select 1 as a, a + 1 as b, b * 10") == [[1, 2, 20]]

    def test_one_can_be_used_in_every_other_part(self, project: Project) -> None:
        text = (
            "select upper(event) as name, count() as n from events where name != 'X' "
            "group by name having n > 1 order by name"
        )
        assert project.rows(text) == [["VIEW", 3]]

    def test_before_it_the_name_is_the_columns(self, constants: Project) -> None:
        source = "(select arrayJoin([1, 2]) as n)"
        assert constants.rows(f"select sumIf(n, n > 1) as n from {source}") == [[2]]

    def test_after_it_the_name_is_no_more_the_columns(self, constants: Project) -> None:
        source = "(select arrayJoin([1, 2]) as n)"
        assert constants.rows(f"select 0 as n, count() from {source} where n > 1 group by n") == []

    def test_a_constant_by_its_alias_groups_nothing(self, project: Project) -> None:
        text = "select 1 as one, event, count() from events group by one, event order by event"
        assert project.rows(text) == [[1, "signup", 1], [1, "view", 3]]

    def test_one_cannot_be_given_twice(self, constants: Project) -> None:
        message, _ = refused(constants, "select 1 as a, 2 as a")
        assert message == "Cannot redefine an alias with the name: a"


class TestSubqueries:
    def test_their_fields_are_the_columns_names(self, project: Project) -> None:
        inner = "(select event as name, count() as n, timestamp from events group by all)"
        text = f"select t.name, sum(n) from {inner} as t group by name order by name"
        assert project.rows(text.replace("all", "name, timestamp")) == [["signup", 1], ["view", 3]]

    def test_no_other_field_is_seen_through_them(self, project: Project) -> None:
        text = "select event from (select count() as n from events)"
        assert refused(project, text) == ("Unable to resolve field: event", "event")

    def test_properties_stay_properties(self, project: Project) -> None:
        text = "select count() from (select properties as p from events) where p.n = '7'"
        assert project.rows(text) == [[2]]

    def test_a_union_has_the_rows_of_all_and_the_names_of_the_first(self, project: Project) -> None:
        text = (
            "select n, count() from (select 1 as n union all select 2 as m union all select 2) "
            "group by n order by n"
        )
        assert project.rows(text) == [[1, 1], [2, 2]]

    def test_a_union_needs_as_many_columns_in_each_part(self, constants: Project) -> None:
        message, _ = refused(constants, "select 1 union all select 1, 2")
        assert message == "Expected the same number of columns in each SELECT of a UNION"


class TestColumns:
    def test_they_are_named_by_their_alias_or_their_text(self, project: Project) -> None:
        columns = "count() as n, count(), 'a', event"
        table = project.data.run_text(f"select {columns} from events group by event limit 0")
        assert table.columns == ("n", "count()", "'a'", "event")

    @pytest.mark.parametrize(
        ("expression", "name"),
        [
            ("1", "UInt8"),
            ("-1", "Int8"),
            ("300", "UInt16"),
            ("1.5", "Float64"),
            ("true", "Bool"),
            ("1 = 1", "UInt8"),
            ("'a'", "String"),
            ("NULL", "Nullable(Nothing)"),
            ("nullIf('a', 'b')", "Nullable(String)"),
            ("count()", "UInt64"),
            ("today()", "Date"),
            ("now()", "DateTime64(6, 'UTC')"),
            ("[(1, 'a')]", "Array(Tuple(UInt8, String))"),
        ],
    )
    def test_their_types_have_clickhouses_names(
        self, constants: Project, expression: str, name: str
    ) -> None:
        assert constants.type(expression) == name


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("select nope from events", "Unable to resolve field: nope", "nope"),
        ("select nope", "Unable to resolve field: nope", "nope"),
        ("select e.event from events", "Unable to resolve field: e", "e.event"),
        ("select person.nope from events", "Unable to resolve field: nope", "person.nope"),
        ("select 1 from nowhere", "Unknown table `nowhere`.", "nowhere"),
        ("select arrayMap(x -> y, [1])", "Unable to resolve field: y", "y"),
        ("select f(1) union all select 1", "Unsupported function call 'f(...)'", "f(1)"),
        ("select 1 from (select g(1))", "Unsupported function call 'g(...)'", "g(1)"),
        ("select LOWERUTF8('a')", "Unsupported function call 'LOWERUTF8(...)'", "LOWERUTF8('a')"),
        ("select toDate('a', 'UTC')", "Function 'toDate' expects 1 argument, found 2", None),
        ("select dateDiff('day')", "Function 'dateDiff' expects 3 arguments, found 1", None),
        (
            "select multiIf(1, 2, 3, 4)",
            "Function 'multiIf' expects an odd number of arguments",
            None,
        ),
        ("select trim()", "Function 'trim' expects at least 1 argument, found 0", None),
        ("select range(1, 2, 3, 4)", "Function 'range' expects at most 3 arguments, found 4", None),
        ("select sum()", "Aggregation 'sum' expects 1 argument, found 0", None),
    ],
)
def test_what_does_not_exist_is_named_with_its_place(
    constants: Project, text: str, message: str, place: str | None
) -> None:
    assert refused(constants, text) == (message, place or text.removeprefix("select "))


@pytest.mark.parametrize(
    "text",
    [
        "select * from events",
        "select elements_chain from events",
        "select person from events",
        "select event from events limit 1 by event",
        "select 1 from events join persons on persons.id = events.person_id",
        "with x as (select 1) select * from x",
        "select 1 from sessions",
        "select count() from events sample 0.1",
        "select 1 union distinct select 1",
        "select sum(1) over (partition by event) from events",
        "select 1 in (select 1)",
        "select 1 limit 1 + 1",
        "select arrayMap((x, y) -> x, [1], [2])",
        "select toString([1])",
        "select event.x from events",
    ],
)
def test_hogql_beyond_the_stand_in_is_said_to_be(constants: Project, text: str) -> None:
    message, _ = refused(constants, text)
    assert message.startswith("The stand-in PostHog does not answer this yet: ")
