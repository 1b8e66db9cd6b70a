"""The tables: their columns, properties, and what comes along with an event."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import ANN, BOB, NOBODY, Project, event


def test_an_event_has_posthogs_columns(in_zone: Any) -> None:
    project = in_zone("UTC")
    sent = event("signup", "2026-10-07T09:00:00", distinct_id="ann", properties={"a": 1})
    project.data.add_events([sent])
    text = (
        "select toString(uuid), uuid, event, timestamp, created_at, distinct_id, person_id, "
        "properties, `$group_0`, $group_4 from events"
    )
    uuid = str(sent.uuid)
    assert project.rows(text) == [
        [
            *(uuid, uuid, "signup", "2026-10-07T09:00:00Z", "2026-10-09T12:00:00Z", "ann"),
            *(str(ANN), '{"a": 1}', "", ""),
        ]
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("", ""),
        ("nul\0", "nul\0"),
        ("ü🦔", "ü🦔"),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (None, None),
        ({"b": [1]}, '{"b":[1]}'),
        (["x"], '["x"]'),
    ],
)
def test_a_property_is_a_nullable_string(in_zone: Any, value: Any, text: str | None) -> None:
    project = in_zone("UTC")
    project.data.add_events([event(properties={"key": value})])
    table = project.data.run_text("select properties.key from events")
    assert (table.rows, table.types) == ([[text]], ("Nullable(String)",))


def test_a_property_that_is_not_there_is_null(project: Project) -> None:
    assert project.rows("select count() from events where properties.nope is null") == [[4]]


def test_a_property_may_have_any_name_and_lie_deep(in_zone: Any) -> None:
    project = in_zone("UTC")
    project.data.add_events([event(properties={"org id": "o", 'qu"ote': "q", "a": {"b.c": "d"}})])
    text = 'select properties.`org id`, properties.`qu"ote`, properties.a.`b.c` from events'
    assert project.rows(text) == [["o", "q", "d"]]


def test_a_comparison_with_a_property_is_never_null(project: Project) -> None:
    assert project.rows("select count() from events where properties.n = '7'") == [[2]]
    assert project.rows("select count() from events where properties.n != '7'") == [[2]]


def test_the_person_comes_along_with_the_event(project: Project) -> None:
    text = (
        "select person.id, person.properties.email, person.properties.tags.vip, count() "
        "from events group by 1, 2, 3 order by 4"
    )
    assert project.rows(text) == [
        [str(BOB), None, None, 1],
        [str(ANN), "Ann@Acme.example", "true", 3],
    ]


def test_an_event_counts_even_where_its_person_is_not_known(in_zone: Any) -> None:
    project = in_zone("UTC")
    project.data.add_events([event(person_id=NOBODY)])
    text = "select person_id, person.id, person.properties.email, person.created_at from events"
    nobody = ["00000000-0000-0000-0000-000000000000", None, "1970-01-01T00:00:00Z"]
    assert project.rows(text) == [[str(NOBODY), *nobody]]


def test_the_group_comes_along_with_the_event(project: Project) -> None:
    text = "select $group_0, group_0.properties.name, count() from events group by 1, 2 order by 3"
    assert project.rows(text) == [["", None, 1], ["acme", "Acme", 3]]


def test_persons_are_a_table(project: Project) -> None:
    text = "select id, properties.seats, created_at from persons order by id"
    made = "2026-10-09T12:00:00Z"
    assert project.rows(text) == [[str(ANN), "5", made], [str(BOB), None, made]]


def test_groups_are_a_table(project: Project) -> None:
    text = (
        "select index, key, properties.name, if(length(properties) > {most}, '', properties) "
        "as properties, updated_at from groups where updated_at >= '2026-01-01'"
    )
    properties = '{"name": "Acme", "plan": "pro"}'
    made = "2026-10-09T12:00:00Z"
    assert project.rows(text, most=100) == [[0, "acme", "Acme", properties, made]]
    assert project.rows(text, most=10) == [[0, "acme", "Acme", "", made]]


def test_a_table_may_have_another_name(project: Project) -> None:
    assert project.rows("select count(e.event) from events as e where e.timestamp < now()") == [[4]]
    assert project.rows("select count(events.event) from events") == [[4]]
