"""The contract with our callers: every field, text, status and error type of the API.

``-m integration`` also asks a real PostHog, with POSTHOG_TEST_API_KEY (and POSTHOG_TEST_HOST).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from rest_framework.exceptions import Throttled
from rest_framework.test import APIClient

from beton.models import Workspace
from integrations_posthog.api.viewsets import PosthogViewSet
from integrations_posthog.client import PostHogWorkspaceClient
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services.validator import PostHogValidatorService

VALIDATE, STATUS, DISCONNECT = (
    f"/api/posthog/{call}" for call in ("validate", "status", "disconnect")
)
UNKNOWN_KEY = "phx_" + "0" * 47
LOCAL_RATE_LIMIT = "Rate limit exceeded. Maximum 5 validation requests per minute."

ClientOf = Callable[[User], APIClient]


@pytest.fixture
def api(alice: User, session_client: ClientOf) -> APIClient:
    return session_client(alice)


def validate(api: APIClient, key: str = KEYS.full.value, **body: Any) -> Any:
    return api.post(VALIDATE, {"api_key": key} | body, format="json")


def assert_error(response: Any, status: int, error_type: str, error: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert body["error_type"] == error_type
    assert body["error"] == error
    assert body.keys() <= {"error", "error_type", "hint", "missing_scopes"}
    return body


class TestValidate:
    def test_a_good_key_connects_the_workspace(self, api: APIClient, posthog: Sandbox) -> None:
        response = validate(api)
        assert response.status_code == 200
        assert response.json() == {
            "success": True,
            "workspace_name": "Acme Corp",
            "project_id": "12345",
            "events_count": 15420,
            "project_name": "Acme Production",
            "host": posthog.us.url,
            "projects": [{"id": "12345", "name": "Acme Production"}],
        }
        config = PosthogWorkspaceConfig.objects.get()
        assert config.is_active
        assert config.is_validated
        assert config.posthog_api_key.open() == KEYS.full.value

    def test_a_key_that_starts_with_phc_works_as_in_the_examples(
        self, api: APIClient, posthog: Sandbox
    ) -> None:
        assert validate(api, KEYS.phc.value).status_code == 200

    def test_white_space_around_the_key_does_not_matter(
        self, api: APIClient, posthog: Sandbox
    ) -> None:
        assert validate(api, f"  {KEYS.full.value}\n").status_code == 200

    def test_a_slash_at_the_end_is_accepted(self, api: APIClient, posthog: Sandbox) -> None:
        response = api.post(f"{VALIDATE}/", {"api_key": KEYS.full.value}, format="json")
        assert response.status_code == 200

    def test_it_works_with_a_json_web_token(
        self, alice: User, jwt_client: ClientOf, posthog: Sandbox
    ) -> None:
        assert validate(jwt_client(alice)).status_code == 200

    @pytest.mark.parametrize(
        "key",
        ["", "   ", "abc", "phc_short", "phz_" + "a" * 40, "phx_" + "ä" * 40, "phx_" + "a" * 600],
    )
    def test_what_is_no_key_is_an_invalid_format(
        self, api: APIClient, posthog: Sandbox, key: str
    ) -> None:
        assert_error(
            validate(api, key),
            400,
            "invalid_format",
            "Invalid API key format. PostHog personal API keys start with 'phc_'",
        )
        assert not posthog.us.requests

    @pytest.mark.parametrize(
        "body",
        ["", "{", "[]", "null", '"text"', "{}", '{"api_key": null}', '{"api_key": {}}', "\xff"],
    )
    def test_a_body_without_a_key_is_an_invalid_format(self, api: APIClient, body: str) -> None:
        response = api.post(VALIDATE, body.encode("latin-1"), content_type="application/json")
        assert response.status_code == 400
        assert response.json()["error_type"] == "invalid_format"

    @pytest.mark.parametrize(
        ("body", "media_type"),
        [
            ("[" * 30_000, "application/json"),
            ('{"a":' * 5000 + "1" + "}" * 5000, "application/json"),
            ("&".join(f"f{n}=1" for n in range(1500)), "application/x-www-form-urlencoded"),
        ],
        ids=["lists", "objects", "fields"],
    )
    def test_so_is_a_body_beyond_all_measure(
        self, api: APIClient, body: str, media_type: str
    ) -> None:
        for path in (VALIDATE, "/api/auth/token", "/api/auth/token/refresh"):
            response = api.post(path, body, content_type=media_type)
            assert response.status_code == 400
            assert response.json()["error_type"] == "invalid_format"

    def test_every_attempt_is_in_the_history(self, api: APIClient, posthog: Sandbox) -> None:
        api.post(VALIDATE, "{", content_type="application/json")
        api.post(VALIDATE, {"api_key": "x" * 2000}, format="json")
        validate(api, host={})
        validate(api)
        events = PosthogConnectionEvent.objects.order_by("id")
        expected = ["invalid_format", "invalid_format", "invalid_host", ""]
        assert [event.error_type for event in events] == expected

    @pytest.mark.parametrize(
        ("key", "says"),
        [
            ("pha_" + "a" * 40, "OAuth"),
            ("sk_live_" + "a" * 20, "Stripe"),
            ("ghp_" + "a" * 36, "GitHub"),
        ],
    )
    def test_the_hint_names_what_was_pasted_instead(
        self, api: APIClient, key: str, says: str
    ) -> None:
        assert says in validate(api, key).json()["hint"]

    @pytest.mark.parametrize(
        "key", [UNKNOWN_KEY, KEYS.revoked.value, KEYS.project_token.value], ids=lambda key: key[-4:]
    )
    def test_a_key_that_posthog_does_not_know_is_unauthorized(
        self, api: APIClient, posthog: Sandbox, key: str
    ) -> None:
        body = assert_error(
            validate(api, key), 401, "unauthorized", "Invalid or unauthorized API key"
        )
        assert key not in str(body)

    def test_a_missing_scope_is_named_with_the_page_that_makes_a_key(
        self, api: APIClient, posthog: Sandbox
    ) -> None:
        body = assert_error(
            validate(api, KEYS.no_query.value),
            401,
            "unauthorized",
            "Invalid or unauthorized API key",
        )
        assert body["missing_scopes"] == ["query:read"]
        assert f"{posthog.us.url}/settings/user-api-keys" in body["hint"]

    def test_a_project_that_the_key_does_not_reach_is_not_found(
        self, api: APIClient, posthog: Sandbox
    ) -> None:
        response = validate(api, project_id="999")
        assert_error(response, 404, "not_found", "Project/workspace not found")

    @pytest.mark.parametrize("project_id", ["abc", "-1", "１２", "9" * 40, "1 OR 1", [1], {}, True])
    def test_a_project_id_that_is_no_number_is_not_found(
        self, api: APIClient, posthog: Sandbox, project_id: object
    ) -> None:
        response = validate(api, project_id=project_id)
        assert_error(response, 404, "not_found", "Project/workspace not found")

    @pytest.mark.parametrize(
        "host", ["acme", "http://posthog.acme.com", "https://10.0.0.1", "https://a.b:8443", {}, [1]]
    )
    def test_a_host_that_may_not_be_asked_is_an_invalid_host(
        self, api: APIClient, posthog: Sandbox, host: object
    ) -> None:
        assert_error(validate(api, host=host), 400, "invalid_host", "Invalid PostHog host")

    def test_the_sixth_validation_within_a_minute_is_rate_limited(
        self, api: APIClient, posthog: Sandbox
    ) -> None:
        for key in [KEYS.full.value, "malformed", UNKNOWN_KEY, KEYS.full.value]:
            validate(api, key)
        api.post(VALIDATE, "{", content_type="application/json")
        response = validate(api)
        assert_error(response, 429, "rate_limited", LOCAL_RATE_LIMIT)
        assert 1 <= int(response.headers["Retry-After"]) <= 60

    def test_the_rate_limit_of_posthog_is_passed_on(self, api: APIClient, posthog: Sandbox) -> None:
        posthog.us.fail("429", path="/query/", retry_after=33)
        response = validate(api)
        assert response.status_code == 429
        assert response.json()["error_type"] == "rate_limited"
        assert response.headers["Retry-After"] == "33"

    def test_a_rate_limit_without_a_time_names_none(self, api: APIClient, posthog: Sandbox) -> None:
        posthog.us.fail("429_concurrency", path="/query/")
        response = validate(api)
        assert response.status_code == 429
        assert "Retry-After" not in response.headers

    def test_a_dropped_connection_is_a_connection_error(
        self, api: APIClient, posthog: Sandbox
    ) -> None:
        posthog.us.fail("drop")
        assert validate(api).json()["error_type"] == "connection_error"
        assert validate(api).status_code == 502

    def test_an_error_of_posthog_is_an_api_error(self, api: APIClient, posthog: Sandbox) -> None:
        posthog.us.fail("500")
        body = assert_error(validate(api), 502, "api_error", "PostHog API returned an error")
        assert body["hint"]

    def test_an_unexpected_error_of_ours_is_an_internal_error(
        self, api: APIClient, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise RuntimeError("disk on fire")

        monkeypatch.setattr(PostHogValidatorService, "validate_and_store_config", broken)
        response = validate(api)
        assert_error(response, 500, "internal_error", "Unexpected server error")
        assert b"disk" not in response.content

    def test_a_cache_that_is_down_is_service_unavailable(
        self, api: APIClient, settings: Settings
    ) -> None:
        settings.CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": "redis://127.0.0.1:1",
            }
        }
        response = validate(api)
        assert_error(
            response, 503, "service_unavailable", "The service is not available at the moment"
        )
        assert api.get(STATUS).status_code == 200

    def test_someone_who_is_not_logged_in_is_not_authenticated(self) -> None:
        response = validate(APIClient())
        assert_error(response, 401, "not_authenticated", "You are not logged in")

    def test_a_member_may_not(self, carol: User, session_client: ClientOf) -> None:
        response = validate(session_client(carol))
        assert response.status_code == 403
        assert response.json()["error_type"] == "permission_denied"

    def test_other_methods_are_not_allowed(self, api: APIClient) -> None:
        response = api.get(VALIDATE)
        assert_error(response, 405, "method_not_allowed", "This method is not allowed here")
        assert response.headers["Allow"] == "POST, OPTIONS"

    def test_other_media_types_are_not_supported(self, api: APIClient) -> None:
        response = api.post(VALIDATE, "api_key: x", content_type="application/yaml")
        assert response.status_code == 415
        assert response.json()["error_type"] == "unsupported_media_type"

    @pytest.mark.parametrize(
        ("query", "headers"), [("", {"accept": "application/xml"}), ("?format=xml", {})]
    )
    def test_other_formats_are_not_acceptable(
        self, api: APIClient, query: str, headers: dict[str, str]
    ) -> None:
        response = api.get(STATUS + query, headers=headers)
        assert response.status_code == 406
        assert response.json()["error_type"] == "not_acceptable"

    def test_a_throttle_of_the_host_is_rate_limited(
        self, api: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise Throttled(wait=1.5)

        monkeypatch.setattr(PosthogViewSet, "check_throttles", refuse)
        response = api.get(STATUS)
        assert_error(response, 429, "rate_limited", "Rate limit exceeded")
        assert response.headers["Retry-After"] == "2"

    def test_no_answer_is_kept_by_a_cache(self, api: APIClient) -> None:
        assert api.get(STATUS).headers["Cache-Control"] == "no-store"


class TestStatus:
    def test_before_anything_is_configured(self, api: APIClient) -> None:
        assert api.get(STATUS).json() == {
            "is_configured": False,
            "is_validated": False,
            "is_active": False,
            "workspace_name": None,
            "project_id": None,
            "validated_at": None,
            "last_sync": None,
            "validation_error": None,
        }

    def test_of_a_connected_workspace(self, api: APIClient, posthog: Sandbox) -> None:
        validate(api)
        status = api.get(STATUS).json()
        validated_at = PosthogWorkspaceConfig.objects.get().validated_at
        assert validated_at is not None
        assert status == {
            "is_configured": True,
            "is_validated": True,
            "is_active": True,
            "workspace_name": "Acme Corp",
            "project_id": "12345",
            "validated_at": f"{validated_at:%Y-%m-%dT%H:%M:%SZ}",
            "last_sync": None,
            "validation_error": None,
        }

    def test_a_member_may_read_it(
        self, api: APIClient, carol: User, session_client: ClientOf, posthog: Sandbox
    ) -> None:
        validate(api)
        assert session_client(carol).get(STATUS).json()["is_configured"] is True

    def test_a_stranger_sees_his_own(
        self, api: APIClient, charlie: User, session_client: ClientOf, posthog: Sandbox
    ) -> None:
        validate(api)
        assert session_client(charlie).get(STATUS).json()["is_configured"] is False


class TestDisconnect:
    def test_it_deactivates_and_keeps(self, api: APIClient, posthog: Sandbox) -> None:
        validate(api)
        response = api.post(DISCONNECT)
        assert response.status_code == 200
        assert response.json() == {"message": "PostHog integration disconnected successfully"}
        status = api.get(STATUS).json()
        assert status["is_configured"] is True
        assert status["is_validated"] is True
        assert status["is_active"] is False

    def test_doing_it_again_answers_the_same(self, api: APIClient, posthog: Sandbox) -> None:
        validate(api)
        assert api.post(DISCONNECT).json() == api.post(f"{DISCONNECT}/").json()

    def test_a_later_validation_reactivates(self, api: APIClient, posthog: Sandbox) -> None:
        validate(api)
        api.post(DISCONNECT)
        validate(api)
        assert api.get(STATUS).json()["is_active"] is True

    def test_nothing_configured_is_not_found(self, api: APIClient) -> None:
        response = api.post(DISCONNECT)
        assert_error(response, 404, "not_found", "PostHog is not connected in this workspace")

    def test_a_member_may_not(
        self, api: APIClient, carol: User, session_client: ClientOf, posthog: Sandbox
    ) -> None:
        validate(api)
        assert session_client(carol).post(DISCONNECT).status_code == 403
        assert api.get(STATUS).json()["is_active"] is True


def test_unknown_paths_answer_in_the_same_envelope(api: APIClient) -> None:
    for path in ("/api/posthog/", "/api/posthog/nothing", "/api/posthog/validate/x"):
        assert_error(api.get(path), 404, "not_found", "There is nothing at this address")


def test_the_classes_have_the_names_and_methods_that_callers_know(acme: Workspace) -> None:
    for method in ("validate_credentials", "get_workspace_info", "get_events_count"):
        assert callable(getattr(PostHogWorkspaceClient, method))
    for method in ("validate_credentials", "validate_and_store_config", "get_config_status"):
        assert callable(getattr(PostHogValidatorService, method))
    assert PosthogWorkspaceConfig._meta.db_table == "posthog_workspace_config"


@pytest.mark.integration
@pytest.mark.skipif(
    "POSTHOG_TEST_API_KEY" not in os.environ, reason="POSTHOG_TEST_API_KEY names no key"
)
def test_a_real_posthog_accepts_a_real_key(api: APIClient) -> None:
    response = validate(
        api, os.environ["POSTHOG_TEST_API_KEY"], host=os.environ.get("POSTHOG_TEST_HOST")
    )
    assert response.status_code == 200, response.json()
    assert response.json()["success"] is True
    assert PosthogConnectionEvent.objects.get().outcome == "ok"
