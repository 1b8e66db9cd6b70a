"""The stand-in parses HogQL with PostHog's grammar, counts events, and refuses as PostHog does."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.sandbox.answers import Answer, Request
from integrations_posthog.sandbox.api import Api
from integrations_posthog.sandbox.events import EVENT_NAMES
from integrations_posthog.sandbox.world import new_region

from .conftest import LAST_30_DAYS, Caller

NOON = datetime(2026, 10, 9, 12, 0, tzinfo=UTC)


def count(caller: Caller, where: str, **more: Any) -> int:
    response = caller.query(f"select count() from events where {where}", **more)
    assert response.status_code == 200, response.text
    total: int = response.json()["results"][0][0]
    return total


def ask(api: Api, *, now: datetime, text: str = LAST_30_DAYS, **fields: Any) -> Answer:
    body = {"query": {"kind": "HogQLQuery", "query": text}, **fields}
    request = Request(
        method="POST",
        path="/api/projects/12345/query/",
        origin="http://posthog.example",
        authorization=f"Bearer {KEYS.full.value}",
        body=json.dumps(body).encode(),
    )
    return api.answer(request=request, now=now)


class TestCounts:
    def test_acme_has_15420_events_in_the_last_30_days(self, us: Caller) -> None:
        assert us.query().json()["results"] == [[15420]]

    @pytest.mark.parametrize("hour", range(0, 24, 5))
    def test_that_number_is_the_same_at_any_hour(self, hour: int) -> None:
        moment = datetime(2026, 10, 9, hour, 59, 59, tzinfo=UTC)
        assert ask(Api(region=new_region("us")), now=moment).body["results"] == [[15420]]

    def test_older_events_come_on_top_and_none_is_in_the_future(self, us: Caller) -> None:
        assert count(us, "timestamp >= subtractDays(now(), 60)") == 15420 + 7710
        assert count(us, "timestamp > now()") == 0

    def test_another_customer_with_that_project_id_has_other_events(self, eu: Caller) -> None:
        assert eu.query(key=KEYS.eu).json()["results"] == [[312]]

    def test_a_project_may_be_without_events(self, us: Caller) -> None:
        response = us.query("select count() from events", key=KEYS.several, project=203)
        assert response.json()["results"] == [[0]]

    def test_the_names_of_events_part_the_whole(self, us: Caller) -> None:
        whole = count(us, "true")
        assert sum(count(us, f"event = '{name}'") for name in EVENT_NAMES) == whole
        assert count(us, "event = '$pageview'") > count(us, "event = 'signup'") > 0

    @pytest.mark.parametrize(
        ("where", "same"),
        [
            ("timestamp >= now() - toIntervalDay(30)", "timestamp >= now() - INTERVAL 30 DAY"),
            ("timestamp >= now() - interval 4 week", "timestamp >= subtractDays(now(), 28)"),
            ("addDays(timestamp, 7) >= now()", "timestamp >= now() - interval 168 hour"),
            ("not event = 'signup'", "event != 'signup'"),
            ("not (event = 'signup')", "event not in ('signup')"),
            ("event = 'signup' or event = '$pageview'", "event in ('signup', '$pageview')"),
            ("event like 'team%'", "event = 'team_member_invited'"),
            ("event ilike 'SIGN_P'", "event = 'signup'"),
            ("timestamp between '2020-01-01' and now()", "timestamp <= now()"),
            ("timestamp not between '2020-01-01' and now()", "timestamp > now()"),
            ("timestamp > '2020-01-01'", "true"),
            ("timestamp > toDateTime('2020-01-01 00:00:00', 'Europe/Berlin')", "true"),
            ("timestamp < toDateTime64('2020-01-01 00:00:00.000000', 6, 'UTC')", "false"),
            ("events.event = 'signup' and $group_0 = ''", "$group_0 = '' and event = 'signup'"),
        ],
    )
    def test_equal_conditions_count_the_same(self, us: Caller, where: str, same: str) -> None:
        assert count(us, where) == count(us, same)

    def test_placeholders_take_their_values(self, us: Caller) -> None:
        where = "event in {names} and timestamp >= {since}"
        values = {"names": ["signup", "report_created"], "since": "2020-01-01"}
        expected = count(us, "event = 'signup' or event = 'report_created'")
        assert count(us, where, values=values) == expected

    def test_a_value_stays_a_value_whatever_it_says(self, us: Caller) -> None:
        assert count(us, "event = {name}", values={"name": "x' or '1' = '1"}) == 0


class TestResponse:
    def test_an_alias_names_the_column_and_types_are_pairs(self, us: Caller) -> None:
        body = us.query("select count() as n from events").json()
        assert (body["columns"], body["types"]) == (["n"], [["n", "UInt64"]])
        assert us.query("select count() from events").json()["columns"] == ["count()"]

    def test_constants_are_answered_without_a_table(self, us: Caller) -> None:
        body = us.query("select 1, 'a' as letter").json()
        assert body["results"] == [[1, "a"]]
        assert body["types"] == [["1", "UInt8"], ["letter", "String"]]

    def test_without_a_limit_the_page_is_told(self, us: Caller) -> None:
        body = us.query("select count() from events").json()
        assert (body["hasMore"], body["limit"], body["offset"]) == (False, 100, 0)
        assert body["hogql"].endswith("LIMIT 101 OFFSET 0")

    @pytest.mark.parametrize("limit", [1, 50_001])
    def test_with_a_limit_of_ones_own_it_is_not(self, us: Caller, limit: int) -> None:
        body = us.query(f"select count() from events limit {limit}").json()
        assert (body["hasMore"], body["limit"], body["offset"]) == (None, None, None)
        assert len(body["results"]) == 1

    def test_a_limit_of_nothing_leaves_no_row(self, us: Caller) -> None:
        assert us.query("select count() from events limit 0").json()["results"] == []

    def test_the_cost_is_in_the_headers(self, us: Caller) -> None:
        headers = us.query(refresh="force_blocking").headers
        assert int(headers["X-PostHog-Query-Bytes-Read"]) > 0
        assert int(headers["X-PostHog-Query-Budget-Remaining-Bytes"]) > 0

    def test_all_fields_that_clients_send_are_taken(self, us: Caller) -> None:
        response = us.query(refresh="force_blocking", name="beton", client_query_id="0192")
        assert response.status_code == 200


class TestCache:
    def test_the_same_text_is_answered_from_the_cache_free_of_cost(self, us: Caller) -> None:
        first, second = us.query(), us.query()
        assert (first.json()["is_cached"], second.json()["is_cached"]) == (False, True)
        assert second.json()["last_refresh"] == first.json()["last_refresh"]
        assert second.headers["X-PostHog-Query-Bytes-Read"] == "0"

    @pytest.mark.parametrize("refresh", ["force_blocking", True])
    def test_a_forced_query_is_computed_anew(self, us: Caller, refresh: object) -> None:
        us.query()
        assert us.query(refresh=refresh).json()["is_cached"] is False

    def test_other_values_are_another_query(self, us: Caller) -> None:
        text = "select count() from events where event = {name}"
        us.query(text, values={"name": "signup"})
        assert us.query(text, values={"name": "$pageview"}).json()["is_cached"] is False

    def test_it_is_kept_for_six_hours(self) -> None:
        api = Api(region=new_region("us"))
        assert ask(api, now=NOON).body["is_cached"] is False
        assert ask(api, now=NOON + timedelta(hours=5, minutes=59)).body["is_cached"] is True
        assert ask(api, now=NOON + timedelta(hours=6)).body["is_cached"] is False

    def test_a_reset_forgets_it(self, posthog: Sandbox, us: Caller) -> None:
        us.query()
        posthog.us.reset()
        assert us.query().json()["is_cached"] is False


class TestBody:
    """400 ``parse_error`` for a body that is not JSON or not of the schema."""

    def refused(self, caller: Caller, body: Any, **more: Any) -> str:
        more = more or {"json": body}
        response = caller.send("POST", "/api/projects/12345/query/", **more)
        refusal = response.json()
        assert response.status_code == 400
        assert (refusal["type"], refusal["code"]) == ("invalid_request", "parse_error")
        detail: str = refusal["detail"]
        assert detail.startswith("JSON parse error - ")
        return detail

    def test_that_is_not_json(self, us: Caller) -> None:
        assert "Expecting" in self.refused(us, None, data=b"{")

    @pytest.mark.parametrize(
        "body", [[], {}, {"query": "select 1"}, {"query": {"query": "select 1"}}]
    )
    def test_without_a_query_of_a_kind(self, us: Caller, body: Any) -> None:
        assert "1 validation error for QueryRequest" in self.refused(us, body)

    def test_of_an_unknown_kind(self, us: Caller) -> None:
        detail = self.refused(us, {"query": {"kind": "Tomato Soup"}})
        tag = "Input tag 'Tomato Soup' found using 'kind' does not match any of the expected tags"
        assert tag in detail

    @pytest.mark.parametrize(
        ("fields", "where"),
        [
            ({"nope": 1}, "nope"),
            ({"refresh": "now"}, "refresh"),
            ({"name": 1}, "name"),
            ({"client_query_id": []}, "client_query_id"),
        ],
    )
    def test_with_a_field_that_does_not_fit(
        self, us: Caller, fields: dict[str, Any], where: str
    ) -> None:
        query = {"kind": "HogQLQuery", "query": "select 1"}
        assert f"QueryRequest\n{where}" in self.refused(us, {"query": query, **fields})

    @pytest.mark.parametrize("fields", [{"nope": 1}, {"query": 1}, {"values": [1]}])
    def test_with_a_field_of_the_query_that_does_not_fit(
        self, us: Caller, fields: dict[str, Any]
    ) -> None:
        query = {"kind": "HogQLQuery", "query": "select 1"} | fields
        assert f"query.HogQLQuery.{next(iter(fields))}" in self.refused(us, {"query": query})


class TestRefusals:
    def refused(self, caller: Caller, text: str, **more: Any) -> dict[str, Any]:
        response = caller.query(text, **more)
        assert response.status_code == 400, response.text
        body: dict[str, Any] = response.json()
        assert body["type"] == "validation_error"
        return body

    def test_an_unknown_field_is_named_with_its_place_and_the_tables(self, us: Caller) -> None:
        body = self.refused(us, "select nope from events")
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
    def test_what_the_grammar_refuses_is_a_syntax_error(self, us: Caller, text: str) -> None:
        body = self.refused(us, text)
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
    def test_what_does_not_exist_is_named(self, us: Caller, text: str, message: str) -> None:
        body = self.refused(us, text)
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
    def test_offset_is_closed_to_personal_keys(self, us: Caller, text: str) -> None:
        body = self.refused(us, text)
        assert body["code"] == "hogql_query_error"
        opening = "OFFSET is not supported on queries made with a personal API key. "
        assert body["detail"].startswith(opening)

    @pytest.mark.parametrize(
        "text",
        [
            "select event, count() from events group by event",
            "select uniq(distinct_id) from events",
            "select count(distinct event) from events",
            "select count() from events where properties.plan = 'pro'",
            "select count() from events where person.properties.email like '%@acme.com'",
            "select count() from events where timestamp > 5",
            "select count() from events where timestamp > 'next week'",
            "select count() from persons",
            "select count() from (select event from events)",
            "select count() from events join persons on persons.id = events.person_id",
            "with x as (select 1) select * from x",
            "select 1 union all select 2",
            "select count() from events order by count()",
            "select count() from events limit 1 + 1",
            "select count() from events where " + "not " * 900 + "true",
        ],
    )
    def test_valid_hogql_that_is_beyond_the_stand_in_says_so(self, us: Caller, text: str) -> None:
        body = self.refused(us, text)
        assert body["code"] == "hogql_query_error"
        assert body["detail"].startswith("The stand-in PostHog does not answer this yet: ")

    @pytest.mark.parametrize("refresh", ["async", "force_async", "lazy_async"])
    def test_so_does_an_asynchronous_query(self, us: Caller, refresh: str) -> None:
        body = self.refused(us, "select 1", refresh=refresh)
        assert body["detail"].startswith("The stand-in PostHog does not answer this yet: ")


def test_the_parser_leaves_no_module_of_posthogs_behind() -> None:
    assert not [name for name in sys.modules if name.split(".")[0] == "posthog"]
