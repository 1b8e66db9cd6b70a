"""The log of what came in, which never has a key in it."""

from __future__ import annotations

import pytest

from integrations_posthog.sandbox import KEYS, RecordedRequest, Sandbox

from .conftest import Caller


def test_it_tells_what_came_in_and_what_was_answered(posthog: Sandbox, us: Caller) -> None:
    us.get("/api/projects/?limit=2")
    us.query("select 1", key=KEYS.no_query)
    body = {"query": {"kind": "HogQLQuery", "query": "select 1"}}
    assert posthog.us.requests == [
        RecordedRequest(
            method="GET",
            path="/api/projects/?limit=2",
            status=200,
            key_label="full",
            body=None,
        ),
        RecordedRequest(
            method="POST",
            path="/api/projects/12345/query/",
            status=403,
            key_label="no_query",
            body=body,
        ),
    ]


def test_it_names_no_key_it_does_not_know(posthog: Sandbox, us: Caller) -> None:
    us.get("/api/projects/", key=None)
    us.get("/api/projects/", key=None, headers={"Authorization": "Bearer phx_somebody"})
    assert [seen.key_label for seen in posthog.us.requests] == [None, "unknown"]


@pytest.mark.parametrize("value", [KEYS.full.value, "phx_somebody_elses_key"])
def test_no_key_is_in_it_wherever_it_was_sent(posthog: Sandbox, us: Caller, value: str) -> None:
    us.get("/api/projects/", key=None, headers={"Authorization": f"Bearer {value}"})
    us.get("/api/projects/", key=None, params={"personal_api_key": value})
    us.send("POST", "/api/projects/", key=None, json={"personal_api_key": value})
    assert len(posthog.us.requests) == 3
    assert value not in str(posthog.us.requests)


def test_each_region_has_its_own(posthog: Sandbox, us: Caller) -> None:
    us.get("/api/projects/")
    assert posthog.eu.requests == []


def test_it_keeps_the_last_thousand(posthog: Sandbox, us: Caller) -> None:
    for number in range(1003):
        us.get(f"/api/{number}/", key=None)
    assert len(posthog.us.requests) == 1000
    assert posthog.us.requests[-1].path == "/api/1002/"


def test_it_tells_which_version_of_the_data_a_query_was_answered_from(
    posthog: Sandbox, us: Caller
) -> None:
    us.query("select 1")
    posthog.us.data(12345).set_timezone("Asia/Kolkata")
    us.query("select 2")
    us.query("select nope")
    us.get("/api/projects/")
    assert [seen.version for seen in posthog.us.requests] == [0, 1, None, None]
