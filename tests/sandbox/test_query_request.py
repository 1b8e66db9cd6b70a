"""Bodies that are not JSON or not of the schema: 400 ``parse_error``."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Caller


def refused(caller: Caller, body: Any, **more: Any) -> str:
    more = more or {"json": body}
    response = caller.send("POST", "/api/projects/12345/query/", **more)
    refusal = response.json()
    assert response.status_code == 400
    assert (refusal["type"], refusal["code"]) == ("invalid_request", "parse_error")
    detail: str = refusal["detail"]
    assert detail.startswith("JSON parse error - ")
    return detail


def test_a_body_that_is_not_json_is_refused(us: Caller) -> None:
    assert "Expecting" in refused(us, None, data=b"{")


@pytest.mark.parametrize("body", [[], {}, {"query": "select 1"}, {"query": {"query": "select 1"}}])
def test_a_body_needs_a_query_of_a_kind(us: Caller, body: Any) -> None:
    assert "1 validation error for QueryRequest" in refused(us, body)


def test_an_unknown_kind_of_query_is_named(us: Caller) -> None:
    detail = refused(us, {"query": {"kind": "Tomato Soup"}})
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
def test_a_field_that_does_not_fit_is_named(us: Caller, fields: dict[str, Any], where: str) -> None:
    query = {"kind": "HogQLQuery", "query": "select 1"}
    assert f"QueryRequest\n{where}" in refused(us, {"query": query, **fields})


@pytest.mark.parametrize("fields", [{"nope": 1}, {"query": 1}, {"values": [1]}])
def test_so_is_a_field_of_the_query(us: Caller, fields: dict[str, Any]) -> None:
    query = {"kind": "HogQLQuery", "query": "select 1"} | fields
    assert f"query.HogQLQuery.{next(iter(fields))}" in refused(us, {"query": query})
