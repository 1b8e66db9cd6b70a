"""The query endpoint: the form of its answer, its limits and its cache."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.sandbox.api import Api
from integrations_posthog.sandbox.tenants import new_region

from .conftest import Caller, ask

NOON = datetime(2026, 10, 9, 12, 0, tzinfo=UTC)
MANY = "select arrayJoin(range(60000)) as n"


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

    def test_without_a_limit_there_are_a_hundred_rows(self, us: Caller) -> None:
        body = us.query("select timestamp from events").json()
        assert (len(body["results"]), body["hasMore"]) == (100, True)

    def test_each_part_of_a_union_has_its_own_hundred(self, us: Caller) -> None:
        part = "select timestamp from events"
        body = us.query(f"{part} union all {part} limit 3").json()
        assert (len(body["results"]), body["hasMore"], body["limit"]) == (103, None, None)

    def test_a_limit_above_50000_is_cut_without_a_word(self, us: Caller) -> None:
        assert len(us.query(f"{MANY} limit 55000").json()["results"]) == 50_000
        inner = f"select count() from ({MANY} limit 55000)"
        assert us.query(inner).json()["results"] == [[55_000]]

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
        api = Api(region=new_region("us", clock=lambda: NOON))
        assert ask(api, now=NOON).body["is_cached"] is False
        assert ask(api, now=NOON + timedelta(hours=5, minutes=59)).body["is_cached"] is True
        assert ask(api, now=NOON + timedelta(hours=6)).body["is_cached"] is False

    def test_a_reset_forgets_it(self, posthog: Sandbox, us: Caller) -> None:
        us.query()
        posthog.us.reset()
        assert us.query().json()["is_cached"] is False


class TestLimits:
    """Limits below PostHog's own, for what a client does about them."""

    @pytest.mark.parametrize("rows", [1, 100, 1_000])
    def test_rows_are_cut_without_a_word(self, posthog: Sandbox, us: Caller, rows: int) -> None:
        posthog.us.limit_queries(rows=rows)
        body = us.query(f"{MANY} limit 50000").json()
        assert (len(body["results"]), body["hasMore"], body["error"]) == (rows, None, None)
        assert us.query(f"select count() from ({MANY} limit 50000)").json()["results"] == [[50_000]]

    @pytest.mark.parametrize("status", [504, 512, 513])
    @pytest.mark.parametrize("limit", [{"events": 1_000}, {"days": 8}])
    def test_what_reads_too_much_is_refused(
        self, posthog: Sandbox, us: Caller, limit: dict[str, int], status: int
    ) -> None:
        posthog.us.limit_queries(**limit, status=status)
        start = "select count() from events where timestamp <= now() and timestamp > now()"
        assert us.query(f"{start} - interval 9 day").status_code == status
        assert us.query(f"{start} - interval 1 day").status_code == 200

    def test_they_end_with_the_faults(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.limit_queries(rows=1, days=1)
        posthog.us.heal()
        assert len(us.query(f"{MANY} limit 2").json()["results"]) == 2

    @pytest.mark.parametrize("wrong", [{"rows": 0}, {"status": 500}])
    def test_one_that_makes_no_sense_is_refused(
        self, posthog: Sandbox, wrong: dict[str, int]
    ) -> None:
        with pytest.raises(ValueError, match="status is 504, 512 or 513"):
            posthog.us.limit_queries(**wrong)


class TestProject:
    def test_the_answer_tells_the_projects_time_zone(self, posthog: Sandbox, us: Caller) -> None:
        assert us.query().json()["timezone"] == "UTC"
        posthog.us.data(12345).set_timezone("Asia/Kolkata")
        body = us.query("select max(timestamp) from events").json()
        assert body["timezone"] == "Asia/Kolkata"
        assert body["results"][0][0].endswith("+05:30")
        assert us.get("/api/projects/12345/").json()["timezone"] == "Asia/Kolkata"

    def test_each_has_its_own_data(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.data(12345).set_timezone("Asia/Kolkata")
        other = us.query("select 1", key=KEYS.several, project=201).json()
        assert other["timezone"] == "UTC"

    def test_a_reset_takes_every_change_back(self, posthog: Sandbox, us: Caller) -> None:
        data = posthog.us.data(12345)
        uuids = [row[0] for row in data.run_sql("SELECT uuid FROM events LIMIT 100")]
        data.delete_events(uuids)
        count = "select count() from events"
        assert us.query(count).json()["results"] == [[15420 + 7710 - 100]]
        posthog.us.reset()
        assert us.query(count).json()["results"] == [[15420 + 7710]]

    def test_a_stale_answer_knows_nothing_of_a_change(self, posthog: Sandbox, us: Caller) -> None:
        data = posthog.us.data(12345)
        before = us.query().json()["results"]
        data.delete_events([row[0] for row in data.run_sql("SELECT uuid FROM events")])
        assert us.query().json()["results"] == before
        assert us.query(refresh="force_blocking").json()["results"] == [[0]]
