"""Who is let in, in which order the checks come, and what changes while a caller is away."""

from __future__ import annotations

import pytest

from integrations_posthog.sandbox import KEYS, Key, Sandbox
from integrations_posthog.sandbox.access import Caller as KnownCaller
from integrations_posthog.sandbox.tenants import new_region

from .conftest import Caller, denied, refusal

INVALID = "Personal API key found in request Authorization header is invalid."


@pytest.mark.parametrize("key", [KEYS.revoked, KEYS.project_token, KEYS.eu], ids=lambda k: k.label)
@pytest.mark.parametrize("path", ["/api/personal_api_keys/@current/", "/api/projects/"])
def test_every_key_that_is_not_valid_here_gets_the_same_401(
    us: Caller, key: Key, path: str
) -> None:
    response = us.get(path, key=key)
    assert response.status_code == 401
    assert response.json() == refusal("authentication_error", "authentication_failed", INVALID)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Token x", "bearer phx_abc"])
def test_a_request_without_a_bearer_key_is_not_authenticated(
    us: Caller, authorization: str
) -> None:
    response = us.get("/api/projects/", key=None, headers={"Authorization": authorization})
    assert response.status_code == 401
    assert response.json() == refusal(
        "authentication_error",
        "not_authenticated",
        "Authentication credentials were not provided.",
    )


def test_a_401_points_at_the_oauth_metadata(us: Caller) -> None:
    challenge = us.get("/api/projects/", key=KEYS.revoked).headers["WWW-Authenticate"]
    url = f"{us.region.url}/.well-known/oauth-protected-resource"
    assert challenge == f'Bearer resource_metadata="{url}"'


def test_an_oauth_token_is_refused_in_words_of_its_own(us: Caller) -> None:
    response = us.get("/api/projects/", key=None, headers={"Authorization": "Bearer pha_abcdefgh"})
    assert (response.status_code, response.json()["detail"]) == (401, "Invalid access token.")


def test_a_key_may_stand_in_the_query_string_or_in_the_body(us: Caller) -> None:
    good = {"personal_api_key": KEYS.full.value}
    assert us.get("/api/projects/", key=None, params=good).status_code == 200
    assert us.send("GET", "/api/projects/", key=None, json=good).status_code == 200


@pytest.mark.parametrize(("place", "source"), [("params", "query string"), ("json", "body")])
def test_the_refusal_says_where_the_key_was(us: Caller, place: str, source: str) -> None:
    bad = {place: {"personal_api_key": "phx_invented"}}
    detail = us.send("GET", "/api/projects/", key=None, **bad).json()["detail"]
    assert detail == f"Personal API key found in request {source} is invalid."


def test_write_implies_read_of_the_same_object_only() -> None:
    owner = new_region("us").users["ann"]
    caller = KnownCaller(key=KEYS.full, user=owner, scopes=("project:write",), restricted=True)
    assert caller.may("project:read")
    assert not caller.may("query:read")


class TestOrderOfChecks:
    """Each refusal in PostHog's order, shown by a request that the next ones would refuse too."""

    def test_the_key_comes_before_the_project(self, us: Caller) -> None:
        assert us.query(key=KEYS.revoked, project=999).status_code == 401

    def test_the_project_comes_before_the_restrictions(self, us: Caller) -> None:
        response = us.query(key=KEYS.one_project, project=999)
        assert (response.status_code, response.json()["detail"]) == (404, "Project not found.")

    @pytest.mark.parametrize("project", ["abc", "-1"])
    def test_below_a_project_an_id_that_is_no_number_is_not_found(
        self, us: Caller, project: str
    ) -> None:
        response = us.query(project=project)
        assert (response.status_code, response.json()["detail"]) == (404, "Project not found.")

    def test_the_keys_projects_come_before_its_scopes(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.remove_scope(KEYS.one_project, "query:read")
        detail = "API key does not have access to the requested project: ID 201."
        assert us.query(key=KEYS.one_project, project=201).json() == denied(detail)

    def test_the_scopes_come_before_the_membership(self, us: Caller) -> None:
        detail = "API key missing required scope 'query:read'"
        assert us.query(key=KEYS.no_query, project=201).json() == denied(detail)

    def test_the_membership_comes_before_the_body(self, us: Caller) -> None:
        response = us.query("nonsense", project=201)
        assert response.status_code == 403
        assert response.json() == denied("You don't have access to the project.")


class TestChanges:
    """What may happen to a customer between two calls."""

    def test_a_revoked_key_is_invalid_until_it_is_healed(
        self, posthog: Sandbox, us: Caller
    ) -> None:
        posthog.us.revoke(KEYS.full)
        assert us.get("/api/projects/").status_code == 401
        assert us.get("/api/projects/", key=KEYS.minimal).status_code == 200
        posthog.us.heal()
        assert us.get("/api/projects/").status_code == 200

    def test_a_scope_can_be_taken_even_from_a_key_with_all(
        self, posthog: Sandbox, us: Caller
    ) -> None:
        posthog.us.remove_scope(KEYS.full, "query:read")
        told = us.get("/api/personal_api_keys/@current/").json()
        assert "query:read" not in told["scopes"]
        assert "project:read" in told["scopes"]
        assert us.query().json() == denied("API key missing required scope 'query:read'")

    def test_a_deleted_project_is_gone_everywhere(self, posthog: Sandbox, us: Caller) -> None:
        posthog.us.delete_project(12345)
        assert us.get("/api/projects/").json()["results"] == []
        assert us.get("/api/projects/12345/").json()["detail"] == "Not found."
        assert us.query().json()["detail"] == "Project not found."
