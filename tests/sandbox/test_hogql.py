"""Queries that PostHog refuses, and those that only the stand-in does."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from .conftest import Caller


def refused(caller: Caller, text: str, **more: Any) -> dict[str, Any]:
    response = caller.query(text, **more)
    assert response.status_code == 400, response.text
    body: dict[str, Any] = response.json()
    assert body["type"] == "validation_error"
    return body


def test_an_unknown_field_is_named_with_its_place_and_the_tables(us: Caller) -> None:
    body = refused(us, "select nope from events")
    assert body["code"] == "hogql_query_error"
    assert body["detail"] == "Unable to resolve field: nope\nTables referenced: events"
    assert body["attr"] is None
    assert body["extra"]["hogql_metadata"] == {
        "isValid": False,
        "errors": [{"message": "Unable to resolve field: nope", "start": 7, "end": 11}],
        "warnings": [],
        "notices": [],
        "query": "select nope from events",
        "table_names": ["events"],
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select",
        "select count() from",
        "select event,, from events",
        "select 1; drop table x",
    ],
)
def test_what_the_grammar_refuses_is_a_syntax_error(us: Caller, text: str) -> None:
    body = refused(us, text)
    assert body["code"] == "hogql_syntax_error"
    metadata = body["extra"]["hogql_metadata"]
    assert metadata["errors"][0]["message"] == body["detail"]
    assert isinstance(metadata["errors"][0]["start"], int)
    assert metadata["table_names"] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("select hamburger(event) from events", "Unsupported function call 'hamburger(...)'"),
        ("select COUNTIF(1) from events", "Unsupported function call 'COUNTIF(...)'"),
        ("select count() from nowhere", "Unknown table `nowhere`."),
        ("select count() from events where e.nope = 1", "Unable to resolve field: e"),
        ("select count() from events e where e.nope = 1", "Unable to resolve field: nope"),
        ("select nope", "Unable to resolve field: nope"),
        ("select count() from events where event = {x}", "Unresolved placeholder: {x}"),
    ],
)
def test_what_does_not_exist_is_named(us: Caller, text: str, message: str) -> None:
    body = refused(us, text)
    assert body["code"] == "hogql_query_error"
    assert body["detail"].split("\n")[0] == message


@pytest.mark.parametrize(
    "text",
    [
        "select count() from events limit 10 offset 10",
        "select event from events limit 1 offset 1 by event",
        "select count() from (select event from events limit 1 offset 2)",
    ],
)
def test_offset_is_closed_to_personal_keys(us: Caller, text: str) -> None:
    body = refused(us, text)
    assert body["code"] == "hogql_query_error"
    opening = "OFFSET is not supported on queries made with a personal API key. "
    assert body["detail"].startswith(opening)


@pytest.mark.parametrize(
    "text",
    [
        "select count() from events join persons on persons.id = events.person_id",
        "with x as (select 1) select * from x",
        "select count() from events limit 1 + 1",
        "select count() from events where 1" + " + 1" * 500 + " > 0",
    ],
)
def test_valid_hogql_that_is_beyond_the_stand_in_says_so(us: Caller, text: str) -> None:
    body = refused(us, text)
    assert body["code"] == "hogql_query_error"
    assert body["detail"].startswith("The stand-in PostHog does not answer this yet: ")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("select event, count() from events group by event order by event", "$autocapture"),
        ("select uniqExact(distinct_id) from events", 24),
        ("select count(distinct event) from events", 6),
        ("select count() from events where properties.plan = 'pro'", 0),
        ("select count() from persons", 24),
        ("select count() from (select event from events limit 7)", 7),
        ("select 1 union all select 2", 1),
    ],
)
def test_what_the_engine_can_do_is_done(us: Caller, text: str, first: object) -> None:
    response = us.query(text)
    assert response.status_code == 200, response.text
    assert response.json()["results"][0][0] == first


def test_an_error_of_clickhouses_has_its_own_code(us: Caller) -> None:
    body = refused(us, "select event, count() from events")
    assert body["code"] == "not_an_aggregate"
    assert body["detail"].endswith("\nTables referenced: events")


@pytest.mark.parametrize("refresh", ["async", "force_async", "lazy_async"])
def test_so_does_an_asynchronous_query(us: Caller, refresh: str) -> None:
    body = refused(us, "select 1", refresh=refresh)
    assert body["detail"].startswith("The stand-in PostHog does not answer this yet: ")


def test_the_parser_leaves_no_module_of_posthogs_behind() -> None:
    assert not [name for name in sys.modules if name.split(".")[0] == "posthog"]
