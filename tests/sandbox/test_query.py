"""The query endpoint: the form of its answer, its limits and its cache."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integrations_posthog.sandbox import Sandbox
from integrations_posthog.sandbox.api import Api
from integrations_posthog.sandbox.world import new_region

from .conftest import Caller, ask

NOON = datetime(2026, 10, 9, 12, 0, tzinfo=UTC)


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
