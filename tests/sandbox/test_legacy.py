"""Older instances: PostHog 1.30 as it was recorded, and PostHog of December 2023."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations_posthog.sandbox import KEYS, Key, Sandbox

from .conftest import Caller

RECORDED = {
    (each["label"], each["method"], each["path"]): each
    for each in json.loads(
        Path(__file__).with_name("recorded_posthog_1_30.json").read_text(encoding="utf-8")
    )["exchanges"]
}


@pytest.fixture
def posthog_1_30() -> Iterator[Caller]:
    with Sandbox(legacy="1.30") as sandbox:
        caller = Caller(sandbox.us)
        with caller.session:
            yield caller


@pytest.fixture
def posthog_2023() -> Iterator[Caller]:
    with Sandbox(legacy="2023") as sandbox:
        caller = Caller(sandbox.us)
        with caller.session:
            yield caller


def recorded(label: str) -> dict[str, Any]:
    return next(each for (name, _, _), each in RECORDED.items() if name == label)


def shape(value: Any) -> Any:
    """The fields of an object and of the objects in it, without the values."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [shape(value[0])]
    return None


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("invalid personal API key: projects list", KEYS.revoked),
        ("no key: projects list", None),
        ("user without organization: project @current", KEYS.no_project),
        ("project 999", KEYS.full),
        ("project abc", KEYS.full),
        ("unknown organization (uuid)", KEYS.full),
        ("organization id not a uuid", KEYS.full),
        ("organizations list", KEYS.full),
        ("query endpoint (did not exist then)", KEYS.full),
        ("DELETE on me", KEYS.full),
    ],
)
def test_1_30_refuses_as_recorded(posthog_1_30: Caller, label: str, key: Key | None) -> None:
    exchange = recorded(label)
    response = posthog_1_30.send(exchange["method"], exchange["path"], key=key)
    assert response.status_code == exchange["status"]
    assert response.json() == exchange["body"]
    assert "WWW-Authenticate" not in response.headers


def test_1_30_fails_with_the_recorded_page(posthog_1_30: Caller) -> None:
    posthog_1_30.region.fail("500_html")
    response = posthog_1_30.get("/api/users/@me/")
    exchange = recorded("Accept: text/html")
    assert (response.status_code, response.text) == (exchange["status"], exchange["body"])


@pytest.mark.parametrize(
    ("label", "path"),
    [
        ("valid personal API key: projects list", "/api/projects/"),
        ("valid personal API key: project 1", "/api/projects/12345/"),
        ("valid personal API key: me", "/api/users/@me/"),
        ("valid personal API key: organization @current", "/api/organizations/@current/"),
    ],
)
def test_1_30_sends_the_recorded_fields(posthog_1_30: Caller, label: str, path: str) -> None:
    response = posthog_1_30.get(path)
    assert response.status_code == 200
    assert shape(response.json()) == shape(recorded(label)["body"])


def test_older_instances_have_no_introspection(old: Caller) -> None:
    response = old.get("/api/personal_api_keys/@current/")
    assert (response.status_code, response.json()["detail"]) == (404, "Endpoint not found.")


def test_older_instances_know_neither_scopes_nor_restrictions(old: Caller) -> None:
    assert old.get("/api/users/@me/", key=KEYS.minimal).status_code == 200
    assert len(old.get("/api/projects/", key=KEYS.one_project).json()["results"]) == 3
    assert old.get("/api/projects/201/", key=KEYS.organization).status_code == 200


def test_older_instances_refuse_a_key_without_a_challenge(old: Caller) -> None:
    for response in (old.get("/api/projects/", key=KEYS.revoked), old.get("/x", key=None)):
        assert "WWW-Authenticate" not in response.headers
    old.region.fail("401")
    assert "WWW-Authenticate" not in old.get("/api/projects/").headers


class TestQueriesOf2023:
    def test_they_are_answered_without_a_scope_and_without_a_cache(
        self, posthog_2023: Caller
    ) -> None:
        for _ in range(2):
            body = posthog_2023.query(key=KEYS.no_query).json()
            assert body["results"] == [[15420]]
            assert "is_cached" not in body

    @pytest.mark.parametrize("fields", [{"name": "beton"}, {"refresh": "force_blocking"}])
    def test_newer_fields_are_refused(self, posthog_2023: Caller, fields: dict[str, Any]) -> None:
        response = posthog_2023.query(**fields)
        assert (response.status_code, response.json()["code"]) == (400, "parse_error")

    def test_the_fields_of_then_are_taken(self, posthog_2023: Caller) -> None:
        response = posthog_2023.query(refresh=True, client_query_id="x")
        assert response.status_code == 200

    def test_a_refusal_is_a_plain_validation_error(self, posthog_2023: Caller) -> None:
        response = posthog_2023.query("select nope from events")
        assert response.status_code == 400
        assert response.json() == {
            "type": "validation_error",
            "code": "invalid_input",
            "detail": "Unable to resolve field: nope",
            "attr": None,
        }

    def test_a_project_of_others_is_refused_as_today(self, posthog_2023: Caller) -> None:
        response = posthog_2023.query(project=201)
        assert response.status_code == 403
        assert response.json()["detail"] == "You don't have access to the project."
