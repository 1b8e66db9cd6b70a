"""Each fault, over a real socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from integrations_posthog.sandbox import FAULTS, KEYS, Fault, Sandbox

from .conftest import Caller

MEGABYTE = 1024 * 1024
QUERY = "/api/projects/12345/query/"

NO_ACCESS = "API key does not have access to the requested"
REFUSALS = {
    "401": (401, "authentication_failed", "Personal API key found in request"),
    "402": (402, "api_queries_quota_exceeded", "Your organization has read more query data"),
    "403_scope": (403, "permission_denied", "API key missing required scope 'query:read'"),
    "403_project": (
        403,
        "permission_denied",
        f"{NO_ACCESS} project: ID 12345.",
    ),
    "403_organization": (
        403,
        "permission_denied",
        f"{NO_ACCESS} organization: ID ",
    ),
    "403_keys_disabled": (
        403,
        "permission_denied",
        "Organization 'Acme Corp' does not allow",
    ),
    "404": (404, "not_found", "Project not found."),
    "429": (429, "throttled", "Request was throttled. Expected available in 59 seconds."),
    "429_concurrency": (429, "throttled", "Too many queries are running right now"),
    "429_budget": (429, "api_queries_budget_exceeded", ""),
    "500": (500, "error", "A server error occurred."),
    "503": (503, "error", "Queries are a little too busy right now."),
    "503_database": (503, "database_unavailable", "We couldn't reach the database just now."),
    "504": (504, "error", "Query has hit the max execution time"),
    "512": (512, "error", "Estimated query execution time is too long."),
    "513": (513, "clickhouse_memory_limit_exceeded", "This query ran out of memory"),
}
PAGES = {"500_html": 500, "502": 502, "html": 200}
RETRY_AFTER = {"429": "59", "429_budget": "59", "503_database": "1"}
MISSHAPEN = ("truncated", "wrong_shape", "missing_fields", "wrong_types")
ON_THE_WIRE = (
    "short_body",
    "huge",
    "huge_gzip",
    "trickle",
    "trickle_head",
    "never",
    "drop",
    "redirect",
    "slow",
)


def test_every_fault_is_tested_here() -> None:
    assert {*REFUSALS, *PAGES, *MISSHAPEN, *ON_THE_WIRE} == set(FAULTS)


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_comes_in_posthogs_envelope_and_words(
    posthog: Sandbox, us: Caller, name: str
) -> None:
    posthog.us.fail(name)
    response = us.query()
    status, code, words = REFUSALS[name]
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code)
    assert body["detail"].startswith(words)
    assert body["attr"] is None
    assert response.headers.get("Retry-After") == RETRY_AFTER.get(name)
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_comes_as_html(posthog: Sandbox, us: Caller, name: str) -> None:
    posthog.us.fail(name)
    response = us.query()
    assert response.status_code == PAGES[name]
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<html" in response.text


def test_a_fault_can_be_told_its_numbers_and_names(posthog: Sandbox, us: Caller) -> None:
    posthog.us.fail("429", retry_after=7, times=1)
    response = us.query()
    assert response.headers["Retry-After"] == "7"
    assert response.json()["detail"].endswith("in 7 seconds.")
    posthog.us.fail("403_scope", scope="project:read", times=1)
    assert us.query().json()["detail"] == "API key missing required scope 'project:read'"


def test_the_missing_scope_is_the_endpoints_own(posthog: Sandbox, us: Caller) -> None:
    posthog.us.fail("403_scope")
    assert "'user:read'" in us.get("/api/users/@me/").json()["detail"]
    assert "'project:read'" in us.get("/api/projects/").json()["detail"]


def test_a_missing_project_is_worded_for_the_route(posthog: Sandbox, us: Caller) -> None:
    posthog.us.fail("404")
    assert us.get("/api/projects/12345/").json()["detail"] == "Not found."
    assert us.query().json()["detail"] == "Project not found."


class TestWhomItStrikes:
    def test_only_paths_that_match_whatever_the_last_slash(
        self, posthog: Sandbox, us: Caller
    ) -> None:
        posthog.us.fail("500", path="/projects/$")
        assert us.get("/api/projects/12345/").status_code == 200
        assert us.get("/api/projects").status_code == 500
        assert us.get("/api/projects/").status_code == 500

    def test_only_as_often_as_ordered(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.fail("500", times=2)
        assert [us.get("/api/projects/").status_code for _ in range(3)] == [500, 500, 200]

    def test_one_after_the_other(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.fail("502", times=1)
        posthog.us.fail("503", times=1)
        assert [us.get("/api/projects/").status_code for _ in range(3)] == [502, 503, 200]

    def test_only_the_region_that_was_told(self, posthog: Sandbox, us: Caller, eu: Caller) -> None:
        posthog.us.fail("500")
        assert us.get("/api/projects/").status_code == 500
        assert eu.get("/api/projects/", key=KEYS.eu).status_code == 200

    def test_nobody_once_healed(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.fail("500")
        posthog.us.heal()
        assert us.get("/api/projects/").status_code == 200

    @pytest.mark.parametrize(
        "wrong",
        [{"name": "earthquake"}, {"name": "500", "path": "("}, {"name": "500", "times": "x"}],
    )
    def test_an_order_that_makes_no_sense_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"no fault|no regular expression|wrong type"):
            Fault(**wrong)


class TestMisshapen:
    def test_truncated_json_has_a_length_that_fits(self, posthog: Sandbox, us: Caller) -> None:
        whole = us.query().content
        posthog.us.fail("truncated")
        response = us.query()
        assert response.status_code == 200
        assert int(response.headers["Content-Length"]) == len(response.content) < len(whole)
        with pytest.raises(json.JSONDecodeError):
            json.loads(response.content)

    def test_the_shape_may_be_a_list(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.fail("wrong_shape")
        assert us.get("/api/projects/").json() == []

    def test_the_fields_may_be_missing(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.fail("missing_fields")
        assert "results" not in us.get("/api/projects/").json()

    def test_the_types_may_be_wrong(self, posthog: Sandbox, us: Caller) -> None:
        right = us.query().json()
        posthog.us.fail("wrong_types")
        wrong = us.query().json()
        assert wrong.keys() == right.keys()
        assert isinstance(wrong["results"], str)
        assert not [name for name in right if type(right[name]) is type(wrong[name])]
